"""Every saved workflow runs as it is saved, only smaller; nothing runs twice that need not."""

import io
from pathlib import Path

import pytest
from PIL import Image

from .graphs import ROOT, api_workflow, nodes_of, set_everywhere

NAMES = sorted(path.stem for path in (ROOT / "workflows" / "api").glob("*.json"))


def small(name, client):
    """A saved workflow at a size and step count that a CPU does in a second."""
    graph = api_workflow(name)
    for node_id in nodes_of(graph, "PrimitiveInt"):
        graph[node_id]["inputs"]["value"] = 128 if graph[node_id]["_meta"]["title"] == "Width" else 64
    set_everywhere(graph, steps=2)
    for node_id in nodes_of(graph, "LoadImage"):
        picture = io.BytesIO()
        Image.linear_gradient("L").resize((133, 101)).convert("RGB").save(picture, "PNG")
        graph[node_id]["inputs"]["image"] = client.upload_image(picture.getvalue(), "gradient.png")
    return graph


SIZES = {
    "hires-fix-latent": (256, 128),
    "hires-fix-pixel": (256, 128),
    "hires-fix-image": (264, 200),  # twice 133x101 in whole latent cells
    "multi-stage-upscale": (512, 256),
    "standalone-upscale": (266, 202),
}


def test_every_workflow_has_an_expected_size():
    assert set(SIZES) == set(NAMES)
    assert {path.stem for path in Path(ROOT / "workflows").glob("*.json")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_saved_workflow_runs_to_the_exact_size(name, host, client):
    graph = small(name, client)
    run = client.queue(graph).require_success()
    (save,) = nodes_of(graph, "SaveImage")
    (picture,) = run.images(save)
    with Image.open(io.BytesIO(picture)) as image:
        assert image.size == SIZES[name]
        low, high = image.convert("L").getextrema()
        assert high - low > 8, "the picture is flat"


def test_another_strength_runs_neither_the_checkpoint_nor_the_first_pass_again(host, client):
    graph = small("hires-fix-latent", client)
    set_everywhere(graph, seed=77)
    client.queue(graph).require_success()
    (renoise,) = nodes_of(graph, "HiresFixRenoise")
    graph[renoise]["inputs"]["denoising_strength"] = 0.55
    run = client.queue(graph).require_success()
    kept = {graph[node_id]["class_type"] for node_id in run.cached}
    assert {"CheckpointLoaderSimple", "CLIPTextEncode", "HiresFixBaseSampling", "HiresFixLatentUpscale"} <= kept
    ran = [graph[node_id]["class_type"] for node_id in run.executed]
    assert ran == ["HiresFixRenoise", "HiresFixSecondSampling", "VAEDecode", "SaveImage"]


def test_both_passes_report_every_step_and_show_previews(host, client):
    graph = small("hires-fix-latent", client)
    set_everywhere(graph, seed=78, steps=3)
    run = client.queue(graph, extra_data={"preview_method": "latent2rgb"}).require_success()
    for class_type in ("HiresFixBaseSampling", "HiresFixSecondSampling"):
        (node_id,) = nodes_of(graph, class_type)
        assert (node_id, 3, 3) in run.progress
    assert run.previews >= 2


def test_tiles_report_progress(host, client, models):
    graph = small("standalone-upscale", client)
    (loader,) = nodes_of(graph, "HiresFixUpscalerLoader")
    (upscale,) = nodes_of(graph, "HiresFixUpscaleImage")
    graph[loader]["inputs"]["upscaler_name"] = models.random_x2
    graph[upscale]["inputs"] |= {"tile_size": 64, "tile_overlap": 8, "upscaling_resize": 2.5}
    run = client.queue(graph).require_success()
    done = [(value, most) for node_id, value, most in run.progress if node_id == upscale and most > 1]
    # 133x101 in tiles of 64, then 266x202 again, because 2.5 is more than the model's 2
    assert done[-1][0] == done[-1][1] > 12

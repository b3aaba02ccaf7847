"""Every saved workflow runs as it is saved, only smaller; nothing runs twice that need not.

Generated models stand in for public ones, see dev/fixtures/stand_ins.py.
"""

import hashlib
import io
import json
import shutil

import pytest
import torch
from hires_pack.dev.fixtures.families import SD_X4
from hires_pack.dev.fixtures.stand_ins import stand_ins
from hires_pack.hires.graph.to_api import to_api
from hires_pack.hires.infotext.from_graph.read import read_graph
from hires_pack.hires.infotext.text import parse
from hires_pack.hires.infotext.to_graph.workflow import hires_workflow
from hires_pack.hires.infotext.write import write_settings
from hires_pack.recipes import library
from PIL import Image

from .graphs import api_workflow, conditioning, give, nodes_of, set_everywhere

PICTURE, SMALL_PICTURE = (133, 101), (67, 51)
"""Sizes of the picture that is loaded; the small one where it is made four times as large."""


@pytest.fixture(scope="module", autouse=True)
def public_models(host, models):
    """Generated models under the names that the workflows ask for."""
    with stand_ins(host.base / "models", models.files):
        yield


FOUR_TIMES = {
    "multi-stage-image",
    "tiled-redraw-controlnet",
    "tiled-redraw-plan",
    "upscale-aurasr",
    "upscale-ldsr",
    "upscale-pid",
    "upscale-sd-x4",
}

NOT_SMALL = {"upscale-supir"}
"""Its network has one size only, of thousands of millions of numbers: it was never run."""

NOT_LOADED = {*NOT_SMALL, "upscale-pid", "upscale-seedvr2"}
"""Those whose small networks no file can hold."""

FAMILY = {"hires-fix-sdxl": "sdxl", "tiled-redraw-flux": "flux", "upscale-sd-x4": "sd-x4"}
"""Those with a network of that family; it has no text encoder, which cannot be small."""

OF_FOLDERS = {"upscale-folder", "tiled-redraw"}
"""The workflows whose results are files of an own folder."""


def small(name, client, host, models):
    """A saved workflow at a size and step count that a CPU does in a second."""
    graph = api_workflow(name)
    for node_id in nodes_of(graph, "EmptyLatentImage") + nodes_of(graph, "EmptySD3LatentImage"):
        graph[node_id]["inputs"] |= {"width": 128, "height": 64}
    for node_id in nodes_of(graph, "HiresFixBaseSampling") + nodes_of(graph, "HiresFixMultiStageUpscale"):
        graph[node_id]["inputs"]["steps"] = 2
    if name in ("hires-fix-image", "redraw-region", "redraw-faces"):  # they have no first pass that says so
        set_everywhere(graph, steps=2, size=64)
    if name.startswith("tiled-redraw"):
        set_everywhere(graph, steps=2, tile_size=128)
    if name == "sd-upscale-a1111":
        set_everywhere(graph, steps=2, tile_width=136, tile_height=104, overlap=16)
    for node_id in nodes_of(graph, "HiresFixLoadImage"):
        picture = io.BytesIO()
        size = SMALL_PICTURE if name in FOUR_TIMES else PICTURE
        Image.linear_gradient("L").resize(size).convert("RGB").save(picture, "PNG")
        graph[node_id]["inputs"]["image"] = client.upload_image(picture.getvalue(), "gradient.png")
    if name in ("upscale-ldsr", "upscale-sd-x4"):
        set_everywhere(graph, steps=1)
    if name == "upscale-pid":
        (unet,), (text,), (flux, _) = (nodes_of(graph, kind) for kind in ("UNETLoader", "CLIPTextEncode", "VAELoader"))
        graph["any"] = {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": models.checkpoint("sd3")}}
        graph[unet] |= {"class_type": "ProbeSmallFamily", "inputs": {"family": "pid"}}
        words = give(host, words=torch.randn(1, 8, 64, generator=torch.Generator().manual_seed(1)))
        graph[text] |= {"class_type": "ProbeConditioning", "inputs": {"file": words, "key": "words"}}
        for node in graph.values():
            node["inputs"] |= {key: ["any", 2] for key, link in node["inputs"].items() if link == [flux, 0]}
        del graph[flux]
    if name == "upscale-seedvr2":
        (unet,), (vae,) = nodes_of(graph, "UNETLoader"), nodes_of(graph, "VAELoader")
        graph["any"] = {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": models.demo}}
        graph[unet] |= {"class_type": "ProbeSmallFamily", "inputs": {"family": "seedvr2"}}
        graph[vae] |= {"class_type": "ProbeSeedVR2Vae", "inputs": {"vae": ["any", 2]}}
    if name in FAMILY:
        family = SD_X4 if FAMILY[name] == "sd-x4" else models.family(FAMILY[name])
        set_everywhere(graph, ckpt_name=family.file)
        encoders = nodes_of(graph, "CLIPTextEncode")
        file = conditioning(host, family)
        for node_id, key in zip(encoders, ("positive", "negative"), strict=False):
            graph[node_id] |= {"class_type": "ProbeConditioning", "inputs": {"file": file, "key": key}}
    return graph


def save_node(graph):
    """Core's or ours."""
    (node_id,) = nodes_of(graph, "SaveImage") or nodes_of(graph, "HiresFixSaveImage")
    return node_id


@pytest.mark.parametrize("name", sorted(NOT_LOADED))
def test_the_host_takes_a_workflow_whose_models_cannot_be_small(name, client):
    """With empty files under the names of its models: everything is checked but what they would do."""
    run = client.queue(api_workflow(name))
    assert run.status == "error", run.explanation()
    assert not run.node_errors
    assert run.error["node_type"] in LOADERS


LOADERS = {"CheckpointLoaderSimple", "CLIPLoader", "ModelPatchLoader", "UNETLoader", "VAELoader"}


@pytest.mark.parametrize("name", sorted(set(library.WORKFLOWS) - OF_FOLDERS - NOT_SMALL))
def test_saved_workflow_runs_to_the_exact_size(name, host, client, models):
    graph = small(name, client, host, models)
    run = client.queue(graph).require_success()
    (picture,) = run.images(save_node(graph))
    with Image.open(io.BytesIO(picture)) as image:
        assert image.size == library.WORKFLOWS[name].size
        low, high = image.convert("L").getextrema()
        assert high - low > 8, "the picture is flat"
        if name in HIRES_KEYS:
            assert json.loads(image.text["prompt"]) == graph
            assert_draws_the_same(image.text["parameters"], graph, HIRES_KEYS[name])


HIRES_KEYS = {
    "hires-fix-a1111": ["Hires upscale", "Hires upscaler"],
    "hires-fix-other-model": ["Hires checkpoint", "Hires prompt", "Hires upscale", "Hires upscaler", "Lora hashes"],
}
"""What the infotext says besides, of the workflows that save it."""


def assert_draws_the_same(text, graph, keys):
    """The text of a saved picture, made a workflow again, has the same text."""
    written = parse(text)
    assert [found.key for found in written.parameters if found.key.startswith(("Hires", "Lora"))] == keys
    assert written.get("Size") == "128x64"
    if "Hires prompt" in keys:
        assert written.get("Hires prompt").endswith(" <lora:add_detail:0.8>")
        assert written.get("Lora hashes").startswith("add_detail: ")
    again = to_api(hires_workflow(text).graph)
    texts = [write_settings(read_graph(one, save_node(one)).settings) for one in (graph, again)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(("name", "kind", "results"), [
    ("upscale-folder", "HiresFixUpscaleFolder", "upscaled"), ("tiled-redraw", "HiresFixTiledRedraw", "redrawn"),
])  # fmt: skip
def test_the_saved_folder_workflows_make_files(name, kind, results, host, client, models):
    graph = small(name, client, host, models)
    folder, results = host.base / "input" / "some", host.base / "output" / results
    folder.mkdir(exist_ok=True)
    shutil.rmtree(results, ignore_errors=True)
    Image.linear_gradient("L").resize(PICTURE).convert("RGB").save(folder / "gradient.png")
    (node,) = nodes_of(graph, kind)
    graph[node]["inputs"] |= {"input_folder": "some", "include": "*"}
    run = client.queue(graph).require_success()
    (result,) = results.iterdir()
    with Image.open(result) as image:
        assert image.size == library.WORKFLOWS[name].size
    (report,) = nodes_of(graph, "PreviewAny")
    assert "1" in run.outputs[report]["text"][0]


def test_another_strength_runs_neither_the_checkpoint_nor_the_first_pass_again(host, client, models):
    graph = small("hires-fix-latent", client, host, models)
    set_everywhere(graph, seed=77)
    client.queue(graph).require_success()
    (renoise,) = nodes_of(graph, "HiresFixRenoise")
    graph[renoise]["inputs"]["denoising_strength"] = 0.55
    run = client.queue(graph).require_success()
    kept = {graph[node_id]["class_type"] for node_id in run.cached}
    assert {"CheckpointLoaderSimple", "CLIPTextEncode", "HiresFixBaseSampling", "HiresFixLatentUpscale"} <= kept
    ran = [graph[node_id]["class_type"] for node_id in run.executed]
    assert ran[:3] == ["HiresFixRenoise", "HiresFixSecondSampling", "VAEDecode"]
    assert sorted(ran[3:]) == ["HiresFixCompare", "SaveImage"]


@pytest.mark.parametrize(
    ("name", "kind", "widget"),
    [
        ("hires-fix-controlnet", "ControlNetApplyAdvanced", "strength"),
        ("hires-fix-other-model", "LoraLoader", "strength_model"),
    ],
)
def test_what_is_for_the_second_pass_changes_only_that_one(name, kind, widget, host, client, models):
    graph = small(name, client, host, models)
    (node_id,), save = nodes_of(graph, kind), save_node(graph)
    graph[save]["inputs"]["filename_prefix"] = f"with-{kind}"
    first = client.queue(graph).require_success()
    graph[node_id]["inputs"][widget] = 0.0
    second = client.queue(graph).require_success()
    assert first.images(save) != second.images(save)
    ran = {graph[one]["class_type"] for one in second.executed}
    assert "HiresFixSecondSampling" in ran
    assert not ran & {"HiresFixBaseSampling", "CheckpointLoaderSimple", "PreviewImage"}


def test_the_text_of_a_control_net_has_a1111s_short_hash(host, client, models):
    """Of 64 KB of the file, one MB into it."""
    graph = small("hires-fix-controlnet", client, host, models)
    images = graph[save_node(graph)]["inputs"]["images"]
    graph["text"] = {"class_type": "HiresFixInfotext", "inputs": {"images": images, "batch_index": 0}}
    graph["shown"] = {"class_type": "PreviewAny", "inputs": {"source": ["text", 0]}}
    (written,) = client.queue(graph).require_success().outputs["shown"]["text"]
    (loader,) = nodes_of(graph, "ControlNetLoader")
    name = graph[loader]["inputs"]["control_net_name"]
    content = (host.base / "models" / "controlnet" / name).read_bytes()[2**20 : 2**20 + 2**16]
    digits = hashlib.sha256(content).hexdigest()[:8]
    model = f"{name.removesuffix('.safetensors')} [{digits}]"
    assert f'ControlNet 0: "Module: none, Model: {model}, Weight: 0.8, Resize' in written
    assert 'Control Mode: Balanced, Hr Option: High res only"' in written


def test_both_passes_report_every_step_and_show_previews(host, client, models):
    graph = small("hires-fix-latent", client, host, models)
    set_everywhere(graph, seed=78, steps=3)
    run = client.queue(graph).require_success()
    for class_type in ("HiresFixBaseSampling", "HiresFixSecondSampling"):
        (node_id,) = nodes_of(graph, class_type)
        assert (node_id, 3, 3) in run.progress
        assert node_id in {node for node, _ in run.previews}


def test_tiles_report_progress(host, client, models):
    graph = small("standalone-upscale", client, host, models)
    (loader,) = nodes_of(graph, "HiresFixUpscalerLoader")
    (upscale,) = nodes_of(graph, "HiresFixUpscaleImage")
    graph[loader]["inputs"]["upscaler_name"] = models.random_x2
    graph[upscale]["inputs"] |= {"tile_size": 64, "tile_overlap": 8, "upscaling_resize": 2.5}
    run = client.queue(graph).require_success()
    done = [(value, most) for node_id, value, most in run.progress if node_id == upscale and most > 1]
    # 133x101 in tiles of 64, then 266x202 again, because 2.5 is more than the model's 2
    assert done[-1][0] == done[-1][1] > 12

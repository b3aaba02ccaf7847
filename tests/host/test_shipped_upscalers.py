"""The shipped weights on the real host: listed, loaded by name, by the host's own loader, and refused when damaged."""

import pytest
import torch
from hires_pack.tests.tolerances import FLOAT32
from hires_pack.upscale_models.shipped import WEIGHTS
from spandrel import ModelLoader

from .graphs import Graph, give, saved

FILES = {"hires-fix-2x.safetensors": 2, "hires-fix-4x.safetensors": 4, "hires-fix-4x-soft.safetensors": 4}
FILE = "hires-fix-2x.safetensors"
INPUTS = {"HiresFixUpscalerLoader": "upscaler_name", "UpscaleModelLoader": "model_name"}
TWICE = {
    "resize_mode": "scale by", "upscaling_resize": 2.0, "upscaling_resize_w": 1024, "upscaling_resize_h": 1024,
    "upscaling_crop": True, "tile_size": 0, "tile_overlap": -1, "precision": "float32",
}  # fmt: skip


def listed(client, loader, name):
    options = client.object_info()[loader]["input"]["required"][name]
    return options[1]["options"] if options[0] == "COMBO" else options[0]


@pytest.mark.parametrize("loader", INPUTS)
def test_the_lists_hold_the_weights_and_nothing_else_of_their_folder(loader, client):
    names = listed(client, loader, INPUTS[loader])
    assert {path.name for path in WEIGHTS.iterdir()} & set(names) == set(FILES)


def test_they_are_not_offered_for_faces(client):
    assert not set(FILES) & set(listed(client, "HiresFixFaceModelLoader", "face_model_name"))


@pytest.mark.parametrize("file", FILES)
def test_by_name(file, host, client):
    """Pack's nodes with either loader, and the host's own two nodes; all give the network's own result."""
    pixels = torch.rand(1, 21, 34, 3, generator=torch.Generator().manual_seed(3))
    graph = Graph()
    image = graph.add("ProbeImage", file=give(host, image=pixels), key="image")
    results = {}
    for loader, name in INPUTS.items():
        large = graph.add(
            "HiresFixUpscaleImage",
            image=image,
            upscaler=graph.add(loader, **{name: file}),
            **TWICE | {"upscaling_resize": float(FILES[file])},
        )
        results[loader] = graph.save(image=large)[1]
    model = graph.add("UpscaleModelLoader", model_name=file)
    results["core"] = graph.save(image=graph.add("ImageUpscaleWithModel", upscale_model=model, image=image))[1]
    client.queue(graph).require_success()
    with torch.no_grad():
        wanted = ModelLoader().load_from_file(WEIGHTS / file)(pixels.movedim(-1, 1)).movedim(1, -1)
    for key, result in results.items():
        assert (saved(host, result)["image"] - wanted).abs().max() <= FLOAT32, key


def explanation_of(file, host, client):
    """What a user reads when the pack's loader cannot use a file."""
    graph = Graph()
    image = graph.add("ProbeImage", file=give(host, image=torch.zeros(1, 4, 4, 3)), key="image")
    upscaler = graph.add("HiresFixUpscalerLoader", upscaler_name=file)
    graph.save(image=graph.add("HiresFixUpscaleImage", image=image, upscaler=upscaler, **TWICE))
    run = client.queue(graph)
    assert run.status == "error"
    assert "Traceback" not in run.explanation()
    return run.explanation()


def test_the_users_file_of_the_same_name_comes_first_and_is_refused_when_cut_short(host, client):
    own = host.base / "models" / "upscale_models" / FILE
    own.write_bytes((WEIGHTS / FILE).read_bytes()[:-1000])
    try:
        said = explanation_of(FILE, host, client)
    finally:
        own.unlink()
    for words in ("Load Upscaler", "'upscaler_name'", FILE, "cannot be read"):
        assert words in said

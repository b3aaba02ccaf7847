"""Upscalers of several families on the real host, by the name of their file, in each kind of file."""

import pytest
import torch
from hires_pack.dev.fixtures.seeded_network import smooth_picture
from hires_pack.dev.fixtures.upscaler_families import FAMILIES, FILES
from hires_pack.tests.tolerances import FLOAT32
from hires_pack.upscale_models import from_state_dict

from .graphs import Graph, give, saved

WIDTH, HEIGHT = 70, 50


def expected(name, pixels):
    """The network on the whole picture, in this process."""
    upscaler = from_state_dict(name, FAMILIES[name].state_dict())
    with torch.no_grad():
        planes = pixels.movedim(-1, 1).split(FAMILIES[name].channels, dim=1)
        return torch.cat([upscaler.descriptor(plane.clone()) for plane in planes], dim=1).movedim(1, -1)


@pytest.mark.parametrize("loader", ["HiresFixUpscalerLoader", "UpscaleModelLoader"])
@pytest.mark.parametrize("file", FILES)
def test_by_name(file, loader, host, client):
    family, pixels = FAMILIES[FILES[file]], smooth_picture(HEIGHT, WIDTH).movedim(1, -1)
    g = Graph()
    name = {"HiresFixUpscalerLoader": "upscaler_name", "UpscaleModelLoader": "model_name"}[loader]
    large = g.add(
        "HiresFixUpscaleImage",
        image=g.add("ProbeImage", file=give(host, image=pixels), key="image"),
        upscaler=g.add(loader, **{name: file}),
        resize_mode="scale by",
        upscaling_resize=float(family.scale),
        upscaling_resize_w=1024,
        upscaling_resize_h=1024,
        upscaling_crop=True,
        tile_size=0,
        tile_overlap=-1,
        precision="float32",
    )
    found = g.save(image=large)[1]
    client.queue(g).require_success()
    assert (saved(host, found)["image"] - expected(FILES[file], pixels)).abs().max() <= FLOAT32


def test_every_file_is_listed(client):
    names = client.object_info()["HiresFixUpscalerLoader"]["input"]["required"]["upscaler_name"]
    listed = names[1]["options"] if names[0] == "COMBO" else names[0]
    assert set(FILES) <= set(listed)

"""Pixel Upscale and Upscale Image with A1111's numbers on the real host, against what A1111 recorded.

Decoding runs on another torch than the recording did. Its values agree to the last bits of float32, but A1111 cuts
them off to 8 bits, so one that lies on the edge between two levels can come out a level lower; likewise a model's
value on the edge of its rounding. One level in one value of a picture is worth up to 1e-3 of the encoded latent, all
the rest about 1e-5. Where every value of the picture agrees, the latent has to agree as well.
"""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hires_pack.tests.tolerances import LEVEL, ROUNDED, relative
from PIL import Image
from safetensors.torch import load_file

from .graphs import Graph, give, saved

DATA = Path(__file__).resolve().parents[1] / "data"
EXTRAS = json.loads((DATA / "oracle-extras" / "cases.json").read_text(encoding="utf-8"))
PIXEL = json.loads((DATA / "oracle-pixel" / "cases.json").read_text(encoding="utf-8"))
SCALE = 0.18215  # the recorded latents are multiplied by the VAE's scale factor

EQUAL_PICTURE, LEVEL_OFF = 6e-5, 2e-3  # 2e-5, but for one case that is 3.8e-5 off on an Intel Xeon
POSTERIOR = 2.5e-5  # what the random part of the encoding is worth: 2.7e-5 to 3.8e-5 in the recorded cases


@pytest.fixture(scope="module")
def recorded():
    return load_file(DATA / "oracle-pixel" / "tensors.safetensors")


def levels(image):
    return (image * 255).round().to(torch.int32)


def picture(path):
    return torch.from_numpy(np.array(Image.open(path))).to(torch.int32)


def assert_nearly_equal(ours, theirs):
    """At most two levels off, in at most 0.2 % of the values: CPUs sum in other orders, some 0.13 % away."""
    assert ours.shape == theirs.shape
    difference = (ours - theirs).abs()
    assert difference.max() <= 2 * LEVEL
    assert (difference > 0).double().mean() <= 2e-3


def load_image(g, host, path):
    """A picture the way a user loads it; transparency comes on its own and is put back."""
    (host.base / "input").mkdir(exist_ok=True)
    shutil.copy(path, host.base / "input" / path.name)
    loaded = g.add("LoadImage", image=path.name)
    return g.add("JoinImageWithAlpha", image=loaded, alpha=loaded[1]) if "alpha" in path.name else loaded


def upscaler(g, name):
    return g.add("HiresFixUpscalerLoader", upscaler_name=f"{name}.safetensors" if name.startswith("tiny") else name)


def tiles(request):
    # 0 stands for A1111's defaults of both
    return {"tile_size": request.get("ESRGAN_tile", 0), "tile_overlap": request.get("ESRGAN_tile_overlap", 32)}


# ---- between the passes ---------------------------------------------------------------------------------------------


def pixel_upscale(g, host, models, case_id, first, **more):
    request = PIXEL[case_id]
    vae = g.add("CheckpointLoaderSimple", ckpt_name=models.oracle)[2]
    if "firstpass_image" in request:
        image = load_image(g, host, DATA / "oracle-extras" / request["firstpass_image"])
        latent = g.add("EmptyLatentImage", width=request["width"], height=request["height"], batch_size=1)
        more = {**more, "image": image}
    else:
        latent = g.add("ProbeLatent", file=give(host, latent=first / SCALE), key="latent")
    target = g.add(
        "HiresFixTargetSize",
        width=request["width"],
        height=request["height"],
        hr_scale=request["hr_scale"],
        hr_resize_x=request.get("hr_resize_x", 0),
        hr_resize_y=request.get("hr_resize_y", 0),
        vae=vae,
    )
    node = g.add(
        "HiresFixPixelUpscale",
        latent=latent,
        vae=vae,
        upscaler=upscaler(g, request["hr_upscaler"]),
        target=target,
        vae_tile_size=0,
        **tiles(request),
        **more,
    )
    return g.save(latent=node, image=node[1])[1]


@pytest.mark.parametrize("case_id", PIXEL)
def test_recorded_pixel_upscale(case_id, host, client, models, recorded):
    request, g = PIXEL[case_id], Graph()
    first = recorded.get(f"{case_id}/first.latent")
    noise = g.add("HiresFixNoise", seed=request["seed"], source=request["randn_source"])
    drawn = pixel_upscale(g, host, models, case_id, first, numbers="A1111", noise=noise)
    mean = pixel_upscale(g, host, models, case_id, first, numbers="A1111")
    client.queue(g).require_success()

    got, expected = saved(host, drawn), recorded[f"{case_id}/hr.init"]
    count = request.get("batch_size", 1)
    theirs = torch.stack([picture(DATA / "oracle-pixel" / f"{case_id}-upscaled_{i}.png") for i in range(count)])
    height, width = got["image"].shape[1:3]
    # the node gives the picture that the latent holds: cut around the centre by whole cells, then to whole cells
    x = 8 * ((theirs.shape[2] // 8 - width // 8) // 2)
    y = 8 * ((theirs.shape[1] // 8 - height // 8) // 2)
    theirs = theirs[:, y : y + height, x : x + width]
    assert_nearly_equal(levels(got["image"]), theirs)
    error = relative(got["latent"] * SCALE, expected)
    if torch.equal(levels(got["image"]), theirs):
        assert error <= EQUAL_PICTURE
        assert relative(saved(host, mean)["latent"] * SCALE, expected) >= POSTERIOR
    else:
        assert error <= LEVEL_OFF


def test_exact_numbers_are_the_default_and_do_not_look_at_the_noise(host, client, models, recorded):
    case_id, g = "pixel-rrdb-x4", Graph()
    first = recorded[f"{case_id}/first.latent"]
    noise = g.add("HiresFixNoise", seed=1, source="CPU")
    variants = ({}, {"numbers": "exact"}, {"numbers": "exact", "noise": noise}, {"numbers": "A1111"})
    names = [pixel_upscale(g, host, models, case_id, first, **more) for more in variants]
    client.queue(g).require_success()
    default, exact, with_noise, a1111 = (saved(host, name)["latent"] for name in names)
    assert torch.equal(default, exact)
    assert torch.equal(default, with_noise)
    assert relative(default, a1111) > 1e-3


def test_a_picture_in_place_of_the_decoded_latent(host, client, models, recorded):
    """In exact numbers it goes the same way as a decoded one."""
    case_id, g = "pixel-rrdb-x4", Graph()
    first = recorded[f"{case_id}/first.latent"]
    vae = g.add("CheckpointLoaderSimple", ckpt_name=models.oracle)[2]
    latent = g.add("ProbeLatent", file=give(host, latent=first / SCALE), key="latent")
    decoded = g.add("VAEDecode", samples=latent, vae=vae)
    direct = pixel_upscale(g, host, models, case_id, first)
    given = pixel_upscale(g, host, models, case_id, torch.zeros_like(first), image=decoded)
    client.queue(g).require_success()
    assert torch.equal(saved(host, given)["latent"], saved(host, direct)["latent"])


@pytest.mark.parametrize(
    ("size", "message"),
    [((2, 64, 64, 3), "2 pictures for a latent of 1"), ((1, 96, 64, 3), "64x96 pixels.*64x64.*Target Size")],
)
def test_pictures_that_do_not_fit_the_latent_are_refused(size, message, host, client, models, recorded):
    case_id, g = "pixel-none", Graph()
    image = g.add("ProbeImage", file=give(host, image=torch.rand(size)), key="image")
    pixel_upscale(g, host, models, case_id, recorded[f"{case_id}/first.latent"], image=image)
    run = client.queue(g)
    assert run.status == "error"
    assert re.search(f"Pixel Upscale, input 'image': .*{message}", run.explanation())


@pytest.mark.parametrize(("family", "frames"), [("flux", ()), ("sdxl", ()), ("wan", (2,))])
def test_families_that_a1111_never_knew_take_its_numbers_too(family, frames, host, client, models):
    """Without a distribution to draw from, only the 8 bits are different."""
    g, generator = Graph(), torch.Generator().manual_seed(0)
    shape = (1, models.families[family].latent_channels, *frames, 6, 8)
    file = give(host, latent=torch.randn(shape, generator=generator))
    vae = g.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint(family))[2]
    target = g.add("HiresFixTargetSize", width=64, height=48, hr_scale=1.5, hr_resize_x=0, hr_resize_y=0, vae=vae)
    inputs = {
        "latent": g.add("ProbeLatent", file=file, key="latent"),
        "vae": vae,
        "target": target,
        "upscaler": upscaler(g, "Lanczos"),
        "noise": g.add("HiresFixNoise", seed=1, source="CPU"),
        "vae_tile_size": 0,
        **tiles({}),
    }
    names = [
        g.save(latent=g.add("HiresFixPixelUpscale", numbers=numbers, **inputs))[1] for numbers in ("exact", "A1111")
    ]
    client.queue(g).require_success()
    exact, a1111 = (saved(host, name)["latent"] for name in names)
    assert relative(a1111, exact) <= 0.05


# ---- Extras ---------------------------------------------------------------------------------------------------------


def upscale_image(g, image, request, **more):
    inputs = {
        "resize_mode": "scale to" if request.get("resize_mode") else "scale by",
        "upscaling_resize": request.get("upscaling_resize", 2.0),
        "upscaling_resize_w": request.get("upscaling_resize_w", 512),
        "upscaling_resize_h": request.get("upscaling_resize_h", 512),
        "upscaling_crop": request.get("upscaling_crop", True),
        "max_side": request.get("max_side_length", 0),
        **tiles(request),
    }
    if "upscaler_2" in request:
        inputs["upscaler_2"] = upscaler(g, request["upscaler_2"])
        inputs["extras_upscaler_2_visibility"] = request["extras_upscaler_2_visibility"]
    first = upscaler(g, request["upscaler_1"])
    return g.save(image=g.add("HiresFixUpscaleImage", image=image, upscaler=first, **inputs, **more))[1]


@pytest.mark.parametrize("case_id", EXTRAS)
def test_recorded_extras(case_id, host, client):
    case, g, names = EXTRAS[case_id], Graph(), []
    for file in case["images"]:
        image = load_image(g, host, DATA / "oracle-extras" / file)
        names.append(upscale_image(g, image, case["request"], numbers="A1111"))
    client.queue(g).require_success()
    for name, file in zip(names, case["results"], strict=True):
        assert_nearly_equal(levels(saved(host, name)["image"])[0], picture(DATA / "oracle-extras" / file))


def test_exact_blend_keeps_size_and_alpha(host, client):
    request, g = {"upscaling_resize": 1.3, "upscaler_1": "Lanczos"}, Graph()
    image = load_image(g, host, DATA / "oracle-extras" / "input-75x50-alpha.png")
    nearest = {**request, "upscaler_1": "Nearest"}
    blended = {**request, "upscaler_2": "Nearest", "extras_upscaler_2_visibility": 0.3}
    names = [upscale_image(g, image, asked) for asked in (request, nearest, blended)]
    names.append(upscale_image(g, image, {**blended, "upscaler_2": "None"}))
    client.queue(g).require_success()
    first, second, both, none = (saved(host, name)["image"] for name in names)
    assert both.shape == (1, 65, 98, 4)
    assert (both - (0.7 * first + 0.3 * second)).abs().max() <= ROUNDED
    assert torch.equal(none, first)


@pytest.mark.parametrize(("max_side", "size"), [(100, (100, 67)), (150, (150, 100)), (0, (150, 100))])
def test_exact_longest_side(max_side, size, host, client):
    g = Graph()
    image = g.add("ProbeImage", file=give(host, image=torch.rand(1, 50, 75, 3)), key="image")
    name = upscale_image(g, image, {"upscaling_resize": 2.0, "upscaler_1": "Lanczos", "max_side_length": max_side})
    client.queue(g).require_success()
    assert saved(host, name)["image"].shape == (1, size[1], size[0], 3)

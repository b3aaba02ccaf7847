"""Tiled Redraw before a run: pictures, windows and steps, as the node will have them."""

import pytest
from hires_pack.hires.plan.graph import plan
from hires_pack.tests.unit.plan.test_plan import Graph, Known

VALUES = {
    "input_folder": "in", "output_folder": "out", "include": "*.png", "recursive": False, "resize_mode": "scale by",
    "upscaling_resize": 2.0, "upscaling_resize_w": 64, "upscaling_resize_h": 64, "upscaling_crop": True, "max_side": 0,
    "steps": 20, "sampler_name": "Euler", "scheduler": "Automatic", "denoising_strength": 0.3, "tile_size": 0,
    "overlap": -1,
}  # fmt: skip
ONE = {"include": "a.png"}


def badge(count=3, model=True, **changes):
    graph = Graph()
    loader = graph.add("CheckpointLoaderSimple", ckpt_name="a.safetensors")
    wires = {"model": [loader, 0]} if model else {}
    node = graph.add("HiresFixTiledRedraw", **{**VALUES, **wires, **changes})
    return plan(graph, Known(found=count, pictures={"in/a.png": (1000, 500)})).get(node)


@pytest.mark.parametrize(("values", "text"), [
    ({}, "3 pictures → 2×, windows of up to 768 pixels, 20 steps each"),
    ({"workers": "house"}, "3 pictures → 2×, windows of up to 768 pixels, 20 steps each, by house"),
    ({"model": False}, "3 pictures → 2×"),
    ({"tile_size": 512, "steps_rule": "img2img"}, "3 pictures → 2×, windows of up to 512 pixels, 7 steps each"),
    # 2000 pixels by windows of 768 that share 256: (2000 - 256) / 512, rounded up; 1000 pixels likewise
    ({"count": 1, **ONE}, "1 picture → 2× = 2000×1000, about 8 windows, 160 steps"),
    ({"count": 1, **ONE, "tile_size": 2048}, "1 picture → 2× = 2000×1000, about 1 window, 20 steps"),
    ({"count": 1, **ONE, "denoising_strength": 0.0}, "1 picture → 2× = 2000×1000, about 8 windows, 0 steps"),
])  # fmt: skip
def test_what_the_badge_says(values, text):
    assert badge(**values)["text"] == text


@pytest.mark.parametrize(("values", "words"), [
    ({"denoising_strength": 0.6}, "every window may draw the prompt's subject"),
    ({"denoising_strength": 0.6, "control_net": ["1", 0]}, None),
    ({"tile_size": 256, "overlap": 256}, "share 256 pixels, and a tile has 256"),
    ({"count": 0}, "No picture"),
    ({"input_folder": "refused"}, "no such folder"),
])  # fmt: skip
def test_what_is_warned_of(values, words):
    warning = badge(**values)["warning"]
    assert words in warning if words else warning is None


PLANNED = "1 picture → 2× = 2000×1000, "


@pytest.mark.parametrize(("text", "values", "says"), [
    # two rows of windows of 640 and of 616 pixels in height, of which the upper one owns 512
    ("0% 0% 100% 52% | skip", {}, "about 8 windows, 4 left as they were, 51% less work, 78 steps"),
    ("all | strength 50%", {}, "about 8 windows, none left as it was, 50% less work, 80 steps"),
    ("all | add: a bird", {}, "about 8 windows, 160 steps"),
    ("all | skip", {}, "about 8 windows, 8 left as they were, 100% less work, 0 steps"),
    ("all | skip", {"skip_flat": 3.0}, "up to 8 windows, up to 160 steps"),
    ("mask | skip", {"mask": ["picture", 1]}, "up to 8 windows, up to 160 steps"),
])  # fmt: skip
def test_a_plan_is_counted_where_it_is_known(text, values, says):
    """The plan is laid over the whole of the picture, whatever the size that it was made at."""
    graph = Graph()
    loader = graph.add("CheckpointLoaderSimple", ckpt_name="a.safetensors")
    latent = graph.add("EmptyLatentImage", width=400, height=200, batch_size=1)
    image = graph.add("VAEDecode", samples=[latent, 0], vae=[loader, 2])
    given = {"image": [image, 0], "plan": text, "skip_flat": 0.0, "fade": 0, "tile_size": 64, **values}
    planned = graph.add("HiresFixTilePlan", **given)
    wires = {"model": [loader, 0], "plan": [planned, 2]}
    node = graph.add("HiresFixTiledRedraw", **{**VALUES, **ONE, **wires})
    assert plan(graph, Known(found=1, pictures={"in/a.png": (1000, 500)})).get(node)["text"] == PLANNED + says

"""Tiled Model before a run: how large its tiles are, and that a large second pass is then no cause for a warning."""

import pytest
from hires_pack.hires.plan.graph import plan
from hires_pack.tests.unit.plan.test_plan import Known


def graph(tiled=True, **values):
    def node(kind, **inputs):
        return {"class_type": kind, "inputs": inputs}

    values = {"tile_size": 0, "overlap": -1, **values}
    return {
        "file": node("CheckpointLoaderSimple", ckpt_name="a.safetensors"),
        "tiles": node("HiresFixTiledModel", model=["file", 0], blending="soft", tiles_at_once=0, **values),
        "empty": node("EmptyLatentImage", width=8192, height=8192, batch_size=1),
        "second": node(
            "HiresFixSecondSampling", model=["tiles" if tiled else "file", 0], latent=["empty", 0],
            sampler_name="Euler", cfg=5.0,
        ),
    }  # fmt: skip


@pytest.mark.parametrize(("values", "text"), [
    ({}, "tiles of up to 768 pixels"), ({"tile_size": 1024}, "tiles of up to 1024 pixels"),
])  # fmt: skip
def test_the_badge_says_how_large_tiles_are(values, text):
    assert plan(graph(**values), Known())["tiles"]["text"] == text


@pytest.mark.parametrize(("values", "text"), [
    # 8192 pixels in tiles of 768 that share 256: (8192 - 256) / 512, rounded up, along each side
    ({}, "8192×8192 in about 256 tiles"),
    ({"tile_size": 768}, "8192×8192 in 256 tiles"),
    ({"tile_size": 1024, "overlap": 128}, "8192×8192 in 81 tiles"),
    ({"tile_size": 16384}, "8192×8192"),
    # in multiples of 64 pixels nothing is left of a tile
    ({"tile_size": 120, "overlap": 60}, "8192×8192"),
])  # fmt: skip
def test_the_second_pass_says_in_how_many(values, text):
    assert plan(graph(**values), Known())["second"]["text"] == text


def test_the_x4_upscaler_s_tiles_are_counted_in_cells_of_4_pixels():
    """1024 cells a side: 4096 pixels, in tiles of 768 that share 256, are (4096 - 256) / 512, rounded up."""
    prompt = graph(tile_size=768)
    prompt["file"]["inputs"]["ckpt_name"] = "x4.safetensors"
    assert plan(prompt, Known())["second"]["text"] == "8192×8192 in 64 tiles"


def test_an_overlap_that_leaves_nothing_is_told():
    badge = plan(graph(tile_size=512, overlap=512), Known())["tiles"]
    assert badge["text"] == "stops with an error"
    assert "share 512 pixels, and a tile has 512" in badge["warning"]


@pytest.mark.parametrize("tiled", [False, True])
def test_a_large_second_pass_of_a_tiled_model_is_no_cause_for_a_warning(tiled):
    warning = plan(graph(tiled), Known())["second"]["warning"]
    assert (warning is None) == tiled

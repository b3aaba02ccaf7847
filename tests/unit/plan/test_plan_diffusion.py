"""Badges of upscalers that are diffusion models, and of the nodes behind them."""

import pytest
from hires_pack.hires.errors import InputError
from hires_pack.hires.plan.model_files import is_sd_x4, work_of
from hires_pack.hires.sizes.diffusion import redraw_windows, seedvr2_windows, x4_windows

from .test_plan import SCALE_BY, Graph, Known, plan

NUMBERS = {"seed": 1, "steps": 20, "cfg": 7.0, "denoising_strength": 0.3, "factor": 0.0, "noise_augmentation": 0.0,
           "tile_size": 0, "overlap": -1}  # fmt: skip


def said(facts, kind="HiresFixDiffusionUpscaler", file="sd1.safetensors", patch=None, **more):
    """The texts of the upscaler and of Upscale Image behind it."""
    graph = Graph()
    model = graph.add("CheckpointLoaderSimple", ckpt_name=file)
    if patch:
        model = graph.add(patch, model=[model, 0], tile_size=512, overlap=-1)
    numbers = NUMBERS if kind == "HiresFixDiffusionUpscaler" else {"tile_size": 0, "overlap": -1}
    upscaler = graph.add(kind, model=[model, 0], vae=[model, 2], **{**numbers, **more})
    picture = graph.add("LoadImage", image="a.png")
    large = graph.add("HiresFixUpscaleImage", image=[picture, 0], upscaler=[upscaler, 0],
                      **{**SCALE_BY, "upscaling_resize": 4.0})  # fmt: skip
    found = plan(graph, facts)
    return found.get(upscaler), found[large]


def facts(**more):
    return Known(pictures={"a.png": (600, 400)}, tile_count=6, **more)


def test_what_the_nodes_say():
    upscaler, large = said(facts(work_of=3.6))
    assert upscaler["text"] == "redraws in windows of up to 768 pixels"
    # 2 * 20 calls of 0.41 to 0.59 megapixels, 6 times, at 3.6 / 10 seconds each
    assert large["text"] == "600×400 → 2400×1600, 20 steps × about 6 windows: seconds on a graphics card"
    assert said(facts(work_of=98.0))[1]["text"].endswith("× about 6 windows: minutes on a graphics card")
    assert said(facts(), tile_size=512)[1]["text"].endswith("20 steps × 6 windows")
    assert said(facts(side=None))[0] is None
    upscaler, large = said(facts(work_of=4.4), file="x4.safetensors", cfg=1.0)
    assert upscaler["text"] == "4 times as large, in parts of up to 2048 pixels"
    # 20 calls of 3.3 megapixels
    assert large["text"].endswith("20 steps × 6 windows: minutes on a graphics card")
    upscaler, large = said(facts(work_of=28.0), kind="HiresFixSeedVR2Upscaler")
    assert upscaler["text"] == "restores in windows of up to 1024 pixels"
    assert large["text"] == "600×400 → 2400×1600, 1 step × 6 windows: seconds on a graphics card"


def test_what_will_stop_is_said_before():
    upscaler, _ = said(facts(), patch="HiresFixTiledModel")
    assert "Connect the model before it" in upscaler["warning"]
    upscaler, _ = said(facts(), tile_size=64, overlap=64)
    assert "share 64 pixels" in upscaler["warning"]


def test_sizes_that_go_in():
    assert x4_windows(0, -1).input_size((100, 50), (300, 150)) == (100, 50)
    assert x4_windows(0, -1).input_size((100, 50), (601, 300)) == (151, 75)
    assert seedvr2_windows(0, -1).input_size((100, 50), (301, 150)) == (301, 150)
    assert redraw_windows(768, 256, 8, 0.0).input_size((100, 50), (300, 150)) == (300, 150)
    assert redraw_windows(768, 256, 8, 1.5).input_size((101, 50), (400, 200)) == (152, 75)


def test_windows_of_each():
    x4 = x4_windows(96, -1)
    assert (x4.tile, x4.inside) == (512, (24, 8))
    assert x4.count_inside((48, 48)) == 9
    assert x4_windows(0, -1).count_inside((512, 512)) == 1
    assert x4_windows(4096, 0).tile == 1024
    seedvr2 = seedvr2_windows(0, -1)
    assert (seedvr2.tile, seedvr2.overlap, seedvr2.align) == (1024, 64, 16)
    with pytest.raises(InputError, match="share 96 pixels"):
        x4_windows(96, 96)


def test_what_files_tell():
    unet = "model.diffusion_model."
    x4 = {unet + "input_blocks.0.0.weight": (256, 7, 3, 3), unet + "label_emb.weight": (1000, 1024)}
    assert is_sd_x4(x4)
    assert work_of(x4) == 4.4
    sd1 = {unet + "input_blocks.0.0.weight": (320, 4, 3, 3), unet + "a.attn2.to_k.weight": (320, 768)}
    assert not is_sd_x4(sd1)
    assert work_of(sd1) == 3.6
    # 2 operations for each number and token
    assert work_of({"blocks.0.weight": (1000, 1000), "vae.a": (9, 9)}) == pytest.approx(2e6 * 3906.25 / 1e12)
    assert work_of({"vae.a": (9, 9)}) is None

"""Tiles counted before a run are those of the run, and a model's file tells enough without its weights."""

from dataclasses import replace

import pytest
import torch
from hires_pack.dev.fixtures.small_upscalers import compact, image, span, swinir
from hires_pack.dev.fixtures.upscaler_families import FAMILIES
from hires_pack.hires.errors import InputError
from hires_pack.hires.images.resample import to_8_bit
from hires_pack.hires.plan.facts import Facts
from hires_pack.hires.plan.graph import plan
from hires_pack.upscale_models import (
    CpuRuntime,
    TileSettings,
    count_a1111_tiles,
    count_tiles,
    from_state_dict,
    resize_pictures,
    settle_tiles,
    upscale_to,
)
from hires_pack.upscale_models.models.live_bytes import LiveBytes
from hires_pack.upscale_models.models.outline import outline_of
from hires_pack.upscale_models.models.reach import reach_of
from hires_pack.upscale_models.tiles.working_memory import footprint
from spandrel.architectures.ESRGAN import ESRGAN


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_an_outline_is_planned_with_like_the_model(name):
    state_dict = FAMILIES[name].state_dict()
    real, outline = from_state_dict(name, state_dict), outline_of(name, state_dict)
    assert (outline.scale, outline.align, reach_of(outline)) == (real.scale, real.align, reach_of(real))
    assert outline.descriptor.architecture.id == real.descriptor.architecture.id


def test_an_outline_of_a_usual_size_holds_next_to_nothing():
    outline = outline_of("ESRGAN", ESRGAN(num_blocks=2).state_dict())
    held = sum(weight.numel() for weight in outline.descriptor.model.parameters() if not weight.is_meta)
    every = sum(weight.numel() for weight in outline.descriptor.model.parameters())
    assert (outline.scale, reach_of(outline).overlap) == (4, 32)
    assert held < every / 100


def runs_of(upscaler, action):
    """How often the network is run."""
    runs = []
    upscaler.descriptor.model.register_forward_hook(lambda *call: None if call[2].is_meta else runs.append(call))
    action(upscaler)
    return len(runs)


@pytest.mark.slow
@pytest.mark.parametrize("make", [compact, span, swinir])
@pytest.mark.parametrize(
    ("size", "target", "tile", "overlap"),
    [
        ((70, 45), (140, 90), 32, -1),
        ((70, 45), (140, 90), 24, 4),
        ((70, 45), (130, 84), 24, 4),  # the last run is resized, its tiles overlap more
        ((70, 45), (210, 135), 32, 2),  # two runs
        ((70, 45), (70, 45), 32, 2),
        ((70, 45), (140, 90), 4096, -1),
    ],
)
def test_as_many_tiles_are_counted_as_are_run(make, size, target, tile, overlap):
    settings = TileSettings(tile, overlap, "float32")
    counted = count_tiles(make(), size, target, settings, CpuRuntime())
    assert counted == runs_of(make(), lambda upscaler: upscale_to(image(*size), upscaler, *target, settings))
    assert counted > 0


def test_tiles_of_one_pixel_are_counted():
    settings = TileSettings(1, 0, "float32")
    counted = count_tiles(compact(), (20, 15), (40, 30), settings, CpuRuntime())
    assert counted == runs_of(compact(), lambda upscaler: upscale_to(image(20, 15), upscaler, 40, 30, settings)) == 300


def test_no_tiles_where_no_model_is_run():
    for settings in (TileSettings(32), TileSettings()):
        assert count_tiles(compact(), (70, 45), (60, 40), settings, CpuRuntime()) == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_working_memory_is_foreseen_without_weights(name):
    state_dict = FAMILIES[name].state_dict()
    model = from_state_dict(name, state_dict)
    picture = torch.zeros(1, model.descriptor.input_channels, 56, 72)
    with LiveBytes() as live:
        model.apply(picture)
    for one in (model, outline_of(name, state_dict)):
        found = footprint(one, torch.float32)
        assert found.peak * 56 * 72 == pytest.approx(live.most * 1.3, rel=0.01)
        assert found.block * 56 * 72 == pytest.approx(live.block, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("make", [compact, span, swinir])
@pytest.mark.parametrize(
    ("size", "target", "free"),
    [
        ((150, 100), (300, 200), 3e7),  # several tiles by memory
        ((150, 100), (300, 200), 1e5),  # fewer bytes than the smallest tile takes
        ((500, 130), (750, 195), None),  # the fastest tile, resized
        ((60, 40), (120, 80), 1e5),  # too small to ask for the memory
    ],
)
@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_automatic_tiles_are_foreseen(make, size, target, free, precision):
    runtime, settings = CpuRuntime(), TileSettings(precision=precision)
    runtime.free_memory = lambda: free
    outline = outline_of("a model", make().descriptor.model.state_dict())
    counted = count_tiles(outline, size, target, settings, runtime)
    upscaler = make()
    settled = settle_tiles(upscaler, *target, settings, runtime)
    settled = replace(settled, precision="float32")  # tiles of copies cannot be counted
    assert counted == runs_of(upscaler, lambda it: upscale_to(image(*size), it, *target, settled, runtime)) > 0


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "tiles"), [("auto", "about 25 tiles"), ("float32", "about 64 tiles")])
def test_the_badge_reads_the_precision(precision, tiles):
    """64 are run: `settle_tiles` of ESRGAN with 23 blocks takes tiles of 193 pixels with an overlap of 32 then."""
    runtime = CpuRuntime()
    runtime.free_memory, runtime.half_types = lambda: 400_000_000, lambda: (torch.bfloat16,)
    outline = outline_of("ESRGAN", ESRGAN(num_blocks=23).state_dict())

    class Known(Facts):
        def picture_size(self, name):
            return 1024, 1024

        def upscaler_scale(self, name):
            return outline.scale

        def tiles(self, job):
            return count_tiles(outline, job.source, job.target, job.tiles, runtime)

        def free_memory(self):
            return None

    sizes = {"resize_mode": "scale by", "upscaling_resize": 4.0, "upscaling_crop": True}
    links = {"image": ["1", 0], "upscaler": ["2", 0]}
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
        "2": {"class_type": "UpscaleModelLoader", "inputs": {"model_name": "ESRGAN.pth"}},
        "3": {
            "class_type": "HiresFixUpscaleImage",
            "inputs": {**links, **sizes, "tile_size": 0, "tile_overlap": -1, "precision": precision},
        },
    }
    assert plan(graph, Known())["3"]["text"] == f"1024×1024 → 4096×4096, {tiles}"


def test_the_smallest_tiles_of_the_largest_picture_are_counted_at_once():
    assert count_tiles(compact(), (16384, 16384), (32768, 32768), TileSettings(1, 0), CpuRuntime()) == 16384**2


@pytest.mark.slow
@pytest.mark.parametrize(("tile", "overlap"), [(0, -1), (32, 8), (24, -1), (4096, 0)])
@pytest.mark.parametrize(("size", "factor"), [((300, 200), 2.0), ((70, 45), 3.0), ((70, 45), 1.5)])
def test_tiles_with_a1111s_numbers(tile, overlap, size, factor):
    settings = TileSettings(tile, overlap)
    target = int(size[0] * factor), int(size[1] * factor)
    factor = max(target[0] / size[0], target[1] / size[1])

    def action(upscaler):
        resize_pictures(to_8_bit(image(*size)), upscaler, *target, settings, CpuRuntime())

    assert count_a1111_tiles(compact(), size, factor, settings) == runs_of(compact(), action) > 0


def test_a1111s_overlap_as_large_as_its_tile_is_refused():
    with pytest.raises(InputError, match="nothing of a tile is left"):
        count_a1111_tiles(compact(), (70, 45), 2.0, TileSettings(32, 32))

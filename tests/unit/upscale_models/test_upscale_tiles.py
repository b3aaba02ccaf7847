"""Tiles: they give the result of the whole picture, or fade into each other, and adapt to the memory."""

import math
from dataclasses import replace

import pytest
import torch
from hires_pack.dev.benchmarks.pillow_resize import lanczos
from hires_pack.dev.fixtures.small_upscalers import (
    CONVOLUTIONS,
    Nearest,
    Weighted,
    compact,
    esrgan,
    image,
    span,
    swinir,
    untiled,
    upscaler_of,
)
from hires_pack.hires.sizes.runs import model_runs
from hires_pack.hires.tiles.boxes import Box
from hires_pack.tests.tolerances import FLOAT32, ROUNDED
from hires_pack.upscale_models import (
    CLASSICAL,
    CpuRuntime,
    ModelUpscaler,
    TileSettings,
    UpscalerMemoryError,
    is_allocation_failure,
    settle_tiles,
    upscale_to,
)
from hires_pack.upscale_models.models.reach import reach_of
from hires_pack.upscale_models.tiles.working_memory import LiveBytes
from hypothesis import given, settings
from hypothesis import strategies as st
from spandrel import SizeRequirements
from spandrel.architectures.Compact import Compact


def exact(size: int = 0, overlap: int = -1) -> TileSettings:
    return TileSettings(size, overlap, "float32")


class Recording(CpuRuntime):
    """Runs out of memory above a number of pixels, as a card would in the model's first layer; notes what happens."""

    def __init__(self, most_pixels: float = math.inf, free: int | None = None) -> None:
        self.calls: list[tuple[int, int]] = []
        super().__init__(lambda *call: self.calls.append(call))
        self.most_pixels = most_pixels
        self.free = free
        self.prepared: list[int] = []
        self.seen: list[tuple[int, int]] = []

    def prepare(self, upscaler: ModelUpscaler, memory_required_bytes: int) -> None:
        super().prepare(upscaler, memory_required_bytes)
        self.prepared.append(memory_required_bytes)

    def free_memory(self) -> int | None:
        return self.free

    def watch(self, upscaler: ModelUpscaler) -> ModelUpscaler:
        def before(module: torch.nn.Module, inputs: tuple[torch.Tensor]) -> None:
            height, width = inputs[0].shape[-2:]
            self.seen.append((width, height))
            if width * height > self.most_pixels:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB")

        upscaler.descriptor.model.register_forward_pre_hook(before)
        return upscaler


# ---- exact tiles -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(70, 45), (33, 100), (128, 20)])
def test_tiles_give_the_untiled_result(size: tuple[int, int]) -> None:
    upscaler, pixels = compact(), image(*size, batch=2)
    result = upscale_to(pixels, upscaler, size[0] * 2, size[1] * 2, exact(24))
    assert (result - untiled(upscaler, pixels)).abs().max() <= FLOAT32


@pytest.mark.slow
@pytest.mark.parametrize("upscaler", [span(), esrgan(4), esrgan(2, shuffle=2)], ids=["span", "esrgan", "shuffled"])
def test_other_networks_of_convolutions_are_exact_too(upscaler: ModelUpscaler) -> None:
    pixels = image(190, 150)
    result = upscale_to(pixels, upscaler, 190 * upscaler.scale, 150 * upscaler.scale, exact(110))
    assert (result - untiled(upscaler, pixels)).abs().max() <= FLOAT32


@pytest.mark.parametrize("layers", [1, 4, 7])
def test_the_overlap_is_read_off_the_network_and_not_one_pixel_more_than_needed(layers: int) -> None:
    network = Compact(num_feat=8, num_conv=layers, upscale=1, act_type="relu")
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.fill_(0.1 if name.endswith("weight") else 0)  # nothing cancels, so the farthest pixel shows
    upscaler, pixels = upscaler_of(network), torch.zeros(1, 61, 61, 3)
    assert reach_of(upscaler).overlap == layers + 2
    pixels[:, 30, 30] = 1
    changed = (untiled(upscaler, pixels) - untiled(upscaler, torch.zeros_like(pixels))).abs().amax(-1)[0] > 0
    rows = changed.any(1).nonzero().flatten()
    assert (int(rows[0]), int(rows[-1])) == (30 - layers - 2, 30 + layers + 2)


def test_without_overlap_tiles_show() -> None:
    upscaler, pixels = compact(), image(70, 45)
    result = upscale_to(pixels, upscaler, 140, 90, exact(24, 0))
    assert (result - untiled(upscaler, pixels)).abs().max() > 1e-3


def test_tiles_keep_to_the_blocks_of_the_model() -> None:
    # three windows of (80 + 2 * 24) / 3 = 43 pixels, which would start at 19 and 37
    upscaler, pixels = esrgan(2, shuffle=2), image(80, 50)
    assert upscaler.align == 4
    result = upscale_to(pixels, upscaler, 160, 100, exact(50, 12))
    # a window that started off the blocks would shuffle other pixels together everywhere
    assert (result - untiled(upscaler, pixels)).abs().max() <= FLOAT32


def test_a_tile_too_small_for_its_overlap_grows() -> None:
    runtime = Recording()
    upscaler, pixels = runtime.watch(compact()), image(100, 90)
    result = upscale_to(pixels, upscaler, 200, 180, exact(8, 10), runtime)
    assert (result - untiled(compact(), pixels)).abs().max() <= FLOAT32
    assert {max(size) for size in runtime.seen} == {30}  # a third of it is its own
    assert settle_tiles(upscaler, 200, 180, exact(8, 10)) == exact(30, 10)


def test_windows_of_attention_fall_as_in_the_whole_picture() -> None:
    upscaler, pixels = swinir(), image(100, 90)
    assert reach_of(upscaler).align % 8 == 0
    result = upscale_to(pixels, upscaler, 200, 180, exact(64, 24))
    # one layer with shifted windows of 8 sees at most 16 pixels and a convolution: half of an overlap of 24 is cropped
    middle = (result - untiled(upscaler, pixels)).abs()
    assert middle.max() <= 2e-2
    assert middle.mean() <= 1e-4


# ---- faded tiles -----------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_weights_of_faded_tiles_add_up_to_one(data: st.DataObject) -> None:
    width, height = data.draw(st.integers(1, 150)), data.draw(st.integers(1, 150))
    scale = data.draw(st.sampled_from([1, 2, 3]))
    tiles = exact(data.draw(st.integers(1, 90)), data.draw(st.integers(-1, 30)))
    upscaler, pixels = upscaler_of(Nearest(scale), scale, exact=False), image(width, height)
    # also where tiles fall apart for lack of memory
    runtime = Recording(data.draw(st.sampled_from([100**2, math.inf])))
    result = upscale_to(pixels, runtime.watch(upscaler), width * scale, height * scale, tiles, runtime)
    assert (result - untiled(upscaler_of(Nearest(scale), scale), pixels)).abs().max() <= ROUNDED
    assert runtime.calls[-1] == (width * height, width * height)


def test_tiles_of_different_brightness_fade_evenly() -> None:
    class Mean(Weighted):
        """Sees all of its tile, as global pooling does."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean((2, 3), keepdim=True).expand_as(x).clone()

    pixels = torch.zeros(1, 40, 160, 3)
    pixels[:, :, 80:] = 1
    runtime = Recording()
    result = upscale_to(pixels, runtime.watch(upscaler_of(Mean(), exact=False)), 160, 40, exact(112, 32), runtime)
    assert runtime.seen == [(112, 40)] * 2
    # 0..112 and 48..160: means of 32/112 and 80/112; the middle half of their 64 common pixels is the ramp
    line = result[0, 20, :, 0]
    assert line[:64].tolist() == pytest.approx([32 / 112] * 64, abs=ROUNDED)
    assert line[96:].tolist() == pytest.approx([80 / 112] * 64, abs=ROUNDED)
    assert line.diff()[64:95].tolist() == pytest.approx([48 / 112 / 32] * 31, abs=ROUNDED)


# ---- resizing tiles as they come -------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("target", [(90, 60), (179, 121), (91, 265), (477, 48), (45, 60), (46, 30)])
@pytest.mark.parametrize("faded", [False, True])
def test_a_resize_after_the_model_equals_that_of_the_whole(target: tuple[int, int], faded: bool) -> None:
    pixels = image(45, 30, channels=4)
    upscaler = upscaler_of(Nearest(4), 4, exact=not faded) if faded else compact(4)
    result = upscale_to(pixels, upscaler, *target, exact(24, 4))
    whole = pixels[..., :3]
    for _ in model_runs(45, 30, 4, *target):
        whole = untiled(upscaler, whole)
    whole = lanczos(whole, *target)
    # tiles of a random network differ by their own rounding
    assert (result[..., :3] - whole).abs().max() <= (1e-6 if faded else 5e-6)
    assert (result[..., 3:] - lanczos(pixels[..., 3:], *target)).abs().max() <= ROUNDED


# ---- a window --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "target"),
    [
        *((name, target) for name in ("Lanczos", "Nearest") for target in ((140, 90), (60, 40))),
        *(("convolutions", target) for target in ((140, 90), (130, 84), (210, 135), (60, 40))),
        ("attention", (130, 84)),
    ],
)
def test_a_window_is_what_a_crop_of_the_whole_gives(name: str, target: tuple[int, int]) -> None:
    made = {"convolutions": compact, "attention": swinir}
    upscaler = made[name]() if name in made else CLASSICAL[name]
    pixels, tiles = image(70, 45, channels=4, batch=2), TileSettings(24, 4, "float32")
    whole = upscale_to(pixels, upscaler, *target, tiles)
    width, height = target
    for window in (Box(0, 0, 3, height), Box(41, 10, 42, 11), Box(30, 27, 53, 33), Box(width - 3, 0, width, height)):
        part = upscale_to(pixels, upscaler, *target, tiles, window=window)
        assert torch.equal(part, whole[:, window.y0 : window.y1, window.x0 : window.x1])


def test_what_is_cut_off_takes_no_memory() -> None:
    with LiveBytes() as live:
        result = upscale_to(image(1, 1), CLASSICAL["Lanczos"], 16384, 16384, window=Box(8188, 0, 8195, 16384))
    assert result.shape == (1, 16384, 7, 3)
    assert live.most - result.nbytes <= 32 * 2**20  # whole, it is 3.2 GB


def test_tiles_beside_the_window_are_not_run() -> None:
    upscaler, runs = compact(), []
    upscaler.descriptor.model.register_forward_hook(lambda *call: runs.append(call))
    upscale_to(image(640, 60), upscaler, 1280, 120, TileSettings(64, 4, "float32"), window=Box(0, 0, 9, 120))
    assert len(runs) == 1


class AtOnce(Recording):
    """As a GPU, which is not busy with one small picture."""

    def pictures_at_once(self) -> int:
        return 4


@pytest.mark.slow
@pytest.mark.parametrize("faded", [False, True])
@pytest.mark.parametrize(("target", "together"), [((40, 30), 4), ((34, 50), 3), ((150, 110), 1)])
def test_small_pictures_go_through_together(target: tuple[int, int], together: int, faded: bool) -> None:
    upscaler = swinir() if faded else compact()
    pixels, runtime = image(20, 15, channels=4, batch=6), AtOnce()
    counts: list[int] = []
    upscaler.descriptor.model.register_forward_pre_hook(lambda _, inputs: counts.append(len(inputs[0])))
    result = upscale_to(pixels, upscaler, *target, exact(64, 8), runtime)
    one_by_one = [upscale_to(one[None], upscaler, *target, exact(64, 8)) for one in pixels]
    assert (result - torch.cat(one_by_one)).abs().max() <= FLOAT32
    assert counts[0] == together  # as many as fill a tile of 64x64 pixels in the last run
    assert runtime.calls[-1][0] == runtime.calls[-1][1]


def test_memory_for_one_picture_but_not_for_all_together() -> None:
    class Tight(AtOnce):
        """Memory for 30 x 30 pixels in all."""

        def watch(self, upscaler: ModelUpscaler) -> ModelUpscaler:
            def before(module: torch.nn.Module, inputs: tuple[torch.Tensor]) -> None:
                self.seen.append((len(inputs[0]), inputs[0].shape[-1]))
                if inputs[0].shape[0] * inputs[0].shape[2] * inputs[0].shape[3] > 30 * 30:
                    raise torch.OutOfMemoryError("CUDA out of memory")

            upscaler.descriptor.model.register_forward_pre_hook(before)
            return upscaler

    pixels, runtime = image(28, 28, batch=4), Tight()
    result = upscale_to(pixels, runtime.watch(compact()), 56, 56, exact(64), runtime)
    assert (result - untiled(compact(), pixels)).abs().max() <= FLOAT32
    assert runtime.seen == [(4, 28), *[(1, 28)] * 4]
    assert [done for done, _ in runtime.calls] == [28 * 28 * n for n in range(1, 5)]


# ---- anything --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_size_any_tile_any_scale(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 700))
    height = data.draw(st.integers(1, max(1, min(700, 12000 // width))))
    scale = data.draw(st.sampled_from([1, 2, 3, 4, 8]))
    channels, batch = data.draw(st.sampled_from([1, 3, 4])), data.draw(st.integers(1, 3))
    tiles = exact(data.draw(st.integers(0, 300)), data.draw(st.sampled_from([-1, 4, 5, 8, 40])))
    upscaler, pixels = compact(scale, features=2), image(width, height, channels, batch)
    result = upscale_to(pixels, upscaler, width * scale, height * scale, tiles)
    assert result.shape == (batch, height * scale, width * scale, channels)
    seen = pixels[..., :3] if channels == 4 else pixels.expand(-1, -1, -1, 3)
    expected = untiled(upscaler, seen)
    if channels == 1:
        expected = expected.mean(-1, keepdim=True)
    assert (result[..., : expected.shape[-1]] - expected).abs().max() <= FLOAT32


SOME = (compact(2, features=2), swinir(), CLASSICAL["Lanczos"], CLASSICAL["Nearest"])


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_target(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 700))
    height = data.draw(st.integers(1, max(1, min(700, 4000 // width))))
    to_width = data.draw(st.integers(1, 2 * width + 8))
    to_height = data.draw(st.integers(1, max(1, min(2 * height + 8, 40000 // to_width))))
    tiles = exact(data.draw(st.integers(0, 200)), data.draw(st.integers(-1, 40)))
    upscaler = data.draw(st.sampled_from(SOME))
    channels = data.draw(st.sampled_from([1, 2, 3, 4]))
    result = upscale_to(image(width, height, channels), upscaler, to_width, to_height, tiles)
    assert result.shape == (1, to_height, to_width, channels)
    assert torch.isfinite(result).all()
    assert result.min() >= 0
    assert result.max() <= 1


# ---- progress and cancelling -----------------------------------------------------------------------------------------


def test_progress_counts_the_pixels_of_every_run_and_picture() -> None:
    runtime = Recording()
    upscale_to(image(40, 24, batch=2), compact(), 160, 96, exact(32, 4), runtime)
    # 40x24, then 80x48: windows of 32 with 24 (28 at the ends) of their own: 2x1 and 3x2 tiles a picture
    assert len(runtime.calls) == 16
    assert {total for _, total in runtime.calls} == {2 * (40 * 24 + 80 * 48)}
    steps = [done for done, _ in runtime.calls]
    assert steps == sorted(set(steps))
    assert runtime.calls[-1] == (9600, 9600)


def test_filters_report_every_picture() -> None:
    runtime = Recording()
    upscale_to(image(4, 4, batch=3), CLASSICAL["Lanczos"], 8, 8, runtime=runtime)
    assert runtime.calls == [(64, 192), (128, 192), (192, 192)]


class Cancelled(BaseException):
    """As the host's interrupt: no Exception."""


def test_cancelling_stops_within_a_tile_and_leaves_nothing_behind() -> None:
    def cancel_at_second(done: int, total: int) -> None:
        reports.append(done)
        if len(reports) == 2:
            raise Cancelled

    reports: list[int] = []
    runtime = Recording()
    upscaler, pixels = runtime.watch(compact()), image(60, 40, channels=4)
    before, weights = pixels.clone(), [p.clone() for p in upscaler.descriptor.model.parameters()]
    with pytest.raises(Cancelled):
        upscale_to(pixels, upscaler, 120, 80, exact(24, 4), CpuRuntime(cancel_at_second))
    assert len(runtime.seen) <= 3  # the third had begun
    assert torch.equal(pixels, before)
    assert all(map(torch.equal, weights, upscaler.descriptor.model.parameters()))
    result = upscale_to(pixels, upscaler, 120, 80, exact(24, 4))
    assert (result[..., :3] - untiled(compact(), pixels[..., :3])).abs().max() <= FLOAT32


# ---- memory ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("faded", [False, True])
def test_out_of_memory_steps_the_tiles_down_and_the_result_is_the_same(faded: bool) -> None:
    pixels = image(300, 210)
    runtime = Recording(80 * 80)
    upscaler = upscaler_of(Nearest(2), 2, exact=False) if faded else compact()
    result = upscale_to(pixels, runtime.watch(upscaler), 600, 420, exact(256, 8), runtime)
    runtime.most_pixels = math.inf
    assert (result - untiled(upscaler, pixels)).abs().max() <= FLOAT32
    failed = [size for size in runtime.seen[:-1] if size[0] * size[1] > 80 * 80]
    assert len(failed) == 2  # half of 256 is still too large, half of that is not
    assert runtime.prepared == sorted(runtime.prepared, reverse=True)
    assert len(runtime.prepared) == 3
    assert runtime.calls[-1] == (300 * 210, 300 * 210)
    steps = [done for done, _ in runtime.calls]
    assert steps == sorted(steps)
    assert len(steps) > 15  # the pieces of a tile are reported, too


def test_finished_tiles_are_not_run_again() -> None:
    class Filling(Recording):
        """Memory that becomes short after the third tile."""

        def progress(self, done: int, total: int) -> None:
            super().progress(done, total)
            if len(self.calls) == 3:
                self.most_pixels = 80 * 80
                self.until_then = len(self.seen)

    runtime = Filling()
    pixels = image(300, 300)
    result = upscale_to(pixels, runtime.watch(compact()), 600, 600, exact(128, 8), runtime)
    assert (result - untiled(compact(), pixels)).abs().max() <= FLOAT32
    assert runtime.until_then <= 4
    assert sum(width * height > 80 * 80 for width, height in runtime.seen[runtime.until_then :]) <= 2  # again alone
    assert runtime.calls[-1] == (90000, 90000)


def test_the_smaller_tile_stays_for_the_rest_of_the_job() -> None:
    runtime = Recording(70 * 70)
    upscale_to(image(100, 100, batch=3), runtime.watch(compact()), 200, 200, exact(128, 8), runtime)
    assert sum(width * height > 70 * 70 for width, height in runtime.seen) == 1


@pytest.mark.parametrize("precision", ["auto", "float32"])
@pytest.mark.parametrize("block", [1, 4, 128])
def test_memory_that_never_suffices_ends_in_advice(block: int, precision: str) -> None:
    upscaler, runtime = compact(), Recording(10)
    upscaler.descriptor.size_requirements = SizeRequirements(multiple_of=block)
    with pytest.raises(UpscalerMemoryError, match=r"ran out of memory on cpu with a tile of only .* smaller upscale"):
        upscale_to(image(600, 400), runtime.watch(upscaler), 1200, 800, TileSettings(precision=precision), runtime)
    assert len(runtime.seen) < 8


def test_other_errors_are_not_taken_for_lack_of_memory() -> None:
    class Broken(Weighted):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("shapes do not match")

    for precision in ("auto", "float32"):
        with pytest.raises(RuntimeError, match="shapes do not match"):
            upscale_to(image(4, 4), upscaler_of(Broken(), 2), 8, 8, TileSettings(precision=precision))


def test_allocation_failures_are_recognised() -> None:
    with pytest.raises(RuntimeError) as failure:
        torch.empty(2**60)
    assert is_allocation_failure(failure.value)
    assert is_allocation_failure(MemoryError())
    assert is_allocation_failure(RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"))
    for library in (
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ):
        assert is_allocation_failure(RuntimeError(library))
    assert not is_allocation_failure(RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED"))
    assert not is_allocation_failure(RuntimeError("shapes do not match"))
    assert not is_allocation_failure(ValueError("out of memory"))


class Tenfold(Weighted):
    """Holds 10 copies of the input and a plain one: 11 * 3 channels of 4 bytes, 132 bytes a pixel in float32."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x] * 10, dim=1)[:, :3].clone()


@pytest.mark.parametrize(
    ("free", "widest"),
    [
        (None, 304),  # two windows of (600 + 2 * 2 * 2) / 2 within the CPU's 320
        (10**12, 304),
        (int(132 * 1.3 * 100**2), 92),  # 100 would fit: 600 pixels take 7 windows of (600 + 2 * 2 * 6) / 7 pixels
        (1, 64),
    ],
)
def test_the_automatic_tile_follows_the_measured_memory(free: int | None, widest: int) -> None:
    upscaler, runtime = upscaler_of(Tenfold()), Recording(free=free)
    tiles = settle_tiles(upscaler, 600, 600, exact(overlap=2), runtime)
    upscale_to(image(600, 600), runtime.watch(upscaler), 600, 600, tiles, runtime)
    assert max(width for width, _ in runtime.seen) <= widest
    assert max(width for width, _ in runtime.seen) >= widest - 4


def test_what_is_settled_stays() -> None:
    for upscaler in (compact(), swinir(), esrgan(2, shuffle=2), CLASSICAL["Lanczos"]):
        settled = settle_tiles(upscaler, 900, 700, exact(), Recording(free=10**6))
        assert min(settled.size, settled.overlap + 1) > 0
        assert settle_tiles(upscaler, 900, 700, settled, Recording(free=10**9)) == settled
        assert settle_tiles(upscaler, 900, 700, replace(settled, size=0), Recording(free=10**9)).size >= settled.size
    assert settle_tiles(compact(), 900, 700).overlap == CONVOLUTIONS + 2


def test_boxes() -> None:
    box = Box(3, 4, 10, 6)
    assert (box.area, box.times(2)) == (14, Box(6, 8, 20, 12))
    assert box.within(Box(1, 2, 20, 20)) == Box(2, 2, 9, 4)

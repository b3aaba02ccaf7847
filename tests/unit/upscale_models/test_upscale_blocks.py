"""Upscaling a picture that is read and finished piece by piece."""

from collections.abc import Iterable

import pytest
import torch
from hires_pack.dev.fixtures.small_upscalers import Nearest, compact, image, swinir, upscaler_of
from hires_pack.hires.errors import InputError
from hires_pack.hires.tiles.boxes import Box
from hires_pack.upscale_models import (
    CLASSICAL,
    Block,
    CpuRuntime,
    TileSettings,
    Upscaler,
    UpscalerError,
    settle_tiles,
    upscale_blocks,
    upscale_to,
)
from hires_pack.upscale_models.tiles.working_memory import LiveBytes


class OnceOnly:
    """A picture that can only be read from top to bottom, as a file can."""

    def __init__(self, pixels: torch.Tensor) -> None:
        self._pixels = pixels
        self.height, self.width, self.channels = pixels.shape
        self.top = 0
        self.reads: list[Box] = []

    def read(self, box: Box) -> torch.Tensor:
        assert 0 <= box.x0 < box.x1 <= self.width
        assert self.top <= box.y0 < box.y1 <= self.height, "read again what has gone by"
        self.top = box.y0
        self.reads.append(box)
        return self._pixels[box.y0 : box.y1, box.x0 : box.x1].clone()


class Endless:
    """Waves of any height that are nowhere in memory."""

    width, channels = 96, 3

    def __init__(self, height: int) -> None:
        self.height = height

    def read(self, box: Box) -> torch.Tensor:
        y, x = torch.arange(box.y0, box.y1)[:, None, None], torch.arange(box.x0, box.x1)[None, :, None]
        return 0.5 + 0.5 * torch.sin(0.1 * y + 0.2 * x + torch.arange(3))


def joined(blocks: Iterable[Block], width: int, height: int, top: int = 0) -> torch.Tensor:
    """Put blocks together and check what is promised of them."""
    result, low, right, bottom = None, top, 0, top
    for (x0, y0, x1, y1), pixels in blocks:
        assert pixels.dtype == torch.float32
        assert pixels.shape[:2] == (y1 - y0, x1 - x0)
        if result is None:
            result = torch.full((height - top, width, pixels.shape[2]), float("nan"))
        if right in (0, width):
            low, right, bottom = bottom, 0, y1
        assert (x0, y0, y1) == (right, low, bottom), "not in rows of one height from left to right"
        right = x1
        result[y0 - top : y1 - top, x0:x1] = pixels
    assert (right, bottom) == (width, height)
    assert result is not None
    return result


JOBS = {
    "one run": (compact(2), (2, 2)),
    "a smaller target": (compact(4), (2, 2)),
    "three runs": (compact(2, features=4), (7, 6.5), (20, 60)),
    "faded": (swinir(), (2, 2)),
    "faded, then resized": (swinir(), (1.5, 1.2)),
    "faded twice": (swinir(), (3.5, 4), (28, 84)),
    "flat": (compact(4), (2, 0.1)),
    "model of factor 1": (compact(1), (1, 1)),
    "Lanczos": (CLASSICAL["Lanczos"], (9.3, 8.1)),
    "Nearest": (CLASSICAL["Nearest"], (0.3, 9)),
    "smaller": (compact(2), (0.5, 0.7)),
}


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "overlap"), [(3, 8), (4, 8), (4, 0)])
@pytest.mark.parametrize("job", JOBS)
def test_in_pieces_the_same_bytes_as_in_memory(job: str, channels: int, overlap: int) -> None:
    upscaler, (by_width, by_height), (source_width, source_height) = (*JOBS[job], (56, 84))[:3]
    pixels = image(source_width, source_height, channels)
    width, height = int(source_width * by_width), int(source_height * by_height)
    tiles = TileSettings(48, overlap)
    whole = upscale_to(pixels, upscaler, width, height, tiles)[0]
    source = OnceOnly(pixels[0])
    assert torch.equal(joined(upscale_blocks(source, upscaler, width, height, tiles), width, height), whole)
    if job not in ("Lanczos", "Nearest", "smaller"):
        assert max(box.height for box in source.reads) <= 64

    # every row, also those that cross blocks
    for rows in (1, height // 2):
        rest = upscale_blocks(OnceOnly(pixels[0]), upscaler, width, height, tiles, rows_done=rows)
        assert torch.equal(joined(rest, width, height, rows), whole[rows:])
    assert list(upscale_blocks(OnceOnly(pixels[0]), upscaler, width, height, tiles, rows_done=height)) == []


def test_going_on_after_a_row_of_blocks_runs_the_model_on_no_tile_before_it() -> None:
    runs: list[int] = []
    upscaler, pixels, tiles = compact(2), image(60, 200), TileSettings(40, 4, "float32")
    upscaler.descriptor.model.register_forward_pre_hook(lambda *_: runs.append(1))
    blocks = list(upscale_blocks(OnceOnly(pixels[0]), upscaler, 120, 400, tiles))
    assert len(runs) == len(blocks)
    bottom = sorted({block.box.y1 for block in blocks})[2]
    runs.clear()
    rest = list(upscale_blocks(OnceOnly(pixels[0]), upscaler, 120, 400, tiles, rows_done=bottom))
    assert [block.box for block in rest] == [block.box for block in blocks if block.box.y0 >= bottom]
    assert len(runs) == len(rest)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("upscaler", "factor"),
    [(upscaler_of(Nearest(2), 2), 2), (upscaler_of(Nearest(2), 2), 4), (upscaler_of(Nearest(4), 4), 3),
     (upscaler_of(Nearest(2), 2, exact=False), 3), (CLASSICAL["Lanczos"], 4)],
    ids=["a run", "two runs", "resized", "faded, resized", "Lanczos"],
)  # fmt: skip
def test_memory_does_not_grow_with_the_height(upscaler: Upscaler, factor: int) -> None:
    most = []
    for height in (500, 1100):
        with LiveBytes() as live:
            for _ in upscale_blocks(
                Endless(height), upscaler, 96 * factor, height * factor, TileSettings(64, 8, "float32")
            ):
                pass
        most.append(live.most)
    # a resize keeps its weights, 300 bytes a row; a row of the smallest result here has 2304
    assert most[1] <= 1.1 * most[0] + 300 * 600 * factor


def test_a_source_with_alpha_is_read_once() -> None:
    source = OnceOnly(image(90, 300, 4)[0])
    for _ in upscale_blocks(source, compact(), 180, 600, TileSettings(48, 4)):
        pass
    assert sum(box.area for box in source.reads) == 90 * 300


def test_progress_goes_on_where_the_rows_are_done() -> None:
    calls: list[tuple[int, int]] = []
    runtime = CpuRuntime(lambda *call: calls.append(call))
    tiles = TileSettings(40, 4)
    for _ in upscale_blocks(OnceOnly(image(60, 200)[0]), compact(), 120, 400, tiles, runtime, rows_done=200):
        pass
    assert calls[0][0] > 60 * 200 // 3
    assert calls[-1] == (60 * 200, 60 * 200)


def test_settled_tiles_give_the_same_bytes_on_another_day() -> None:
    class Full(CpuRuntime):
        def free_memory(self) -> int:
            return 3_000_000

    upscaler, pixels = compact(2), image(300, 280)
    tiles = settle_tiles(upscaler, 600, 560, runtime=Full())
    assert tiles.size < 280
    first = joined(upscale_blocks(OnceOnly(pixels[0]), upscaler, 600, 560, runtime=Full()), 600, 560)
    again = joined(upscale_blocks(OnceOnly(pixels[0]), upscaler, 600, 560, tiles), 600, 560)
    assert torch.equal(first, again)


def test_bad_sources_are_refused() -> None:
    with pytest.raises(InputError, match="0x4 was asked for"):
        next(upscale_blocks(OnceOnly(image(4, 4)[0]), compact(), 0, 4))
    with pytest.raises(InputError, match="has 5"):
        next(upscale_blocks(OnceOnly(image(4, 4, 5)[0]), compact(), 8, 8))
    broken = image(4, 4)[0]
    broken[2, 2] = float("nan")
    with pytest.raises(UpscalerError, match="values that are not numbers"):
        list(upscale_blocks(OnceOnly(broken), compact(), 8, 8))

"""Upscalers that are told where their windows lie: diffusion models, and what other packs bring."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from hires_pack.dev.fixtures.small_upscalers import compact, image
from hires_pack.hires.sizes.extras import extras_size
from hires_pack.hires.sizes.image_sizes import Size
from hires_pack.hires.tiles.boxes import Box
from hires_pack.tests.tolerances import FLOAT32
from hires_pack.upscale_models import (
    CpuRuntime,
    OnPart,
    PlacedUpscaler,
    TileSettings,
    Upscaler,
    UpscalerError,
    UpscalerMemoryError,
    settle_tiles,
    upscale_blocks,
    upscale_extras,
    upscale_to,
)
from PIL import Image


@dataclass(frozen=True)
class Map(PlacedUpscaler):
    """Adds to every pixel what belongs to its place; the picture is repeated. Fails above a number of pixels."""

    scale: int = 2
    name: str = "map"
    parts: int = 4
    most: int = 10**9
    seen: list[Box] = field(default_factory=list)
    before: Upscaler | None = None

    tile = 64
    overlap = 8
    align = 4

    @property
    def words(self) -> dict[str, Any]:
        return {}

    def input_size(self, source: Size, target: Size) -> Size:
        width, height = target
        return -(-width // self.scale), -(-height // self.scale)

    def run(self, pixels: torch.Tensor, place: Box, on_part: OnPart) -> torch.Tensor:
        assert pixels.shape == (3, place.height, place.width)
        if place.area > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB")
        self.seen.append(place)
        for part in range(self.parts):
            on_part((part + 1) / self.parts)
        y, x = torch.arange(place.y0, place.y1)[:, None], torch.arange(place.x0, place.x1)
        there = ((7 * x + 13 * y) % 32) / 128
        large = pixels / 2 + there
        return large.repeat_interleave(self.scale, 1).repeat_interleave(self.scale, 2)


def whole(upscaler: Map, pixels: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """The same in one window."""
    return upscale_to(pixels, upscaler, width, height, TileSettings(4096))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("target", [(200, 130), (201, 131)])
def test_windows_agree_with_one_piece(channels: int, target: Size) -> None:
    upscaler, pixels = Map(), image(90, 60, channels=channels, batch=2)
    result = upscale_to(pixels, upscaler, *target)
    assert result.shape == (2, target[1], target[0], channels)
    assert len(upscaler.seen) > 2
    assert all(box.x0 % 4 == 0 and max(box.width, box.height) <= 64 for box in upscaler.seen)
    assert (result - whole(Map(), pixels, *target)).abs().max() <= FLOAT32
    assert not torch.equal(result, pixels.new_zeros(result.shape))


def test_it_runs_once_on_its_own_input_size_and_at_the_same_size() -> None:
    upscaler = Map()
    upscale_to(image(20, 10), upscaler, 160, 80)
    assert upscaler.seen[-1].x1 == 80  # not 20, and not twice
    same = Map(scale=1)
    upscale_to(image(20, 10), same, 20, 10)
    assert same.seen == [Box(0, 0, 20, 10)]
    upscale_to(image(20, 10), same, 10, 5)
    assert len(same.seen) == 1


def test_smaller_windows_after_out_of_memory_keep_their_place() -> None:
    pixels = image(90, 60)
    upscaler = Map(most=40 * 40)
    result = upscale_to(pixels, upscaler, 180, 120)
    assert (result - whole(Map(), pixels, 180, 120)).abs().max() <= FLOAT32
    with pytest.raises(UpscalerMemoryError, match=r"'map' ran out of memory .* window of only"):
        upscale_to(pixels, Map(most=8), 180, 120)


def test_progress_comes_within_a_window_and_can_cancel() -> None:
    told: list[tuple[int, int]] = []
    pixels = image(90, 60, batch=2)
    upscale_to(pixels, Map(), 180, 120, runtime=CpuRuntime(lambda *now: told.append(now)))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len({done for done, _ in told}) >= 4 * 4
    assert told[-1] == (2 * 90 * 60, 2 * 90 * 60)
    assert {total for _, total in told} == {2 * 90 * 60}

    class Cancelled(BaseException):
        pass

    def stop(done: int, total: int) -> None:
        raise Cancelled

    upscaler = Map()
    with pytest.raises(Cancelled):
        upscale_to(pixels, upscaler, 180, 120, runtime=CpuRuntime(stop))
    assert len(upscaler.seen) == 1


@dataclass(frozen=True)
class Whole(Map):
    """Adds what belongs to the size of the picture; windows are seen at the size to reach."""

    whole: Size = (0, 0)

    def for_picture(self, size: Size) -> Whole:
        return replace(self, whole=size)

    def run(self, pixels: torch.Tensor, place: Box, on_part: OnPart) -> torch.Tensor:
        on_part(1.0)
        self.seen.append(place)
        return pixels / 2 + self.whole[0] / 3000


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("size", [(45, 30), (150, 60)])
def test_another_upscaler_enlarges_before_and_the_picture_is_known(size: Size, channels: int) -> None:
    """Also one that needs several runs, and blocks that do not begin where the first one's end."""
    before = compact(2)
    target = size[0] * 3, size[1] * 3 + 1
    pixels = image(*size, channels=channels, batch=2)
    upscaler, told = Whole(scale=1, before=before), list[tuple[int, int]]()
    result = upscale_to(pixels, upscaler, *target, runtime=CpuRuntime(lambda *now: told.append(now)))
    colours = max(1, channels // 2 * 2 - 1)
    enlarged = upscale_to(pixels, before, *target)
    assert (result[..., :colours] - (enlarged[..., :colours].clamp(0, 1) / 2 + target[0] / 3000)).abs().max() < 1e-3
    assert torch.equal(result[..., colours:], enlarged[..., colours:])
    assert max(box.x1 for box in upscaler.seen) == target[0]
    assert told[-1] == (2 * target[0] * target[1],) * 2
    plain = upscale_to(pixels, Whole(scale=1), *target)
    assert (plain - result)[..., :colours].abs().mean() > 1e-3
    tiles = settle_tiles(upscaler, *target)
    rows = sorted({box.y0 for box, _ in upscale_blocks(Rows(pixels[0]), upscaler, *target, tiles)})
    for box, part in upscale_blocks(Rows(pixels[0]), upscaler, *target, tiles, rows_done=rows[len(rows) // 2]):
        assert (part - result[0, box.y0 : box.y1, box.x0 : box.x1]).abs().max() <= FLOAT32


class Rows:
    """A picture that is read piece by piece."""

    def __init__(self, pixels: torch.Tensor) -> None:
        self._pixels = pixels
        self.height, self.width, self.channels = pixels.shape

    def read(self, box: Box) -> torch.Tensor:
        return self._pixels[box.y0 : box.y1, box.x0 : box.x1]


def test_streams_and_goes_on_with_the_same_numbers() -> None:
    pixels, target = image(90, 140), (250, 390)
    tiles = settle_tiles(Map(), *target)
    assert (tiles.size, tiles.overlap) == (64, 8)
    expected = upscale_to(pixels, Map(), *target)[0]
    rows = [block.box.y0 for block in upscale_blocks(Rows(pixels[0]), Map(), *target, tiles)]
    for done in (0, sorted(set(rows))[2]):
        result = torch.full_like(expected, -1)
        for box, part in upscale_blocks(Rows(pixels[0]), Map(), *target, tiles, rows_done=done):
            result[box.y0 : box.y1, box.x0 : box.x1] = part
        assert torch.equal(result[done:], expected[done:])
        assert (result[:done] == -1).all()


def test_a1111s_numbers_take_one_piece_and_its_sizes() -> None:
    picture = Image.effect_noise((50, 30), 80).convert("RGB")
    upscaler, told = Map(), list[int]()
    plan = extras_size(picture.size, 1.5, False)
    runtime = CpuRuntime(lambda done, total: told.append(done))
    (result,) = upscale_extras([picture], plan, upscaler, None, 0, TileSettings(), runtime)
    assert result.size == (72, 40)
    assert upscaler.seen == [Box(0, 0, 38, 23)]
    assert told == sorted(told)
    assert len(told) == 5


def test_what_comes_back_is_looked_at() -> None:
    @dataclass(frozen=True)
    class Wrong(Map):
        fill: float = 0.0
        more: int = 0

        def run(self, pixels: torch.Tensor, place: Box, on_part: OnPart) -> torch.Tensor:
            return torch.full((3, 2 * place.height + self.more, 2 * place.width), self.fill)

    assert upscale_to(image(9, 9), Wrong(fill=3.0), 18, 18).max() == 1
    with pytest.raises(UpscalerError, match="'map' made values that are not numbers"):
        upscale_to(image(9, 9), Wrong(fill=float("nan")), 18, 18)
    with pytest.raises(UpscalerError, match=r"should have made \(3, 18, 18\) .* made \(3, 19, 18\)"):
        upscale_to(image(9, 9), Wrong(more=1), 18, 18)

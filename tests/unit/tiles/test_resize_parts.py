"""Resizing piece by piece, against Pillow's resize of the whole picture and closed forms."""

import gc

import numpy as np
import pytest
import torch
from hires_pack.dev.benchmarks.pillow_resize import lanczos, nearest
from hires_pack.hires.errors import InputError
from hires_pack.hires.tiles.boxes import Box
from hires_pack.hires.tiles.resize_parts import LanczosParts, NearestParts, ResizeParts
from hires_pack.tests.tolerances import ROUNDED
from hires_pack.upscale_models.models.live_bytes import LiveBytes
from hypothesis import example, given, settings
from hypothesis import strategies as st

Size = tuple[int, int]

SIZES = st.integers(1, 90)
PARTS = st.integers(9, 90)


def picture(width: int, height: int, channels: int) -> torch.Tensor:
    return torch.rand(height, width, channels, generator=torch.Generator().manual_seed(width * 1000 + height))


def assembled(parts: ResizeParts, source: torch.Tensor, target: Size, part: Size) -> torch.Tensor:
    """Resize box by box, each from a copy of nothing but the source pixels that it names."""
    (width, height), (across, down) = target, part
    result = torch.full((height, width, source.shape[2]), float("nan"))
    for y in range(0, height, down):
        for x in range(0, width, across):
            box = Box(x, y, min(x + across, width), min(y + down, height))
            need = parts.needs(box)
            assert 0 <= need.x0 < need.x1 <= source.shape[1]
            assert 0 <= need.y0 < need.y1 <= source.shape[0]
            result[y : box.y1, x : box.x1] = parts(source[need.y0 : need.y1, need.x0 : need.x1].clone(), box)
    return result


@settings(max_examples=100, deadline=None)
@given(st.tuples(SIZES, SIZES), st.tuples(SIZES, SIZES), st.tuples(PARTS, PARTS), st.integers(1, 4))
@example((1, 1), (70, 3), (33, 2), 1)  # one pixel, enlarged
@example((90, 70), (1, 1), (1, 1), 2)  # shrunk to one pixel
@example((90, 1), (2, 90), (1, 64), 3)  # one axis shrinks, the other grows
@example((41, 23), (41, 23), (7, 5), 4)  # unchanged
@example((41, 23), (82, 23), (50, 5), 4)  # one axis unchanged
def test_parts_are_the_whole(source: Size, target: Size, part: Size, channels: int) -> None:
    whole = picture(*source, channels)
    by_lanczos = assembled(LanczosParts(source, target), whole, target, part)
    assert (by_lanczos - lanczos(whole[None], *target)[0]).abs().max() <= ROUNDED
    by_nearest = assembled(NearestParts(source, target), whole, target, part)
    assert torch.equal(by_nearest, nearest(whole[None], *target)[0])


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ((1000, 700), (251, 333)),
        ((333, 251), (1000, 701)),
        ((20000, 4), (7, 9)),  # very uneven: sums over thousands of pixels
        ((3, 30000), (5, 1)),
        ((3200, 3), (100, 3)),  # the longest sums in single precision
        ((4, 7), (5000, 6)),
    ],
)
def test_large_and_uneven_sizes(source: Size, target: Size) -> None:
    whole = picture(*source, 3)
    for parts, method in ((LanczosParts(source, target), lanczos), (NearestParts(source, target), nearest)):
        ours = assembled(parts, whole, target, (200, 170))
        assert (ours - method(whole[None], *target)[0]).abs().max() <= ROUNDED


def test_unchanged_size_is_the_identity_and_a_new_tensor() -> None:
    whole = picture(19, 11, 3)
    for kind in (LanczosParts, NearestParts):
        parts = kind((19, 11), (19, 11))
        assert parts.needs(Box(3, 2, 9, 7)) == Box(3, 2, 9, 7)
        result = parts(whole, Box(0, 0, 19, 11))
        assert torch.equal(result, whole)
        assert result.data_ptr() != whole.data_ptr()


def test_a_part_needs_no_more_than_the_filter_reaches() -> None:
    # three lobes of source pixels on either side when enlarging, three target pixels' worth when shrinking
    assert LanczosParts((1000, 1000), (4000, 4000)).needs(Box(400, 800, 800, 1200)) == Box(97, 197, 203, 303)
    assert LanczosParts((4000, 4000), (1000, 1000)).needs(Box(100, 200, 200, 300)) == Box(390, 790, 810, 1210)
    assert NearestParts((1000, 1000), (4000, 4000)).needs(Box(400, 800, 800, 1200)) == Box(100, 200, 200, 300)


def test_overshoot_is_clamped_after_each_axis() -> None:
    edge = torch.cat([torch.zeros(8, 8, 1), torch.ones(8, 8, 1)], dim=1)
    edge = torch.cat([edge, 1 - edge])
    box = Box(0, 0, 64, 64)
    result = LanczosParts((16, 16), (64, 64))(edge, box)
    assert result.min() == 0
    assert result.max() == 1
    assert (result - lanczos(edge[None], 64, 64)[0]).abs().max() <= ROUNDED


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_computed_in_float32(dtype: torch.dtype) -> None:
    whole = picture(9, 7, 3).to(dtype)
    before = whole.clone()
    box = Box(0, 0, 20, 5)
    for kind in (LanczosParts, NearestParts):
        result = kind((9, 7), (20, 5))(whole, box)
        assert result.dtype == torch.float32
        assert torch.equal(result, kind((9, 7), (20, 5))(whole.float(), box))
    assert torch.equal(whole, before)


def test_values_outside_the_range_are_clamped() -> None:
    whole = picture(6, 5, 1) * 4 - 1
    for kind in (LanczosParts, NearestParts):
        for target in ((6, 5), (11, 9)):
            result = kind((6, 5), target)(whole, Box(0, 0, *target))
            assert result.min() == 0
            assert result.max() == 1


def test_numbers_are_the_same_without_and_within_inference_mode() -> None:
    whole, box = picture(30, 20, 3), Box(0, 0, 17, 41)
    parts = LanczosParts((30, 20), (17, 41))
    with torch.inference_mode():
        inside = parts(whole, box)
    assert np.array_equal(inside.numpy(), parts(whole, box).numpy())


@pytest.mark.parametrize("kind", [LanczosParts, NearestParts])
def test_bad_calls_are_refused(kind: type[LanczosParts] | type[NearestParts]) -> None:
    with pytest.raises(InputError, match="0x4 was asked for"):
        kind((8, 8), (0, 4))
    with pytest.raises(InputError, match="at least 1x1 pixels"):
        kind((8, 0), (4, 4))
    parts = kind((8, 8), (16, 16))
    for box in (Box(0, 0, 17, 4), Box(-1, 0, 4, 4), Box(4, 0, 4, 4)):
        with pytest.raises(ValueError, match="not inside the 16x16 target"):
            parts.needs(box)
    need = parts.needs(Box(0, 0, 8, 8))
    with pytest.raises(ValueError, match=rf"\({need.height}, {need.width}, channels\) are needed.*\(8, 9, 3\)"):
        parts(torch.zeros(8, 9, 3), Box(0, 0, 8, 8))


def test_weights_of_rows_that_are_done_are_let_go() -> None:
    """A long picture in rows of two parts, from top to bottom."""
    source = picture(40, 1500, 1)
    with LiveBytes() as live:
        parts, kept = LanczosParts((40, 1500), (80, 3000)), []
        for y in range(0, 3000, 200):
            for x in (0, 40):
                need = parts.needs(box := Box(x, y, x + 40, y + 200))
                parts(source[need.y0 : need.y1, need.x0 : need.x1], box)
            kept.append(live.now)
    # some 25 weights for each of 80 columns and of 200 rows with their first and last blocks; all rows have 280 kB
    assert 0 < max(kept) <= (80 + 200 + 2 * 32) * 25 * 4
    assert (assembled(parts, source, (80, 3000), (40, 200)) - lanczos(source[None], 80, 3000)[0]).abs().max() <= ROUNDED


def test_weights_that_are_kept_lie_in_few_pieces() -> None:
    """Thousands of small ones would leave the memory between them in pieces: gigabytes for a very wide result."""

    def tensors() -> int:
        return sum(type(it) is torch.Tensor for it in gc.get_objects())

    source, target = picture(300, 4, 1), (20000, 4)
    before, parts = tensors(), LanczosParts((300, 4), target)
    found = assembled(parts, source, target, (512, 4))
    assert tensors() - before <= 5  # the result, and 20000 columns in pieces of 8192
    assert (found - lanczos(source[None], *target)[0]).abs().max() <= ROUNDED

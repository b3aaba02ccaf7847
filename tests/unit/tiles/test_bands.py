"""Windows that are drawn one by one and faded into each other: what comes out is a partition, and what is the same at
every place of every window comes out as it is.
"""

import pytest
import torch
from hires_pack.hires.tiles.bands import Bands
from hires_pack.hires.tiles.windows import plan_windows

PICTURE = torch.rand(75, 101, 3, generator=torch.Generator().manual_seed(0))
LAYOUTS = [(16, 4, 1), (16, 4, 8), (9, 7, 1), (20, 15, 2), (200, 0, 1), (12, 0, 4), (64, 33, 8)]
"""Longest window, overlap, multiple: also such that three windows overlap, and one that is larger than the picture."""


def bands(tile, overlap, multiple, blending="soft", cell=1):
    height, width = PICTURE.shape[:2]
    windows = plan_windows(-(-width // cell), -(-height // cell), tile, overlap, multiple, blending)
    return Bands.of(windows, width, height, cell)


def cut(box):
    return PICTURE[box.y0 : box.y1, box.x0 : box.x1]


def joined(blocks):
    made, times = torch.full_like(PICTURE, 9.0), torch.zeros(PICTURE.shape[:2])
    for box, pixels in blocks:
        made[box.y0 : box.y1, box.x0 : box.x1] = pixels
        times[box.y0 : box.y1, box.x0 : box.x1] += 1
    return made, times


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("blending", ["soft", "hard"])
def test_what_acts_pixel_by_pixel_is_as_in_one_piece(layout, blending):
    plan = bands(*layout, blending)
    made, times = joined(plan.blocks(lambda box: torch.cos(7 * cut(box))))
    assert bool((times == 1).all()), "not a partition"
    torch.testing.assert_close(made, torch.cos(7 * PICTURE), rtol=0, atol=1e-6)


def test_windows_of_cells_end_with_the_picture_and_have_one_size():
    seen = []
    plan = bands(6, 2, 2, cell=8)
    made, _ = joined(plan.blocks(lambda box: (seen.append(box), cut(box))[1]))
    torch.testing.assert_close(made, PICTURE, rtol=0, atol=1e-6)
    assert plan.count == len(seen)
    assert max(box.x1 for box in seen) == 101
    assert max(box.y1 for box in seen) == 75
    inner = {(box.width, box.height) for box in seen if box.x1 < 101 and box.y1 < 75}
    assert len(inner) == 1
    assert all(side % 16 == 0 for side in inner.pop())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_going_on_at_any_row_gives_the_same_bits(layout):
    """Windows that differ where they overlap, as a model's do."""
    plan = bands(*layout)

    def draw(box):
        return cut(box) + 0.01 * box.x0 - 0.02 * box.y0

    whole, _ = joined(plan.blocks(draw))
    starts = sorted({box.y1 for box, _ in plan.blocks(draw)})[:-1]
    for start in starts:
        drawn = []
        rest, times = joined(plan.blocks(lambda box, drawn=drawn: (drawn.append(box), draw(box))[1], start))
        assert torch.equal(rest[start:], whole[start:])
        assert not bool(times[:start].any())
        assert len(drawn) == plan.count - plan.skipped(start) < plan.count or plan.skipped(start) == 0


def test_neighbours_fade_in_the_middle_of_what_they_share():
    """Between two windows of different colour there is no step, and nothing of their borders is seen."""
    plan = bands(60, 40, 1)
    made, _ = joined(plan.blocks(lambda box: torch.full((box.height, box.width, 3), float(box.x0 > 0))))
    row = made[0, :, 0]
    (first, second) = plan.columns[:2]
    shared = first.stop - second.start
    assert float((row[1:] - row[:-1]).abs().max()) <= 2.2 / shared
    assert bool((row[: second.start + shared // 4] == 0).all())
    assert float(row[first.stop]) == 1.0

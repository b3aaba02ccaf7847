"""Properties that every plan of tiles has."""

import numpy as np
import pytest
from hires_pack.hires.tiles.boxes import Box, Tile, plan_tiles
from hypothesis import assume, given, settings
from hypothesis import strategies as st


@st.composite
def plans(draw: st.DrawFn) -> tuple[int, int, int, int, int, list[Tile]]:
    width, height = draw(st.integers(1, 150)), draw(st.integers(1, 150))
    align = draw(st.sampled_from([1, 2, 4, 8]))
    overlap = draw(st.integers(0, 24))
    tile = draw(st.integers(1, 120))
    assume(tile // align * align > 2 * (-(-overlap // align) * align))
    return width, height, tile, overlap, align, plan_tiles(width, height, tile, overlap, align)


def owners(tiles: list[Tile], width: int, height: int) -> np.ndarray:
    """How many tiles own each pixel."""
    counts = np.zeros((height, width), int)
    for tile in tiles:
        counts[tile.owned.y0 : tile.owned.y1, tile.owned.x0 : tile.owned.x1] += 1
    return counts


@settings(max_examples=150, deadline=None)
@given(plans())
def test_every_pixel_is_owned_once(plan: tuple[int, int, int, int, int, list[Tile]]) -> None:
    width, height, _, _, _, tiles = plan
    assert (owners(tiles, width, height) == 1).all()


@settings(max_examples=200, deadline=None)
@given(plans())
def test_windows_lie_in_the_picture_and_see_the_overlap(plan: tuple[int, int, int, int, int, list[Tile]]) -> None:
    width, height, size, overlap, align, tiles = plan
    across = {(tile.window.x0, tile.window.x1, tile.owned.x0, tile.owned.x1, width) for tile in tiles}
    down = {(tile.window.y0, tile.window.y1, tile.owned.y0, tile.owned.y1, height) for tile in tiles}
    for low, high, start, stop, end in across | down:
        assert 0 <= low <= start < stop <= high <= end
        assert high - low <= size
        assert low == 0 or start - low >= overlap
        assert high == end or high - stop >= overlap
        assert low % align == 0
        assert high % align == 0 or high == end


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(plans())
def test_windows_are_alike(plan: tuple[int, int, int, int, int, list[Tile]]) -> None:
    _, _, _, _, align, tiles = plan
    widths, heights = {t.window.width for t in tiles}, {t.window.height for t in tiles}
    # with blocks, only the window at a far edge that is not on a block may be short of one
    assert max(widths) - min(widths) < align
    assert max(heights) - min(heights) < align


def test_a_picture_that_fits_is_one_tile() -> None:
    whole = Box(0, 0, 500, 512)
    assert plan_tiles(500, 512, 512, 300) == [Tile(whole, whole)]


def test_windows_shrink_to_what_their_number_needs() -> None:
    # 520 pixels need two windows of 512; two of (520 + 2 * 32) / 2 do as well
    tiles = plan_tiles(520, 10, 512, 32)
    assert [(t.window.x0, t.window.x1) for t in tiles] == [(0, 292), (228, 520)]
    assert [(t.owned.x0, t.owned.x1) for t in tiles] == [(0, 260), (260, 520)]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_region_is_owned_by_its_own_plan(data: st.DataObject) -> None:
    x0, y0 = data.draw(st.integers(0, 80)), data.draw(st.integers(0, 80))
    region = Box(x0, y0, data.draw(st.integers(x0 + 1, 100)), data.draw(st.integers(y0 + 1, 100)))
    align = data.draw(st.sampled_from([1, 4]))
    tiles = plan_tiles(100, 100, 32, 8, align, region)
    expected = np.zeros((100, 100), int)
    expected[region.y0 : region.y1, region.x0 : region.x1] = 1
    assert (owners(tiles, 100, 100) == expected).all()
    for tile in tiles:
        assert tile.window.x0 == 0 or tile.owned.x0 - tile.window.x0 >= 8
        assert tile.window.y1 == 100 or tile.window.y1 - tile.owned.y1 >= 8
        assert max(tile.window.width, tile.window.height) <= 32


def test_a_tile_without_a_middle_is_refused() -> None:
    with pytest.raises(ValueError, match="tile of 64 pixels has no middle left between overlaps of 32"):
        plan_tiles(100, 50, 64, 32)
    assert plan_tiles(64, 64, 64, 32)  # fits, so nothing is cut


@pytest.mark.parametrize("bad", [(0, 5, 8, 1), (5, -1, 8, 1), (5, 5, 0, 0), (5, 5, 8, -1)])
def test_senseless_numbers_are_refused(bad: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="at least 1 pixel"):
        plan_tiles(*bad)

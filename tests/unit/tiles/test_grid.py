"""The grid of tiles and the two ways of putting them together: recorded numbers, A1111's rule, and closed forms."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hires_pack.hires.errors import InputError
from hires_pack.hires.tiles.grid import tile_grid
from hires_pack.hires.tiles.layout import combine, split
from PIL import Image

CASES = Path(__file__).resolve().parents[2] / "data" / "oracle-redraw" / "sd-upscale"
NAMES = sorted(path.parent.name for path in CASES.glob("*/case.json"))
"""Recorded runs of A1111's script."""


def recorded(name):
    return json.loads((CASES / name / "case.json").read_text(encoding="utf-8"))


def picture(name, file):
    with Image.open(CASES / name / file) as opened:
        return torch.from_numpy(np.asarray(opened.convert("RGB"), dtype=np.float32) / 255)


def levels(image):
    return (image * 255).round().to(torch.uint8)


@pytest.mark.parametrize("name", [name for name in NAMES if recorded(name)["status"] == 200])
def test_the_grid_and_the_joined_tiles_are_the_recorded_ones(name):
    case = recorded(name)
    grid = case["grid"]
    tiles = [tile for row in grid["tiles"] for tile in row]
    size = grid["image_w"], grid["image_h"]
    ours = tile_grid(size, (grid["tile_w"], grid["tile_h"]), grid["overlap"], as_a1111=True)
    assert [(box.x0, box.y0) for box in ours.boxes] == [(tile["x"], tile["y"]) for tile in tiles]
    assert ours.count == len(tiles)
    cut, layout = split(picture(name, "upscaled.png")[None], ours, as_a1111=True)
    files = [f"r{run}_image_{item}.png" for run, one in enumerate(case["runs"]) for item in range(len(one["seeds"]))]
    redrawn = torch.stack([picture(name, file) for file in files[: len(tiles)]])
    assert redrawn.shape == cut.shape
    assert torch.equal(levels(combine(redrawn, layout)[0]), levels(picture(name, "image_0.png")))


def test_the_examples_of_the_rule():
    """768x512 in tiles of 192 that share 8."""
    grid = tile_grid((768, 512), (192, 192), 8)
    assert grid.columns == (0, 144, 288, 432, 576)
    assert grid.rows == (0, 160, 320)
    assert grid.count == 15


@pytest.mark.parametrize("as_a1111", [False, True])
@pytest.mark.parametrize("overlap", [0, 1, 8, 23])
def test_tiles_that_nobody_changed_make_the_picture(overlap, as_a1111):
    image = torch.randint(0, 256, (2, 53, 71, 3)).float() / 255
    tiles, layout = split(image, tile_grid((71, 53), (24, 32), overlap, as_a1111), as_a1111)
    assert torch.allclose(combine(tiles, layout), image, atol=1e-6, rtol=0)


def test_the_ramp_of_a1111_is_as_wide_as_the_overlap_and_in_8_bits():
    """Black and white tiles show the weights: 0, 255/8, 2*255/8 … cut to whole levels, however much is shared."""
    grid = tile_grid((40, 16), (24, 16), 8, as_a1111=True)
    assert grid.columns == (0, 16)
    tiles, layout = split(torch.zeros(1, 16, 40, 3), grid, as_a1111=True)
    tiles[1] = 1
    row = levels(combine(tiles, layout))[0, 5, :, 0].tolist()
    assert row == [0] * 16 + [0, 31, 63, 95, 127, 159, 191, 223] + [255] * 16


def test_exact_tiles_cross_in_the_middle_of_what_they_share():
    """16 of 24 columns shared: 4 are the left tile's, 8 a ramp, 4 the right one's."""
    tiles, layout = split(torch.zeros(1, 16, 32, 3), tile_grid((32, 16), (24, 16), 8))
    assert layout.grid.columns == (0, 8)
    tiles[1] = 1
    row = combine(tiles, layout)[0, 5, :, 0]
    ramp = (torch.arange(8) + 0.5) / 8
    assert torch.allclose(row, torch.cat([torch.zeros(12), ramp, torch.ones(12)]), atol=1e-6)


def test_enlarged_tiles_make_an_enlarged_picture():
    image = torch.rand(2, 40, 56, 4)
    tiles, layout = split(image, tile_grid((56, 40), (32, 24), 8))
    twice = tiles.repeat_interleave(2, 1).repeat_interleave(2, 2)
    expected = image.repeat_interleave(2, 1).repeat_interleave(2, 2)
    assert torch.allclose(combine(twice, layout), expected, atol=1e-6)
    halves = tile_grid((57, 40), (32, 24), 8)
    with pytest.raises(InputError, match=r"1\.5 times as large"):
        halves.times(Fraction(3, 2))


def test_transparency_comes_back_to_tiles_that_have_lost_it():
    image = torch.rand(1, 40, 56, 4)
    tiles, layout = split(image, tile_grid((56, 40), (32, 24), 8))
    assert tiles.shape[-1] == 4
    assert torch.allclose(combine(tiles[..., :3], layout), image, atol=1e-6)
    larger = combine(tiles[..., :3].repeat_interleave(2, 1).repeat_interleave(2, 2), layout)
    assert larger.shape == (1, 80, 112, 4)


def test_a1111_lays_transparency_over_white():
    image = torch.rand(1, 8, 8, 4)
    image[..., :4, :, 3], image[..., 4:, :, 3] = 0, 1
    tiles, _ = split(image, tile_grid((8, 8), (8, 8), 0, as_a1111=True), as_a1111=True)
    assert tiles.shape == (1, 8, 8, 3)
    assert bool((tiles[0, :4] == 1).all())
    assert torch.equal(tiles[0, 4:], (image[0, 4:, :, :3] * 255).floor() / 255)


def test_a_tile_larger_than_the_picture():
    """A1111 lets it begin before the picture, black outside; else the tile is as large as the picture."""
    image = torch.full((1, 20, 40, 3), 0.6)
    tiles, layout = split(image, tile_grid((40, 20), (32, 32), 8, as_a1111=True), as_a1111=True)
    assert layout.grid.rows == (-12,)
    assert tiles.shape == (2, 32, 32, 3)
    assert not tiles[:, :12].any()
    tiles, layout = split(image, tile_grid((40, 20), (32, 32), 24))
    assert (layout.grid.tile, layout.grid.rows) == ((32, 20), (0,))
    assert torch.allclose(combine(tiles, layout), image, atol=1e-6)


@pytest.mark.parametrize(
    ("tile", "overlap", "says"),
    [((64, 64), 64, "overlap is 64 and tile_width 64"), ((64, 48), 50, "tile_height 48"), ((0, 8), 0, "at least 1")],
)
def test_tiles_that_cannot_be_cut_are_refused(tile, overlap, says):
    with pytest.raises(InputError, match=says):
        tile_grid((96, 80), tile, overlap)


def test_tiles_that_do_not_fit_the_layout_are_refused():
    tiles, layout = split(torch.rand(1, 40, 56, 3), tile_grid((56, 40), (32, 24), 8))
    with pytest.raises(InputError, match="3 tiles do not make the picture: it was cut into 2x2, 4 tiles"):
        combine(tiles[:3], layout)
    with pytest.raises(InputError, match="24x24 pixels and were cut with 32x24"):
        combine(tiles[:, :, :24], layout)

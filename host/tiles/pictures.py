"""Cutting pictures into tiles and putting them together, with room for both."""

from __future__ import annotations

import torch

from ...hires import memory
from ...hires.images.checks import check_image
from ...hires.tiles.grid import Size, tile_grid
from ...hires.tiles.layout import TileLayout, combine, split
from ..memory import check_memory


def split_into_tiles(
    image: torch.Tensor, tile: Size, overlap: int, as_a1111: bool = False
) -> tuple[torch.Tensor, TileLayout]:
    """Cut pictures into tiles; see `tile_grid` and `split`. Raises InputError, also where there is no room for them."""
    check_image(image, "image")
    batch, height, width, channels = image.shape
    grid = tile_grid((width, height), tile, overlap, as_a1111)
    count = grid.count * batch
    check_memory(
        f"{batch} pictures of {width}x{height} pixels would become {count} tiles of {grid.tile[0]}x{grid.tile[1]}",
        memory.pictures(grid.tile, count, channels),
        "overlap",
    )
    return split(image, grid, as_a1111)


def combine_tiles(tiles: torch.Tensor, layout: TileLayout) -> torch.Tensor:
    """Put tiles together; see `combine`. Raises InputError, also where there is no room for the pictures."""
    check_image(tiles, "tiles")
    (width, height), factor = layout.grid.picture, tiles.shape[2] / layout.grid.tile[0]
    size = round(width * factor), round(height * factor)
    check_memory(
        f"{len(tiles)} tiles become {layout.pictures} pictures of {size[0]}x{size[1]} pixels",
        memory.pictures(size, layout.pictures, 4),
        "tiles",
    )
    return combine(tiles, layout)

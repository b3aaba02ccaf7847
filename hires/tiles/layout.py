"""Pictures as tiles, and tiles as pictures: what Split into Tiles and Combine Tiles do."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import torch
import torch.nn.functional as F
from PIL import Image

from ..errors import InputError
from ..images.checks import check_image
from ..images.resample import from_8_bit, on_white_8_bit, to_8_bit
from .eight_bit import join_8_bit
from .grid import TileGrid
from .windows import span_weights

ONE_OF_TILES = "hires_fix_one_of_tiles"
"""Key of a LATENT that is a part of a picture: True."""


@dataclass(frozen=True)
class TileLayout:
    """Which pictures tiles were cut from, and where."""

    grid: TileGrid
    pictures: int
    as_a1111: bool
    """A1111's numbers: 8 bits, its ramps. Else floats, see `windows.BLENDINGS` soft."""

    alpha: torch.Tensor | None = None
    """`(pictures, H, W, 1)`, 0 to 1: the pictures' transparency, for tiles that lose theirs on the way."""

    @property
    def count(self) -> int:
        """Tiles of all pictures: those of the first, row by row, then those of the next."""
        return self.grid.count * self.pictures


def split(image: torch.Tensor, grid: TileGrid, as_a1111: bool = False) -> tuple[torch.Tensor, TileLayout]:
    """Cut pictures `(B, H, W, C)`, 0 to 1, into tiles `(B * grid.count, h, w, C)`.

    With A1111's numbers the tiles are RGB, in 8 bits, transparency laid over white, and black outside of the picture.

    Raises:
        InputError: see `check_image`.
    """
    check_image(image, "image")
    if as_a1111:
        image = from_8_bit([on_white_8_bit(picture) for picture in to_8_bit(image)]).to(image.device)
    batch, height, width, channels = image.shape
    tiles = image.new_zeros(batch, grid.count, *reversed(grid.tile), channels)
    for index, box in enumerate(grid.boxes):
        x0, y0, x1, y1 = max(0, box.x0), max(0, box.y0), min(width, box.x1), min(height, box.y1)
        tiles[:, index, y0 - box.y0 : y1 - box.y0, x0 - box.x0 : x1 - box.x0] = image[:, y0:y1, x0:x1]
    alpha = image[..., -1:].clone() if channels in (2, 4) else None
    return tiles.flatten(0, 1), TileLayout(grid, batch, as_a1111, alpha)


def combine(tiles: torch.Tensor, layout: TileLayout) -> torch.Tensor:
    """Put tiles `(layout.count, h, w, C)`, 0 to 1, together: `(pictures, H, W, C)`.

    Tiles that come enlarged by a whole factor make a picture that is enlarged so. Transparency that the tiles do not
    have any more is the pictures' again.

    Raises:
        InputError: tiles are missing, there are others, or their shape is another; see also `check_image` and
            `TileGrid.times`.
    """
    check_image(tiles, "tiles")
    factor = _factor(tiles, layout)
    grid = layout.grid.times(factor)
    if layout.as_a1111:
        return _combine_8_bit(tiles, grid, layout.pictures)
    across, down = grid.spans
    columns, rows = span_weights(across, "soft"), span_weights(down, "soft")
    weights = [(row[:, None] * column)[..., None].to(tiles.device) for row in rows for column in columns]
    width, height = grid.picture
    combined = torch.zeros(layout.pictures, height, width, tiles.shape[-1], device=tiles.device)
    each = tiles.unflatten(0, (layout.pictures, grid.count))
    for index, (box, weight) in enumerate(zip(grid.boxes, weights, strict=True)):
        combined[:, box.y0 : box.y1, box.x0 : box.x1] += each[:, index] * weight
    if layout.alpha is None or tiles.shape[-1] in (2, 4):
        return combined
    alpha = layout.alpha.to(combined)
    if factor != 1:
        alpha = F.interpolate(alpha.movedim(-1, 1), size=(height, width), mode="bilinear").movedim(1, -1)
    return torch.cat([combined, alpha], dim=-1)


def _combine_8_bit(tiles: torch.Tensor, grid: TileGrid, pictures: int) -> torch.Tensor:
    parts = [on_white_8_bit(tile) for tile in to_8_bit(tiles)]
    made: list[Image.Image] = []
    for index in range(pictures):
        own = parts[index * grid.count : (index + 1) * grid.count]
        made.append(join_8_bit(own, grid.columns, grid.rows, grid.tile, grid.picture, grid.overlap))
    return from_8_bit(made).to(tiles.device)


def _factor(tiles: torch.Tensor, layout: TileLayout) -> Fraction:
    """How much larger the tiles are than they were cut."""
    count, height, width, _ = tiles.shape
    (tile_width, tile_height), columns, rows = layout.grid.tile, len(layout.grid.columns), len(layout.grid.rows)
    if count != layout.count:
        pictures = f" of each of {layout.pictures} pictures" if layout.pictures > 1 else ""
        raise InputError(
            f"{count} tiles do not make the picture: it was cut into {columns}x{rows}{pictures}, {layout.count} tiles "
            "in all. Let nodes in between hand on every tile, once and in order.",
            "tiles",
        )
    factor = Fraction(width, tile_width)
    if Fraction(height, tile_height) != factor:
        raise InputError(
            f"the tiles have {width}x{height} pixels and were cut with {tile_width}x{tile_height}. Nodes in between "
            "must keep their size, or enlarge both sides by one whole factor. (A VAE cuts sides to whole cells: use "
            "Encode Tiles and Decode Tiles.)",
            "tiles",
        )
    return factor

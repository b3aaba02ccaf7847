"""Cutting a picture into overlapping windows so that every pixel comes from the middle of one of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle of pixels; `x1` and `y1` are just outside."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        return self.y1 - self.y0

    @property
    def area(self) -> int:
        return self.width * self.height

    def times(self, factor: int) -> Box:
        """Return the same part of the picture enlarged by a whole factor."""
        return Box(*(side * factor for side in self))

    def within(self, outer: Box) -> Box:
        """Return the same part of the picture, counted from the corner of `outer`."""
        return Box(self.x0 - outer.x0, self.y0 - outer.y0, self.x1 - outer.x0, self.y1 - outer.y0)

    def shared(self, other: Box) -> Box:
        """Return what both cover; without a positive width and height if that is nothing."""
        return Box(max(self.x0, other.x0), max(self.y0, other.y0), min(self.x1, other.x1), min(self.y1, other.y1))


@dataclass(frozen=True)
class Tile:
    """One run of a model on a part of a picture; both boxes count pixels of the picture that goes in."""

    window: Box
    """What the model sees: inside the picture."""

    owned: Box
    """What is kept of its result: at least the overlap away from the window's edges, except where these are the
    picture's."""


def plan_tiles(
    width: int, height: int, tile: int, overlap: int, align: int = 1, region: Box | None = None
) -> list[Tile]:
    """Cover a picture with windows, row by row.

    The owned parts are a partition. There are as few windows as windows of `tile` pixels allow; then they are made as
    small as this number allows, all alike: the last one is moved back, never a thin remainder.

    Args:
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        tile: longest side of a window, in pixels.
        overlap: pixels between the edge of a window and the part it owns, rounded up to `align`.
        align: windows start at multiples of this and their sides are multiples too, short of the picture's far edge
            (for models that work on blocks of pixels: blocks then fall as in the whole picture).
        region: plan only for this part of the picture (windows may look beyond it). Default: all of it.

    Raises:
        ValueError: a size below 1, a negative overlap, or a tile that leaves nothing between its overlaps.
    """
    return [tile for row in plan_rows(width, height, tile, overlap, align, region) for tile in row]


def plan_rows(
    width: int, height: int, tile: int, overlap: int, align: int = 1, region: Box | None = None
) -> list[list[Tile]]:
    """Plan as `plan_tiles` does: the rows of tiles, each from left to right."""
    if min(width, height, tile, align) < 1 or overlap < 0:
        raise ValueError(
            "picture, tile and alignment must be at least 1 pixel and the overlap not negative, but got a "
            f"{width}x{height} picture, tile {tile}, overlap {overlap}, alignment {align}."
        )
    region = region or Box(0, 0, width, height)
    rows = list(_spans(region.y0, region.y1, height, tile, overlap, align))
    columns = list(_spans(region.x0, region.x1, width, tile, overlap, align))
    return [
        [Tile(Box(x0, y0, x1, y1), Box(left, top, right, bottom)) for x0, x1, left, right in columns]
        for y0, y1, top, bottom in rows
    ]


def even_starts(size: int, tile: int, overlap: int) -> list[int]:
    """Place tiles along one axis as A1111's grid does: all of `tile` pixels, evenly spread, `overlap` or more shared.

    Args:
        size: pixels of the picture along this axis.
        tile: pixels of a tile. If larger than the picture there is one tile, which ends with the picture and starts
            before it: its start is negative.
        overlap: pixels, less than `tile`.

    Raises:
        ValueError: a size below 1, or an overlap outside 0..tile-1.
    """
    _check_tile(size, tile, overlap)
    count = max(1, math.ceil((size - overlap) / (tile - overlap)))
    step = (size - tile) / (count - 1) if count > 1 else 0
    starts = [int(index * step) for index in range(count)]
    return [size - tile if start + tile >= size else start for start in starts]


def sliding_starts(size: int, tile: int, overlap: int) -> list[int]:
    """Place tiles along one axis as A1111 does for models whose tiles it averages.

    One every `tile - overlap` pixels, and a last one that ends with the picture. A tile is at most as long as the
    picture; then it is the only one.

    Raises:
        ValueError: see `even_starts`.
    """
    tile = min(tile, size)
    _check_tile(size, tile, overlap)
    return [*range(0, size - tile, tile - overlap), size - tile]


def _check_tile(size: int, tile: int, overlap: int) -> None:
    if min(size, tile) < 1 or not 0 <= overlap < tile:
        raise ValueError(
            f"tiles of {tile} pixels with an overlap of {overlap} cannot cover {size} pixels: all but the overlap must "
            "be at least 1, and the overlap between 0 and less than the tile."
        )


def _spans(
    start: int, stop: int, size: int, tile: int, overlap: int, align: int
) -> Iterator[tuple[int, int, int, int]]:
    """One axis of the tiles: from where to where the window goes, and the owned part."""
    overlap = _up(overlap, align)
    seen = min(size, stop + overlap) - max(0, start - overlap)
    length = _up(_window_length(seen, tile, overlap, align), align)
    last_low = max(0, _up(size - length, align))
    while start < stop:
        low = max(0, min((start - overlap) // align * align, last_low))
        high = min(size, low + length)
        end = stop if high == size else min(stop, high - overlap)
        yield low, high, start, end
        start = end


def _window_length(length: int, tile: int, overlap: int, align: int) -> int:
    """Return the shortest window with which as few windows cover `length` as with windows of `tile`."""
    if length <= tile:
        return length
    step = tile // align * align - 2 * overlap
    if step < 1:
        raise ValueError(
            f"a tile of {tile} pixels has no middle left between overlaps of {overlap} pixels (alignment {align}). "
            f"Set the tile size to more than {2 * overlap + align - 1}, or the overlap lower."
        )
    count = -(-(length - 2 * overlap) // step)
    return -(-(length + 2 * overlap * (count - 1)) // count)


def _up(value: int, align: int) -> int:
    return -(-value // align) * align

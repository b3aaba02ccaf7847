"""Putting 8-bit tiles together as A1111 does: each is faded in over its neighbour, from left to right and down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

Size = tuple[int, int]


def join_8_bit(
    parts: Iterable[Image.Image], columns: Sequence[int], rows: Sequence[int], tile: Size, size: Size, overlap: int
) -> Image.Image:
    """Return the RGB picture of `size` that tiles make.

    Args:
        parts: the RGB tiles, row by row; one after the other is taken.
        columns: where they start.
        rows: where they start.
        tile: their width and height, in pixels.
        overlap: width of the ramps, in pixels, also where tiles really share more.
    """
    following = iter(parts)
    joined = Image.new("RGB", size)
    for y in rows:
        strip = Image.new("RGB", (size[0], tile[1]))
        for x in columns:
            _paste(strip, next(following), x, overlap, axis=0)
        _paste(joined, strip, y, overlap, axis=1)
    return joined


def _paste(canvas: Image.Image, part: Image.Image, start: int, overlap: int, axis: int) -> None:
    """Put a tile (axis 0) or a strip of tiles (axis 1) beside what is on the canvas, the overlap faded in."""
    if start == 0 or overlap == 0:
        canvas.paste(part, _at(axis, start))
        return
    width, height = part.size
    faded, opaque = (
        ((0, 0, overlap, height), (overlap, 0, width, height))
        if axis == 0
        else ((0, 0, width, overlap), (0, overlap, width, height))
    )
    ramp = (np.arange(overlap) * 255 / overlap).astype(np.uint8)
    mask = np.broadcast_to(ramp if axis == 0 else ramp[:, None], (faded[3], faded[2]))
    canvas.paste(part.crop(faded), _at(axis, start), Image.fromarray(np.ascontiguousarray(mask)))
    canvas.paste(part.crop(opaque), _at(axis, start + overlap))


def _at(axis: int, offset: int) -> tuple[int, int]:
    return (offset, 0) if axis == 0 else (0, offset)

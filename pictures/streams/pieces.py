"""The finished pieces of a large result, and from where to make the rest after an interruption."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch

from ...hires.tiles.boxes import Box

Blocks = Iterable[tuple[Box, torch.Tensor]]
"""Parts of a result, `(box, (h, w, C) pixels)`: a partition in rows from top to bottom."""

Marks = tuple[int, ...]
"""For every stream of blocks that a result is made of: how many of its rows need not be made again."""


class Piece(NamedTuple):
    """A finished part of the result."""

    box: Box
    pixels: torch.Tensor
    """`(box.height, box.width, C)` floating point in [0, 1]."""
    marks: Marks
    """Where to go on once this piece and all before it are on the disk."""


def pieces_of_one(blocks: Blocks, width: int, marks: Marks) -> Iterator[Piece]:
    """Hand on the blocks of one upscaler, from row `marks[0]` on, as they come; `width` is that of the result."""
    rows = _Rows(width, marks[0])
    for box, pixels in blocks:
        rows.add(box)
        yield Piece(box, pixels, (rows.complete,))


def pieces_of_two(first: Blocks, second: Blocks, width: int, visibility: float, marks: Marks) -> Iterator[Piece]:
    """Lay the second upscaler's result, `visibility` 0 to 1, over that of the first; whole rows come out.

    They begin with rows `marks[0]` and `marks[1]`; rows of blocks are as high as each likes. Memory holds a band of
    each, from left to right and as high as a row of blocks: it grows with `width`, the pixels of the result.
    """
    below, above = _bands(first, width), _bands(second, width)
    (y0, low), (y1, high) = next(below), next(above)
    done = max(marks)
    while True:
        low_end, high_end = y0 + low.shape[0], y1 + high.shape[0]
        stop = min(low_end, high_end)
        mixed = low[done - y0 : stop - y0].lerp_(high[done - y1 : stop - y1], visibility)
        yield Piece(
            Box(0, done, width, stop), mixed, (stop if low_end == stop else y0, stop if high_end == stop else y1)
        )
        done = stop
        del mixed
        try:
            # the old band is let go before the next one is made
            if low_end == stop:
                del low
                y0, low = next(below)
            if high_end == stop:
                del high
                y1, high = next(above)
        except StopIteration:
            return


def cut(piece: Piece, corner: tuple[int, int], size: tuple[int, int]) -> tuple[Box, torch.Tensor] | None:
    """Return what of a piece lies in a window of the result, and before it where in the window; None if nothing does.

    `corner` is x and y of the window's upper left corner, `size` its width and height.
    """
    window = Box(*corner, corner[0] + size[0], corner[1] + size[1])
    shared = piece.box.shared(window)
    if shared.width <= 0 or shared.height <= 0:
        return None
    inside = shared.within(piece.box)
    return shared.within(window), piece.pixels[inside.y0 : inside.y1, inside.x0 : inside.x1]


class _Rows:
    """Counts the rows that are complete from left to right."""

    def __init__(self, width: int, start: int) -> None:
        self.complete = start
        self._width = width
        self._reached = start
        self._area = start * width

    def add(self, box: Box) -> None:
        self._area += box.width * box.height
        self._reached = max(self._reached, box.y1)
        # blocks do not overlap: nothing is missing above the lowest edge when the areas are equal
        if self._area == self._width * self._reached:
            self.complete = self._reached


def _bands(blocks: Blocks, width: int) -> Iterator[tuple[int, torch.Tensor]]:
    """Join blocks to bands `(first row, (h, width, C))` that reach from left to right, for whoever takes them to keep.

    All blocks of a row have one height, and come from left to right.
    """
    blocks = iter(blocks)
    for box, pixels in blocks:
        band = torch.empty(box.height, width, pixels.shape[-1])
        band[:, box.x0 : box.x1] = pixels
        while box.x1 < width:
            box, pixels = next(blocks)
            band[:, box.x0 : box.x1] = pixels
        del pixels
        yield box.y0, band
        del band

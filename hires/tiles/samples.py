"""Pieces that stand for a whole picture."""

from __future__ import annotations

import math

from .boxes import Box


def spread_boxes(width: int, height: int, side: int, count: int) -> list[Box]:
    """Place square pieces evenly over a picture, each in the middle of its part: about `count`, at most as many.

    Args:
        width: of the picture, in any unit.
        height: of the picture, in the same.
        side: of a piece; the picture's shorter side where that is less.
        count: 1 or more. Fewer are placed where more would overlap.
    """
    side = min(side, width, height)
    columns = max(1, min(width // side, count, round(math.sqrt(count * width / height))))
    rows = max(1, min(height // side, count // columns))
    lefts, tops = _middles(width, side, columns), _middles(height, side, rows)
    return [Box(left, top, left + side, top + side) for top in tops for left in lefts]


def _middles(size: int, side: int, count: int) -> list[int]:
    return [(size * (2 * index + 1) // count - side) // 2 for index in range(count)]

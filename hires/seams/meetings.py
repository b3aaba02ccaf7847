"""Where tiles meet along one axis of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import linear_regression
from typing import Literal

from ..errors import InputError
from ..tiles.boxes import even_starts

Kind = Literal["tile borders", "window starts", "window ends", "overlap middles"]


@dataclass(frozen=True)
class Meetings:
    """The lines of one axis, each given by the pixel after it, and what lies between them."""

    size: int
    """Of the picture, in pixels."""

    tile: int
    """The longest tile, in pixels."""

    lines: dict[Kind, tuple[int, ...]]
    """Tiles side by side have borders; windows that overlap have starts, ends and the middles of their overlaps."""

    cores: tuple[tuple[int, int], ...]
    """Of every tile the part that no other one touches: (start, stop), equal where there is none."""

    period: float
    """Pixels from one tile to the next, as a straight line through all starts has it; 0 where there is one tile."""

    @property
    def all_lines(self) -> tuple[int, ...]:
        return tuple(sorted({line for lines in self.lines.values() for line in lines}))


def meetings(size: int, spans: Sequence[tuple[int, int]]) -> Meetings:
    """Find them for the tiles of one axis.

    Args:
        size: of the picture along this axis, in pixels.
        spans: (start, stop) of every tile in pixels, in order, from 0 to `size`, without gaps.

    Raises:
        ValueError: tiles that leave a part of the picture out, or are not in order.
    """
    pairs = list(pairwise(spans))
    if spans[0][0] > 0 or spans[-1][1] < size or any(b[0] > a[1] or b[0] <= a[0] for a, b in pairs):
        raise ValueError(f"the tiles {list(spans)} do not cover {size} pixels one after the other.")
    lines: dict[Kind, set[int]] = {}
    for before, after in pairs:
        stop, start = before[1], after[0]
        found: dict[Kind, int] = {"tile borders": start}
        if stop > start:
            found = {"window starts": start, "window ends": stop, "overlap middles": (start + stop) // 2}
        for kind, line in found.items():
            if line < size:
                lines.setdefault(kind, set()).add(line)
    inner: dict[Kind, tuple[int, ...]] = {kind: tuple(sorted(places)) for kind, places in lines.items()}
    period = linear_regression(range(len(spans)), [start for start, _ in spans]).slope if pairs else 0.0
    return Meetings(size, max(b - a for a, b in spans), inner, _cores(size, spans), period)


def placed(size: int, tile: int, overlap: int) -> Meetings:
    """Find them for tiles of a size: side by side from the first pixel on, the last one as it falls, or, where they
    overlap, evenly spread as A1111's grid is. All in pixels.

    Raises:
        InputError: an overlap that leaves nothing of a tile.
    """
    if not 0 <= overlap < tile:
        raise InputError(
            f"tiles of {tile} pixels cannot share {overlap}. Set both as where the picture was made.", "overlap"
        )
    starts = even_starts(size, min(size, tile), overlap) if overlap and tile < size else range(0, size, tile)
    return meetings(size, [(start, min(size, start + tile)) for start in starts])


def _cores(size: int, spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    cores = []
    for index, (start, stop) in enumerate(spans):
        low = max([0, start, *(other[1] for other in spans[:index])])
        high = min([size, stop, *(other[0] for other in spans[index + 1 :])])
        cores.append((low, max(low, high)))
    return tuple(cores)

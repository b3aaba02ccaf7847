"""Windows that are laid over a canvas and faded into each other: for models whose results differ where they overlap.

Counts whatever the caller counts, pixels of a picture or of a latent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal, NamedTuple

import torch

from ..errors import InputError
from .boxes import Box

Blending = Literal["soft", "hard"]

BLENDINGS: tuple[Blending, ...] = ("soft", "hard")
"""How windows are put together where they overlap.

Soft: the outermost part of the overlap on each side is left out, where a model sees its own border; between them is a
ramp. Hard: a cut in the middle, exact for a model that sees no further than half the overlap.
"""

FINISHED, STEP_BY_STEP = 4, 8
"""Soft blending leaves out one of so many parts of the overlap on each side.

Of windows that are finished before they are put together, a quarter: exact for a model that sees no further. Of windows
that are put together at every step, an eighth. There a ramp has to spread what two windows draw differently, and what a
window sees too little for, its neighbours have mended by the next step.
"""

CONTEXT = 1.5
"""How much longer than the side that a model was trained at an automatic window is: it sees around what it owns."""

OVERLAP = 1 / 3
"""Of a window, where the overlap is automatic."""

_LEAST = 0.75
"""Windows shrink by no more than this where the overlap would be larger than asked: less context is a worse picture."""


class Span(NamedTuple):
    """One axis of a window."""

    start: int
    stop: int
    """What the model sees."""

    owned_start: int
    owned_stop: int
    """Up to the middle of the overlap with each neighbour: the owned parts are a partition."""

    @property
    def length(self) -> int:
        return self.stop - self.start


class Window(NamedTuple):
    """A part of the canvas."""

    box: Box
    """What the model sees."""

    owned: Box
    """A partition: up to the middle of the overlaps."""

    weights: torch.Tensor
    """`(h, w)` of the box, float32 in [0, 1]. Those of all windows sum to 1 at every place."""


@dataclass(frozen=True)
class Windows:
    """All windows of a canvas: `len(rows) * len(columns)` of them."""

    columns: tuple[Span, ...]
    rows: tuple[Span, ...]
    blending: Blending

    @property
    def count(self) -> int:
        return len(self.columns) * len(self.rows)

    @property
    def work(self) -> float:
        """How much the model sees beside the canvas: 1 for one window, 1.78 where windows share a quarter."""
        width, height = self.columns[-1].stop, self.rows[-1].stop
        return sum(span.length for span in self.columns) * sum(span.length for span in self.rows) / (width * height)

    @cached_property
    def all(self) -> tuple[Window, ...]:
        """Every window, row by row, as they are put together at every step."""
        columns, rows = (span_weights(spans, self.blending, STEP_BY_STEP) for spans in (self.columns, self.rows))
        return tuple(
            Window(
                Box(across.start, down.start, across.stop, down.stop),
                Box(across.owned_start, down.owned_start, across.owned_stop, down.owned_stop),
                down_weights[:, None] * across_weights,
            )
            for down, down_weights in zip(self.rows, rows, strict=True)
            for across, across_weights in zip(self.columns, columns, strict=True)
        )


def check_overlap(tile: int, overlap: int) -> None:
    """Refuse, in pixels, tiles of which nothing is left; a tile of 0 or an overlap of -1 is automatic.

    Raises:
        InputError: the overlap is not smaller than the tile.
    """
    if 0 < tile <= overlap:
        raise InputError(
            f"neighbouring tiles are to share {overlap} pixels, and a tile has {tile}. Set the overlap to about "
            f"{tile // 4}, or the tile size higher.",
            "overlap",
        )


def plan_windows(
    width: int, height: int, tile: int, overlap: int, multiple: int = 1, blending: Blending = "soft"
) -> Windows:
    """Cover a canvas with windows of one size, evenly spread; see `even_spans`."""
    return Windows(
        tuple(even_spans(width, tile, overlap, multiple)), tuple(even_spans(height, tile, overlap, multiple)), blending
    )


def even_spans(size: int, tile: int, overlap: int, multiple: int = 1) -> list[Span]:
    """Place windows along one axis: as few as windows of `tile` allow, of one length, evenly spread.

    They are up to a quarter shorter than `tile` where that is enough for the overlap. The last one ends with the
    canvas; it is shorter by what the canvas is short of a multiple. A canvas that is no longer than `tile` is one span.

    Args:
        size: of the canvas.
        tile: longest length of a span, rounded down to `multiple`.
        overlap: that neighbours share at the least, rounded up to `multiple`.
        multiple: starts and lengths are multiples of this, so that the model's own grid falls as on the whole canvas.

    Raises:
        InputError: a tile below 1 or a negative overlap, or an overlap that leaves nothing of the tile.
    """
    if size < 1 or multiple < 1:
        raise ValueError(f"a canvas of {size} in multiples of {multiple} cannot be covered: both must be at least 1.")
    if tile < 1:
        raise InputError(f"the tile size is {tile}, and must be at least 1.", "tile_size")
    if overlap < 0:
        raise InputError(f"the overlap is {overlap}, and must not be negative.", "overlap")
    if size <= tile:
        return [Span(0, size, 0, size)]
    length, shared = max(multiple, tile // multiple * multiple), -(-overlap // multiple) * multiple
    if shared >= length:
        raise InputError(
            f"an overlap of {shared} leaves nothing of a tile of {length} (in multiples of {multiple}). Set the "
            "overlap lower, to about a quarter of the tile, or the tile size higher.",
            "overlap",
        )
    ends = -(-size // multiple) * multiple
    count = -(-(ends - shared) // (length - shared))
    fitting = -(-(ends + (count - 1) * shared) // (count * multiple)) * multiple
    length = min(length, max(fitting, -(-int(_LEAST * length) // multiple) * multiple))
    return _spans(size, length, count, multiple)


def _spans(size: int, length: int, count: int, multiple: int) -> list[Span]:
    last = -(-(size - length) // multiple)
    starts = [index * last // max(1, count - 1) * multiple for index in range(count)]
    return spans_of(starts, [min(size, start + length) for start in starts])


def spans_of(starts: Sequence[int], stops: Sequence[int]) -> list[Span]:
    """Return windows that start and stop there as spans: each owns up to the middle of what it shares."""
    cuts = [starts[0], *((start + stop) // 2 for start, stop in zip(starts[1:], stops, strict=False)), stops[-1]]
    return [Span(*span) for span in zip(starts, stops, cuts, cuts[1:], strict=False)]


def span_weights(spans: Sequence[Span], blending: Blending, parts: int = FINISHED) -> list[torch.Tensor]:
    """Return the weight of every span at each of its places: `(length,)` float32, which sum to 1 at every place.

    `parts`: see `FINISHED`.

    A weight is what has begun with its span less what has begun with the next, so nothing has to be divided.
    """
    size = spans[-1].stop
    begun = [torch.ones(size)]
    for before, after in pairwise(spans):
        # where three overlap, the later of two ramps stays below the earlier
        begun.append(torch.minimum(begun[-1], _begins(size, before, after, blending, parts)))
    begun.append(torch.zeros(size))
    return [(now - later)[span.start : span.stop] for span, now, later in zip(spans, begun, begun[1:], strict=False)]


def _begins(size: int, before: Span, after: Span, blending: Blending, parts: int) -> torch.Tensor:
    """0 before a boundary of two spans, 1 behind it: `(size,)`."""
    step = torch.zeros(size)
    shared = before.stop - after.start
    ramp = shared - 2 * (shared // parts) if blending == "soft" else 0
    start = after.start + shared // parts if ramp else after.owned_start
    step[start : start + ramp] = (torch.arange(ramp) + 0.5) / max(1, ramp)
    step[start + ramp :] = 1
    return step

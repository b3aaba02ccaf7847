"""Windows of a picture that need not fit the memory, faded into each other as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from .boxes import Box
from .windows import Blending, Span, Windows, span_weights, spans_of

Draw = Callable[[Box], torch.Tensor]
"""Makes one window: `(box.height, box.width, C)`, floating point."""


@dataclass(frozen=True)
class Bands:
    """Windows over a picture of `width` x `height` pixels, in rows from top to bottom."""

    width: int
    height: int
    columns: tuple[Span, ...]
    rows: tuple[Span, ...]
    blending: Blending

    @classmethod
    def of(cls, windows: Windows, width: int, height: int, cell: int = 1) -> Bands:
        """The windows of a latent in pixels of its picture, `cell` pixels a cell; none goes beyond the picture."""
        return cls(width, height, _in_pixels(windows.columns, cell, width), _in_pixels(windows.rows, cell, height),
                   windows.blending)  # fmt: skip

    @property
    def count(self) -> int:
        return len(self.columns) * len(self.rows)

    @property
    def windows(self) -> Iterator[tuple[Box, Box]]:
        """Of every window, row by row: what the model sees, and what of it is its own, see `Span`."""
        for row in self.rows:
            for column in self.columns:
                yield (
                    Box(column.start, row.start, column.stop, row.stop),
                    Box(column.owned_start, row.owned_start, column.owned_stop, row.owned_stop),
                )

    def skipped(self, start: int) -> int:
        """How many windows `blocks` leaves out that begins at this row."""
        return self._first_row(start) * len(self.columns)

    def blocks(self, draw: Draw, start: int = 0) -> Iterator[tuple[Box, torch.Tensor]]:
        """Draw the windows row by row, and fade them into each other in float32.

        Yields boxes and their `(h, w, C)` pixels, a partition of the picture below row `start`, in rows from left to
        right. A row that is begun with must be one at which a row of boxes ended; what reaches into it from windows
        above is drawn again. Memory holds a window and, as wide as the picture, what two rows of windows fade in.
        """
        across, down = _Axis(self.columns, self.blending), _Axis(self.rows, self.blending)
        above: torch.Tensor | None = None
        for y in range(self._first_row(start), len(self.rows)):
            top, done_y, end_y = down.begins[y], down.begins[y + 1], down.ends[y]
            left = below = None
            for x in range(len(self.columns)):
                low, done_x, end_x = across.begins[x], across.begins[x + 1], across.ends[x]
                box = Box(self.columns[x].start, self.rows[y].start, self.columns[x].stop, self.rows[y].stop)
                inside = Box(low, top, end_x, end_y).within(box)
                weights = (
                    down.weights[y][inside.y0 : inside.y1, None, None] * across.weights[x][inside.x0 : inside.x1, None]
                )
                pixels = draw(box)[inside.y0 : inside.y1, inside.x0 : inside.x1].float() * weights
                if left is not None:
                    pixels[:, : left.shape[1]] += left
                left = pixels[:, done_x - low :].clone() if end_x > done_x else None
                pixels = pixels[:, : done_x - low]
                if above is not None:
                    pixels[: above.shape[0]] += above[:, low:done_x]
                if end_y > done_y:
                    if below is None:
                        below = pixels.new_zeros(end_y - done_y, self.width, pixels.shape[-1])
                    below[:, low:done_x] = pixels[done_y - top :]
                if done_y > start:
                    yield Box(low, top, done_x, done_y), pixels[: done_y - top]
            above = below

    def _first_row(self, start: int) -> int:
        """The row of windows to begin with: the first that reaches below row `start` of pixels."""
        ends = _Axis(self.rows, self.blending).ends
        return next((index for index, end in enumerate(ends) if end > start), len(self.rows))


class _Axis:
    """Where the weights of the windows of one axis begin and end: before `begins[i + 1]` no later one counts."""

    def __init__(self, spans: Sequence[Span], blending: Blending) -> None:
        self.weights = span_weights(spans, blending)
        self.begins, self.ends = [], []
        for span, weights in zip(spans, self.weights, strict=True):
            seen = weights.nonzero()
            self.begins.append(span.start + int(seen[0]))
            self.ends.append(span.start + int(seen[-1]) + 1)
        self.begins.append(spans[-1].stop)


def _in_pixels(spans: Sequence[Span], cell: int, size: int) -> tuple[Span, ...]:
    return tuple(spans_of([one.start * cell for one in spans], [min(size, one.stop * cell) for one in spans]))

"""The upscalers' quality in figures, and as tables: Markdown that is easy to read in a terminal, too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .upscaler_measures import CELLS

LANCZOS = "Lanczos"

CLEAN, DEGRADED = "clean", "degraded"


@dataclass(frozen=True)
class Row:
    """One photograph, enlarged in one way."""

    photograph: str
    way: str
    """`LANCZOS`, or the name of a model."""
    psnr: float
    """Decibels."""
    ssim: float
    """At most 1."""


@dataclass(frozen=True)
class Comparison:
    """All photographs and ways, for one kind of input and one factor."""

    scale: int
    input: str
    """`CLEAN`: bicubic. `DEGRADED`: blurred, bicubic, noisy, JPEG."""
    rows: tuple[Row, ...]

    def mean(self, way: str) -> tuple[float, float] | None:
        """PSNR and SSIM of a way over all photographs; None if it is not among the ways."""
        found = [(row.psnr, row.ssim) for row in self.rows if row.way == way]
        return tuple(np.mean(found, 0).tolist()) if found else None

    def gain(self, way: str) -> tuple[float, float] | None:
        """How much better a way is than Lanczos: PSNR and SSIM."""
        ours, theirs = self.mean(way), self.mean(LANCZOS)
        return (ours[0] - theirs[0], ours[1] - theirs[1]) if ours and theirs else None


@dataclass(frozen=True)
class Behaviour:
    """What a way does to patterns; differences in levels of 255."""

    way: str
    scale: int
    flat_error: int
    """Of the worst pixel of a flat colour, borders included."""
    flat_inside: int
    """The same away from the borders."""
    checker_shift: float
    """How far the mean colour of a checkerboard moves."""
    checker_outside: tuple[int, ...]
    """How far beyond the two colours of a checkerboard a pixel goes: ringing. For squares of 1, 2, 4 and 8 pixels."""
    tiled_db: float | None
    """A photograph made in many tiles against the same in one piece. None: the way has no tiles."""


def comparison_table(comparison: Comparison, part: int = 0) -> str:
    """A line per photograph: PSNR in dB and SSIM of every way; then the means, and what they are beyond the first's."""
    ways = list(dict.fromkeys(row.way for row in comparison.rows))
    cells = {(row.photograph, row.way): f"{row.psnr:.2f} / {row.ssim:.4f}" for row in comparison.rows}
    lines = [["photograph", *ways]]
    for photograph in dict.fromkeys(row.photograph for row in comparison.rows):
        lines.append([photograph, *(cells[photograph, way] for way in ways)])
    lines.append(["**mean**", *(f"{psnr:.2f} / {ssim:.4f}" for psnr, ssim in map(comparison.mean, ways))])
    lines.append([f"**beyond {ways[0]}**", "", *(_signed(comparison.gain(way)) for way in ways[1:])])
    of = f", the hardest {part}x{part} of every photograph" if part else ""
    title = f"{comparison.scale}x, {comparison.input} input{of}: PSNR in dB / SSIM of the lightness"
    return f"{title}\n\n{markdown(lines)}"


def behaviour_table(rows: Sequence[Behaviour]) -> str:
    """A line per way."""
    cells = ", ".join(map(str, CELLS))
    head = ["way", "flat colours off by", "away from borders", "checkerboards: mean off by"]
    lines = [[*head, f"outside their colours, squares of {cells} px", "dB tiled to untiled"]]
    for row in rows:
        outside = ", ".join(map(str, row.checker_outside))
        tiled = "" if row.tiled_db is None else f"{row.tiled_db:.0f}"
        flat = [f"{row.flat_error}", f"{row.flat_inside}"]
        lines.append([f"{row.way} {row.scale}x", *flat, f"{row.checker_shift:.2f}", outside, tiled])
    return f"Patterns, in levels of 255\n\n{markdown(lines)}"


def _signed(gain: tuple[float, float] | None) -> str:
    return "" if gain is None else f"{gain[0]:+.2f} / {gain[1]:+.4f}"


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Columns of equal width, the first to the left, the others to the right."""
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(lines[0]))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    rows = [[line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))

"""The tables of the upscalers' quality, as Markdown that is easy to read in a terminal, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .upscaler_measures import CELLS

if TYPE_CHECKING:
    from .quality_upscalers import Behaviour, Comparison


def comparison_table(comparison: Comparison) -> str:
    """A line per photograph: PSNR in dB and SSIM of every way; then the means, and what they are beyond the first's."""
    ways = list(dict.fromkeys(row.way for row in comparison.rows))
    cells = {(row.photograph, row.way): f"{row.psnr:.2f} / {row.ssim:.4f}" for row in comparison.rows}
    lines = [["photograph", *ways]]
    for photograph in dict.fromkeys(row.photograph for row in comparison.rows):
        lines.append([photograph, *(cells[photograph, way] for way in ways)])
    lines.append(["**mean**", *(f"{psnr:.2f} / {ssim:.4f}" for psnr, ssim in map(comparison.mean, ways))])
    lines.append([f"**beyond {ways[0]}**", "", *(_signed(comparison.gain(way)) for way in ways[1:])])
    title = f"{comparison.scale}x, {comparison.input} input: PSNR in dB / SSIM of the lightness"
    return f"{title}\n\n{_markdown(lines)}"


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
    return f"Patterns, in levels of 255\n\n{_markdown(lines)}"


def _signed(gain: tuple[float, float] | None) -> str:
    return "" if gain is None else f"{gain[0]:+.2f} / {gain[1]:+.4f}"


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    """Columns of equal width, the first to the left, the others to the right."""
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(lines[0]))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    rows = [[line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))

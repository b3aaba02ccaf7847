"""The rows of the upscale benchmark: for JSON, and as a table to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .upscale_jobs import AUTO, EXACT, FAST


@dataclass(frozen=True)
class Row:
    """One job in one precision, the pack beside core and others.

    None where something cannot be measured or is not asked for.
    """

    name: str
    weights: str
    """Real, as they are published, or generated."""
    mode: str
    """The pack's `precision`."""
    first_use: float
    """Core's CPU time over the pack's where each does the job with a model that was just loaded."""
    speedup: float
    """Core's time over the pack's, median of pairs."""
    cpu_speedup: float
    """The same for CPU time."""
    bound: float
    """Core's CPU time over that of the pack's convolutions alone."""
    chainner_speedup: float
    """CPU time of chaiNNer's splitting over the pack's."""
    untiled_speedup: float
    """The same of the model in one piece."""
    memory_ratio: float | None
    """The pack's peak over core's, both beyond model, picture and result."""
    psnr: float
    """Decibels between the two."""
    psnr_untiled: float
    """Decibels between the pack's result and the untiled one in float32."""
    max_abs_untiled: float
    """Their largest difference."""
    core_psnr_untiled: float
    seam: float
    """See `pictures.seam`: 1 where no border of a tile shows."""
    core_seam: float
    overhead_ratio: float | None
    """What the pack takes beyond the bare model over what core does, each beside the model in its own tiles."""
    seconds: float
    core_seconds: float
    peak_bytes: int | None
    core_peak_bytes: int | None
    pairs: int
    goal: float | None
    """Speed-up hoped for on a machine of this kind."""


COLUMNS = (
    "job", "weights", "precision", "speed-up", "(CPU time)", "bound", "first use", "chaiNNer", "untiled", "goal",
    "memory", "overhead", "dB to core's", "dB to untiled",
    "core's", "seam", "core's",
)  # fmt: skip
"""Headings. Speed-ups are times of core, or of what is named, over ours; memory and overhead are ours over core's."""


def goals() -> dict[str, Any]:
    """What is hoped for besides the speed-ups, which stand in the rows."""
    return {
        "psnr_untiled": {AUTO: 50.0, EXACT: 120.0, FAST: 115.0},
        "overhead_ratio": 1 / 3,
        "memory_ratio": {AUTO: 0.6, EXACT: 1.0, FAST: 1.0},
        "first_use": 1.0,
    }


def table(rows: Sequence[Row]) -> str:
    """Markdown, as the README has it."""
    lines = [list(COLUMNS), ["---"] * 3 + ["---:"] * (len(COLUMNS) - 3), *(_cells(row) for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cells(row: Row) -> list[str]:
    return [
        row.name,
        row.weights,
        row.mode,
        f"{row.speedup:.2f}×",
        f"{row.cpu_speedup:.2f}×",
        f"{row.bound:.2f}×",
        f"{row.first_use:.2f}×",
        f"{row.chainner_speedup:.2f}×",
        f"{row.untiled_speedup:.2f}×",
        "" if row.goal is None else f"{row.goal:g}×",
        _maybe(row.memory_ratio),
        _maybe(row.overhead_ratio),
        f"{row.psnr:.0f}",
        f"{row.psnr_untiled:.0f}",
        f"{row.core_psnr_untiled:.0f}",
        f"{row.seam:.3f}",
        f"{row.core_seam:.3f}",
    ]


def _maybe(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"

"""What a part costs beside something else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .. import pairs


@dataclass(frozen=True)
class Row:
    """One comparison."""

    name: str
    seconds: float
    """Median time on the wall's clock."""

    ratio: float
    """Time over the other's, median of the ratios of neighbours."""

    cpu_ratio: float | None
    """The same for the CPU time of the process; None where only the wall's clock is known."""

    beside: str
    """The other."""

    size: float | None = None
    """Of a file, over that of the pixels."""


def compared(
    ways: Mapping[str, Callable[[], Any]], beside: str, rounds: int, sizes: Mapping[str, float] | None = None
) -> list[Row]:
    """Run the ways in turns; a row for each but the one they are compared with."""
    pairs.in_turns(ways, dict.fromkeys(ways, 1))  # warms up
    times = pairs.in_turns(ways, dict.fromkeys(ways, rounds))
    rows = []
    for name in ways:
        if name != beside:
            wall, cpu = pairs.ratio(times[name], times[beside])
            rows.append(Row(name, pairs.median(times[name]), wall, cpu, beside, (sizes or {}).get(name)))
    return rows

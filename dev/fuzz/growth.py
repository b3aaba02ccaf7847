"""Whether a server grows: memory and handles, prompt by prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

import psutil

from .judge import Finding

WINDOW = 20
"""Prompts whose smallest figure counts: what a single prompt takes is given back."""

WARM_UP = 100
"""Prompts before growth is counted: until then models are loaded."""

ENOUGH = 200
"""Prompts after which growth can be told."""

MOST_MEGABYTES, MOST_HANDLES = 0.5, 0.05
"""Growth a prompt beyond which it is a finding."""


@dataclass
class Growth:
    """Of one server process."""

    pid: int
    megabytes: list[float] = field(default_factory=list)
    handles: list[float] = field(default_factory=list)

    def note(self) -> None:
        """After a prompt."""
        try:
            process = psutil.Process(self.pid)
        except psutil.Error:  # it has just died
            return
        self.megabytes.append(process.memory_info().rss / 2**20)
        self.handles.append(process.num_handles() if hasattr(process, "num_handles") else process.num_fds())

    def text(self) -> str:
        """One line."""
        if len(self.megabytes) < ENOUGH:
            return f"{len(self.megabytes)} prompts are too few to tell growth by; {ENOUGH} are enough."
        memory, handles = slope(self.megabytes), slope(self.handles)
        return (
            f"Server: {self.megabytes[-1]:.0f} MB after {len(self.megabytes)} prompts, {memory:+.3f} MB a prompt; "
            f"{self.handles[-1]:.0f} handles, {handles:+.4f} a prompt."
        )

    def findings(self) -> list[Finding]:
        """What grows."""
        if len(self.megabytes) < ENOUGH:
            return []
        slopes = {"memory": (slope(self.megabytes), MOST_MEGABYTES), "handles": (slope(self.handles), MOST_HANDLES)}
        return [Finding("growth", what, self.text()) for what, (by, most) in slopes.items() if by > most]


def slope(figures: Sequence[float]) -> float:
    """Growth a prompt: median of the slopes between the floors of all pairs of windows after the warm-up."""
    rest = figures[WARM_UP:] if len(figures) > WARM_UP + 3 * WINDOW else figures
    floors = [min(rest[i : i + WINDOW]) for i in range(0, len(rest) - WINDOW + 1, WINDOW)]
    pairs = [(b - a) / ((j - i) * WINDOW) for i, a in enumerate(floors) for j, b in enumerate(floors) if j > i]
    return median(pairs) if pairs else 0.0

"""A training that may be stopped and taken up again: its clock, its learning rate and its state on disk."""

from __future__ import annotations

import math
import os
import time
from typing import Any

import torch

from ...mount import ROOT

FOLDER = ROOT / ".host" / "training"
BF16 = getattr(torch.cpu, "_is_avx512_bf16_supported", bool)()
"""Whether half precision is fast: a CPU that has to imitate it takes ten times as long."""


class TrainingRun:
    """The time of a training so far, over all its starts, and where its state is kept."""

    def __init__(self, name: str, minutes: float) -> None:
        self.path = FOLDER / f"{name}.pt"
        self.total = 60 * minutes
        self.steps = 0
        self._before = 0.0
        self._started = time.monotonic()
        self._done: dict[str, float] = {}

    @property
    def seconds(self) -> float:
        """Spent in all starts."""
        return self._before + time.monotonic() - self._started

    @property
    def over(self) -> bool:
        """Whether the time is used up."""
        return self.seconds >= self.total

    def rate(self, highest: float, warmup: int = 100) -> float:
        """Return the learning rate: a warm-up by steps, then half a cosine over the time down to a twentieth."""
        part = min(self.seconds / self.total, 1.0)
        cosine = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * part))
        return highest * cosine * min(1.0, (self.steps + 1) / warmup)

    def due(self, what: str, seconds: float) -> bool:
        """Whether `what` was last done `seconds` ago or more; if so it counts as done now."""
        if self.seconds - self._done.setdefault(what, self.seconds) < seconds:
            return False
        self._done[what] = self.seconds
        return True

    def load(self) -> dict[str, Any] | None:
        """Return the saved state, None at the first start."""
        if not self.path.exists():
            return None
        state = torch.load(self.path, weights_only=True)
        self.steps, self._before = state["steps"], state["seconds"]
        return state

    def save(self, **state: Any) -> None:
        """Keep the state, in one step."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(f".{os.getpid()}.tmp")
        torch.save({"steps": self.steps, "seconds": self.seconds, **state}, temporary)
        os.replace(temporary, self.path)

"""What a hook of the graph does: set values of a pass."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import torch

from ...hires.sizes.regions import Cond
from .hooks import Hook, SamplingPass, When
from .packs import Owner


@dataclass(frozen=True)
class Changes:
    """Values of `SamplingPass` that a pass has in place of its own; None leaves them."""

    model: Any = None
    positive: Cond | None = None
    negative: Cond | None = None
    cfg: float | None = None
    sampler_name: str | None = None
    scheduler: str | None = None
    steps: int | None = None
    denoising_strength: float | None = None

    @property
    def values(self) -> dict[str, Any]:
        """Those that are changed."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True)
class GraphHook:
    """The function of such a hook."""

    changes: Changes
    noise: Any
    """A NOISE, drawn anew in the size of the pass; None leaves the noise."""

    from_side: int
    to_side: int
    """Of the passes whose pictures' longer side is that many pixels at least and at most; 0 for no limit."""

    def __call__(self, run: SamplingPass) -> None:
        longest = max(run.width, run.height)
        if longest < self.from_side or 0 < self.to_side < longest:
            return
        for name, value in self.changes.values.items():
            setattr(run, name, value)
        if self.noise is not None:
            run.noise = self.noise.generate_noise({"samples": torch.zeros_like(run.noise)})


def graph_hook(when: When, function: GraphHook, node_name: str) -> Hook:
    """A hook that a node of this name makes."""
    return Hook(when, function, Owner(f"the node {node_name}", "Change its inputs."), 0)

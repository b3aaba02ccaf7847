"""What is wanted of a model's result."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ...hires.tiles.boxes import Box
from ...hires.tiles.resize_parts import LanczosParts


@dataclass(frozen=True)
class Fade:
    """The weights of a part along an axis, where it is faded into those beside it."""

    ramp: int
    """From a boundary between two parts to the end of the ramp, which is twice as long, in pixels."""

    rises: bool
    falls: bool
    """Whether there is another part before this one, and after it."""

    def __call__(self, length: int) -> torch.Tensor:
        """Return `(length,)` in [0, 1]."""
        weights = torch.ones(length)
        ramp = (torch.arange(2 * self.ramp) + 0.5) / max(1, 2 * self.ramp)
        if self.rises:
            weights[: len(ramp)] += ramp - 1
        if self.falls:
            weights[length - len(ramp) :] -= ramp
        return weights


@dataclass(frozen=True)
class Keep:
    """Takes what is wanted of what a model makes of a window: a part, resized or times its weights if that is asked."""

    inside: Box
    """The part, in pixels of what the model makes of the window."""

    covered: Box
    """Where it goes, in pixels of the run's result."""

    resize: LanczosParts | None = None
    """Brings the part to the size of `covered`, which it has without."""

    fades: tuple[Fade, Fade] | None = None
    """Across and down: the result is then float32. Where the model ran they cost next to nothing."""

    def __call__(self, result: torch.Tensor) -> torch.Tensor:
        """`result`: `(N, h * scale, w * scale, C)`; returns `(N, covered.height, covered.width, C)`."""
        x0, y0, x1, y1 = self.inside
        inner = result[:, y0:y1, x0:x1]
        if self.resize:
            return torch.stack([self.resize(one, self.covered) for one in inner])
        if self.fades is None:
            return inner
        across, down = (
            fade(length).to(inner.device)
            for fade, length in zip(self.fades, (self.covered.width, self.covered.height), strict=True)
        )
        return inner.float() * (down[:, None] * across)[..., None]

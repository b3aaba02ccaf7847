"""What is wanted of a model's result."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ...hires.tiles.boxes import Box
from ...hires.tiles.resize_parts import LanczosParts


@dataclass(frozen=True)
class Keep:
    """Takes what is wanted of what a model makes of a window: a part, resized if that is asked."""

    inside: Box
    """The part, in pixels of what the model makes of the window."""

    covered: Box
    """Where it goes, in pixels of the run's result."""

    resize: LanczosParts | None = None
    """Brings the part to the size of `covered`, which it has without."""

    def __call__(self, result: torch.Tensor) -> torch.Tensor:
        """`result`: `(N, h * scale, w * scale, C)`; returns `(N, covered.height, covered.width, C)`."""
        x0, y0, x1, y1 = self.inside
        inner = result[:, y0:y1, x0:x1]
        return torch.stack([self.resize(one, self.covered) for one in inner]) if self.resize else inner

"""Upscalers without weights, under A1111's names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ..hires import resample


@dataclass(frozen=True)
class ClassicalUpscaler:
    """A resampling filter that goes straight to the asked size."""

    name: str

    resize: Callable[[torch.Tensor, int, int], torch.Tensor]
    """`(image (B, H, W, C), width, height)` to `(B, height, width, C)`, alpha treated like any other channel."""

    scale: int = 1


LANCZOS = ClassicalUpscaler("Lanczos", resample.lanczos)

CLASSICAL: dict[str, ClassicalUpscaler] = {
    # "None" means "no model" in A1111's hires fix: the picture is brought to size by one Lanczos resize
    "None": ClassicalUpscaler("None", resample.lanczos),
    "Lanczos": LANCZOS,
    "Nearest": ClassicalUpscaler("Nearest", resample.nearest),
}
"""By name, in A1111's menu order."""

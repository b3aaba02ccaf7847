"""Upscalers without weights, under A1111's names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from ...hires.images import resample
from ...hires.tiles.resize_parts import LanczosParts, NearestParts, ResizeParts


@dataclass(frozen=True)
class ClassicalUpscaler:
    """A resampling filter that goes straight to the asked size."""

    name: str

    parts: Callable[[tuple[int, int], tuple[int, int]], ResizeParts]
    """The filter from one `(width, height)` to another, alpha treated like any other channel."""

    resize_8_bit: Callable[[Image.Image, int, int], Image.Image]
    """The same with A1111's numbers: `(picture, width, height)` to a picture of the same mode."""

    scale: int = 1


LANCZOS = ClassicalUpscaler("Lanczos", LanczosParts, resample.lanczos_8_bit)

CLASSICAL: dict[str, ClassicalUpscaler] = {
    # "None" means "no model" in A1111's hires fix: the picture is brought to size by one Lanczos resize
    "None": ClassicalUpscaler("None", LanczosParts, resample.lanczos_8_bit),
    "Lanczos": LANCZOS,
    "Nearest": ClassicalUpscaler("Nearest", NearestParts, resample.nearest_8_bit),
}
"""By name, in A1111's menu order."""

"""Upscalers without weights, under A1111's names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from ...hires.images import resample
from ...hires.sampling.menus import FILTERS
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
    most_runs: int = 1


_RESIZES = {
    # "None" means "no model" in A1111's hires fix: the picture is brought to size by one Lanczos resize
    "None": (LanczosParts, resample.lanczos_8_bit),
    "Lanczos": (LanczosParts, resample.lanczos_8_bit),
    "Nearest": (NearestParts, resample.nearest_8_bit),
}

CLASSICAL: dict[str, ClassicalUpscaler] = {name: ClassicalUpscaler(name, *_RESIZES[name]) for name in FILTERS}
"""By name, in A1111's menu order."""

LANCZOS = CLASSICAL["Lanczos"]

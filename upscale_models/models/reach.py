"""How far the networks look, and so how their tiles have to be cut."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from .spandrel_model import ModelUpscaler


@dataclass(frozen=True)
class Reach:
    """How tiles of a model must overlap."""

    overlap: int
    """Pixels a tile has to see beyond its own part."""

    exact: bool
    """Whether the inner part of a tile then equals the untiled result. If not, tiles are faded into each other."""

    align: int
    """Pixels a side of the blocks that the model works on: windows start at multiples of this."""


SOFT_OVERLAP = 32
"""For models that look at all of a tile (attention, pooling, group norm): no overlap is exact. ComfyUI's value."""

SOFT_BLOCK = 16
"""For the same models: most work on windows of 8 or 16 pixels, or on a picture that is halved up to four times, and
spandrel's size requirements do not tell it, because they pad what goes in by themselves."""

LARGEST_BLOCK = 64
"""Windows that only fit larger blocks together are not kept to."""


def reach_of(upscaler: ModelUpscaler) -> Reach:
    """Read off the network how its tiles have to be cut."""
    model = upscaler.descriptor.model
    found = _EXACT.get(upscaler.descriptor.architecture.id)
    if found is not None:
        return Reach(found(model), exact=True, align=upscaler.align)
    blocks = [SOFT_BLOCK, upscaler.align, *_window_sides(model)]
    align = math.lcm(*blocks)
    return Reach(SOFT_OVERLAP, exact=False, align=align if align <= LARGEST_BLOCK else max(blocks))


def _all_convolutions(model: torch.nn.Module) -> int:
    """Add up what convolutions that follow one another reach, each half its kernel."""
    convolutions = [module for module in model.modules() if isinstance(module, torch.nn.Conv2d)]
    return sum(max(one.kernel_size) // 2 * max(one.dilation) for one in convolutions)


def _span(model: torch.nn.Module) -> int:
    """One convolution before, one after and one to upsample; six blocks of three (their branches are parallel)."""
    return 3 + 6 * 3


ESRGAN_OVERLAP = 32
"""Dense blocks reach hundreds of pixels. With weights drawn at random what they take from there is lost in rounding;
Real-ESRGAN's tiles are 57 to 69 dB from one piece at this overlap, faded into each other or not."""


def _esrgan(model: torch.nn.Module) -> int:
    """In pixels of the picture, several of which are one for the network where they are shuffled into channels."""
    shuffled = getattr(model, "shuffle_factor", None) or 1
    return min(_all_convolutions(model), ESRGAN_OVERLAP) * shuffled


_EXACT: dict[str, Callable[[torch.nn.Module], int]] = {
    "Compact": _all_convolutions,
    "SPAN": _span,
    "ESRGAN": _esrgan,
    "DnCNN": _all_convolutions,
    "SwiftSRGAN": _all_convolutions,
}
"""By spandrel's id of the architecture: networks of convolutions alone, whose tiles can equal the untiled result."""


def _window_sides(model: torch.nn.Module) -> list[int]:
    """Return the sides of the windows of attention and of what else a picture is padded to inside of the network."""
    sides: set[int] = set()
    for module in model.modules():
        for name in ("window_size", "split_size", "padder_size"):
            value = getattr(module, name, None)
            for side in value if isinstance(value, (tuple, list)) else (value,):
                if isinstance(side, int) and side > 0:
                    sides.add(side)
    return sorted(sides)

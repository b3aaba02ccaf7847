"""Convolutions in float32 with fewer multiplications, on CPUs.

Winograd's minimal filtering (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015) makes 36 values
of a 3x3 convolution with 64 products in place of 324. torch has it in NNPACK, in builds for some processors, and takes
it by itself for hardly any. Its rounding errors are two to four times those of a plain convolution. ESRGAN's dense
blocks have their own way, which needs no NNPACK.
"""

from __future__ import annotations

from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F

from ..models.precision import changed_beside
from ..models.spandrel_model import ModelUpscaler
from .dense_blocks import Trunk, blocks_of, is_trunk
from .strips import strip_rows

CONVOLUTION = "_nnpack_spatial_convolution"
"""Torch's name of it, a private one."""

FEWEST = 48, 32
"""Channels, in and out, from which on a convolution gains: below, the transforms take what the products save."""

MOSTLY = 0.5
"""Share of a network's weights in such convolutions from which on it gains as a whole: all others lose a little by the
layout of the pixels that these want."""

STRIP = 4 << 20
"""Bytes of features convolved at once: smaller strips take less memory, and transform the weights more often."""

_known: WeakKeyDictionary[torch.nn.Module, ModelUpscaler] = WeakKeyDictionary()


@cache
def has_fast_convolutions() -> bool:
    """Whether this torch has NNPACK, for this processor."""
    # private in torch, which has no public question for it; the convolution fails where this was not asked first
    is_available = getattr(torch, "_nnpack_available", None)
    return hasattr(torch, CONVOLUTION) and is_available is not None and bool(is_available())


def with_fast_convolutions(upscaler: ModelUpscaler, device: torch.device) -> ModelUpscaler:
    """Return a copy of the model with fast convolutions and the same weights, or the model itself if it gains nothing.

    That depends on the network's shapes and on torch alone, so that pictures are the same every time. The model is not
    changed.
    """
    model = upscaler.descriptor.model
    if device.type != "cpu" or upscaler.dtype != torch.float32 or not _gains(model):
        return upscaler
    if model not in _known:
        descriptor = changed_beside(upscaler.descriptor, _make_fast)
        _known[model] = ModelUpscaler(upscaler.name, descriptor)
    return _known[model]


def is_fast(upscaler: ModelUpscaler) -> bool:
    """Whether a model is such a copy; it wants its pixels plane by plane."""
    return any(isinstance(module, (_FastConvolution, Trunk)) for module in upscaler.descriptor.model.modules())


class _FastConvolution(torch.nn.Conv2d):
    """A 3x3 convolution that `_is_fast`, by NNPACK."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        # one by one: for several pictures NNPACK takes another way, with other rounding
        parts = [self._one(picture) for picture in input.split(1)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _one(self, picture: torch.Tensor) -> torch.Tensor:
        """In strips: NNPACK transforms all that it is given at once, which takes twice its size and more."""
        _, channels, height, width = picture.shape
        rows = strip_rows(STRIP, channels * width * picture.element_size())
        if rows >= height or self.padding == (0, 1):
            return self._convolved(picture, self.padding)
        result = picture.new_empty(1, self.out_channels, height, width)
        for y in range(0, height, rows):
            strip = picture[:, :, max(0, y - 1) : y + rows + 1]
            if y == 0 or y + rows >= height:
                strip = F.pad(strip, (0, 0, int(y == 0), int(y + rows >= height)))
            result[:, :, y : y + rows] = self._convolved(strip, (0, 1))
        return result

    def _convolved(self, picture: torch.Tensor, padding: Any) -> torch.Tensor:
        return getattr(torch, CONVOLUTION)(picture.contiguous(), self.weight, self.bias, padding)


def _make_fast(model: torch.nn.Module) -> None:
    trunks = _trunks(model)
    for trunk in trunks:
        trunk.__class__ = Trunk
    inside = {module for trunk in trunks for block in blocks_of(trunk) for module in block.modules()}
    for module in model.modules():
        if has_fast_convolutions() and module not in inside and _is_fast(module):
            module.__class__ = _FastConvolution


def _gains(model: torch.nn.Module) -> bool:
    modules = (
        model.modules() if has_fast_convolutions() else (one for trunk in _trunks(model) for one in trunk.modules())
    )
    fast = sum(one.weight.numel() for one in modules if isinstance(one, torch.nn.Conv2d) and _is_fast(one))
    return fast > MOSTLY * sum(parameter.numel() for parameter in model.parameters())


def _trunks(model: torch.nn.Module) -> list[torch.nn.Module]:
    return [module for module in model.modules() if is_trunk(module, _is_fast)]


def _is_fast(module: torch.nn.Module) -> bool:
    return (
        type(module) is torch.nn.Conv2d
        and module.in_channels >= FEWEST[0]
        and module.out_channels >= FEWEST[1]
        and (module.kernel_size, module.stride, module.dilation) == ((3, 3), (1, 1), (1, 1))
        and (module.padding_mode, module.groups) == ("zeros", 1)
        and module.padding in ((1, 1), (0, 1))
    )

"""Networks on CPUs whose large features are never whole.

Layers that look no further than the next pixel follow one another row by row: each is given a strip of some rows and
keeps the last two for the next strip, so that nothing is computed twice and nothing changes. What is in work at a time
is small enough to stay in the processor's caches, and no memory is asked of the system for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN

from ..models.precision import changed_beside
from ..models.spandrel_model import ModelUpscaler

STRIP = 1 << 20
"""Bytes that a strip has in the widest of its layers."""

AT_ONCE = 6
"""A strip has a multiple of so many rows, which fast convolutions make at once."""

_ONE_BY_ONE = (torch.nn.PReLU, torch.nn.LeakyReLU, torch.nn.ReLU)

_known: WeakKeyDictionary[torch.nn.Module, ModelUpscaler] = WeakKeyDictionary()


def with_strips(upscaler: ModelUpscaler, device: torch.device) -> ModelUpscaler:
    """Return a copy of the model that works in strips and has the same weights, or the model itself if it cannot.

    The model is not changed.
    """
    model = upscaler.descriptor.model
    if not works_in_strips(upscaler, device):
        return upscaler
    if model not in _known:
        descriptor = changed_beside(upscaler.descriptor, _make_strips)
        _known[model] = ModelUpscaler(upscaler.name, descriptor)
    return _known[model]


def works_in_strips(upscaler: ModelUpscaler, device: torch.device) -> bool:
    """Whether there is such a copy."""
    model: Any = upscaler.descriptor.model
    if type(model) is Compact:
        return device.type == "cpu" and _count_local(list(model.body)) == len(model.body)
    return device.type == "cpu" and type(model) is ESRGAN and type(model.model) is torch.nn.Sequential


def in_strips(layers: Sequence[torch.nn.Module], pixels: torch.Tensor) -> torch.Tensor:
    """Run layers that look no further than the next pixel, one after the other, on `(N, C, H, W)`.

    The result is that of the layers on everything at once. Convolutions of 3x3 must have a padding of (0, 1).
    """
    count, channels, height, width = pixels.shape
    widest, scale = _sizes(layers, channels)
    rows = strip_rows(STRIP, widest * count * width * pixels.element_size())
    kept: dict[int, torch.Tensor] = {}
    result: torch.Tensor | None = None
    y = 0
    for top in range(0, height, rows):
        strip = pixels[:, :, top : top + rows]
        for index, layer in enumerate(layers):
            if isinstance(layer, torch.nn.Conv2d):
                nothing = torch.zeros_like(strip[:, :, :1])
                below = [nothing] if top + rows >= height else []
                strip = torch.cat([kept.get(index, nothing), strip, *below], dim=2)
                kept[index] = strip[:, :, -2:].clone()
                if strip.shape[2] < 3:
                    break  # the next strip brings the row below
            strip = layer(strip)
        else:
            if result is None:
                size = count, strip.shape[1], height * scale, width * scale
                result = torch.empty(size, dtype=strip.dtype, device=strip.device, memory_format=torch.channels_last)
            result[:, :, y : y + strip.shape[2]] = strip
            y += strip.shape[2]
    assert result is not None
    return result


def strip_rows(size: int, bytes_a_row: int) -> int:
    """How many rows a strip of about so many bytes has."""
    return max(1, size // bytes_a_row // AT_ONCE) * AT_ONCE


class _Sequence(torch.nn.Sequential):
    """As many of its last layers in strips as look only nearby: of ESRGAN all that follow its blocks."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        layers = list(self)
        local = _count_local(layers)
        for layer in layers[: len(layers) - local]:
            input = layer(input)
        return in_strips(layers[len(layers) - local :], input)


class _Compact(Compact):
    """All of it in strips."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result = in_strips([*self.body, self.upsampler], x)
        rows = strip_rows(STRIP, result[:, :, : self.upscale].numel() * result.element_size())
        for top in range(0, x.shape[2], rows):
            part = F.interpolate(x[:, :, top : top + rows], scale_factor=self.upscale, mode="nearest")
            result[:, :, top * self.upscale : (top + rows) * self.upscale] += part
        return result


def _make_strips(model: Any) -> None:
    if type(model) is Compact:
        model.__class__, layers = _Compact, list(model.body)
    else:
        layers = list(model.model)
        layers = layers[len(layers) - _count_local(layers) :]
        model.model.__class__ = _Sequence
    for layer in layers:
        if isinstance(layer, torch.nn.Conv2d):
            layer.padding = (0, 1)  # the rows beyond are put there


def _count_local(layers: Sequence[torch.nn.Module]) -> int:
    """How many of the last layers look no further than the next pixel."""
    return next((count for count, layer in enumerate(reversed(layers)) if not _is_local(layer)), len(layers))


def _is_local(layer: torch.nn.Module) -> bool:
    if isinstance(layer, torch.nn.Conv2d):
        form = layer.kernel_size, layer.stride, layer.dilation, layer.padding_mode
        return form == ((3, 3), (1, 1), (1, 1), "zeros") and layer.padding in ((1, 1), (0, 1))
    if isinstance(layer, torch.nn.Upsample):
        return layer.mode == "nearest" and layer.size is None and float(_factor(layer)).is_integer()
    return isinstance(layer, (torch.nn.PixelShuffle, *_ONE_BY_ONE))


def _factor(layer: torch.nn.Module) -> Any:
    """By which the layer enlarges."""
    if isinstance(layer, torch.nn.Upsample):
        return layer.scale_factor
    return layer.upscale_factor if isinstance(layer, torch.nn.PixelShuffle) else 1


def _sizes(layers: Sequence[torch.nn.Module], channels: int) -> tuple[int, int]:
    """Values that the widest layer makes of a pixel that goes in, and the factor of all layers."""
    scale, widest = 1, channels
    for layer in layers:
        factor = int(_factor(layer))
        scale *= factor
        if isinstance(layer, torch.nn.Conv2d):
            channels = layer.out_channels
        elif isinstance(layer, torch.nn.PixelShuffle):
            channels //= factor * factor
        widest = max(widest, channels * scale * scale)
    return widest, scale

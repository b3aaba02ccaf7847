"""How much memory a model takes while it works."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable
from typing import Any

import torch

from ..models.live_bytes import LiveBytes
from ..models.precision import PATCH, changed, patch
from ..models.runtime import Runtime
from ..models.spandrel_model import ModelUpscaler

logger = logging.getLogger("hires-fix")

MARGIN = 1.3
"""For what a small picture does not show: workspaces of large convolutions, memory in pieces."""

_known: weakref.WeakKeyDictionary[torch.nn.Module, float] = weakref.WeakKeyDictionary()
"""Bytes per pixel of what goes in, by network: copies in half precision are networks of their own."""

_foreseen: weakref.WeakKeyDictionary[torch.nn.Module, dict[torch.dtype, float | None]] = weakref.WeakKeyDictionary()
"""The same of outlines."""


def bytes_per_pixel(upscaler: ModelUpscaler, runtime: Runtime) -> float:
    """Measure the working memory of a prepared model, margin included, per pixel that goes in; done once."""
    model = upscaler.descriptor.model
    if model not in _known:
        picture = patch(upscaler.descriptor.input_channels).to(runtime.device, upscaler.dtype)
        _known[model] = _per_pixel(upscaler, picture)
    return _known[model]


def foreseen(outline: ModelUpscaler, dtype: torch.dtype) -> float | None:
    """Foresee `bytes_per_pixel` of an outline; None for networks that need the numbers in their tables."""
    found = _foreseen.setdefault(outline.descriptor.model, {})
    if dtype not in found:
        found[dtype] = _from_shapes(outline, dtype, "meta") or _from_shapes(outline, dtype, "cpu")
    return found[dtype]


def _from_shapes(outline: ModelUpscaler, dtype: torch.dtype, device: str) -> float | None:
    """Run a copy with any weights at all; on "meta" there are only shapes, which is quick, but not enough for all."""
    try:
        model = changed(outline.descriptor, lambda network: network.to_empty(device=device).to(dtype))
        picture = patch(model.input_channels).to(device, dtype)
        return _per_pixel(ModelUpscaler(outline.name, model), picture)
    except Exception as error:  # every network has its own way to need numbers
        logger.debug("working memory of '%s' is not foreseen on %s: %s", outline.name, device, error)
        return None


def _per_pixel(upscaler: ModelUpscaler, picture: torch.Tensor) -> float:
    """Bytes, margin included."""
    return peak(lambda: upscaler.apply(picture), picture.device) * MARGIN / (PATCH[0] * PATCH[1])


def measured(upscaler: ModelUpscaler) -> float | None:
    """Return what `bytes_per_pixel` found, None before."""
    return _known.get(upscaler.descriptor.model)


def peak(work: Callable[[], Any], device: torch.device) -> int:
    """Return the most bytes that `work` holds on the device at once, beyond what was there before."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        return torch.cuda.max_memory_allocated(device) - before
    with LiveBytes() as live:
        work()
    return live.most

"""How much memory a model takes while it works."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from ..models.live_bytes import LiveBytes
from ..models.precision import changed, changed_around
from ..models.spandrel_model import ModelUpscaler

logger = logging.getLogger("hires-fix")

MARGIN = 1.3
"""For what a small picture does not show: workspaces of large convolutions, memory in pieces."""

PATCH = (72, 56)
"""Width and height of the picture that is counted with; not square, so that no part of a network is spared that only
works on sizes it was not trained on."""


class Footprint(NamedTuple):
    """Bytes that a model takes per pixel that goes in."""

    peak: float
    """All at once, margin included."""

    block: float
    """Of a usual tensor of features."""


_known: weakref.WeakKeyDictionary[torch.nn.Module, dict[torch.dtype, Footprint | None]] = weakref.WeakKeyDictionary()


def footprint(upscaler: ModelUpscaler, dtype: torch.dtype) -> Footprint | None:
    """Count what a model, or an outline of it, takes in this number format; None for those that tell nothing.

    Done once, by shapes alone: the network is run without numbers, or, where it needs those in its tables, on a small
    picture on the CPU.
    """
    found = _known.setdefault(upscaler.descriptor.model, {})
    if dtype not in found:
        found[dtype] = _without_numbers(upscaler, dtype) or _with_numbers(upscaler, dtype)
    return found[dtype]


def known_footprint(upscaler: ModelUpscaler, dtype: torch.dtype) -> Footprint | None:
    """Return what `footprint` found, None before."""
    return _known.get(upscaler.descriptor.model, {}).get(dtype)


def _without_numbers(upscaler: ModelUpscaler, dtype: torch.dtype) -> Footprint | None:
    def without(weight: torch.Tensor) -> torch.Tensor:
        empty = torch.empty_like(weight, device="meta")
        return torch.nn.Parameter(empty, False) if isinstance(weight, torch.nn.Parameter) else empty

    return _tried(
        upscaler, "meta", dtype, lambda: changed_around(upscaler.descriptor, without, lambda model: model.to(dtype))
    )


def _with_numbers(upscaler: ModelUpscaler, dtype: torch.dtype) -> Footprint | None:
    return _tried(
        upscaler, "cpu", dtype, lambda: changed(upscaler.descriptor, lambda it: it.to_empty(device="cpu").to(dtype))
    )


def _tried(upscaler: ModelUpscaler, device: str, dtype: torch.dtype, copy: Callable[[], Any]) -> Footprint | None:
    width, height = PATCH
    try:
        model = ModelUpscaler(upscaler.name, copy())
        picture = torch.zeros(1, model.descriptor.input_channels, height, width, dtype=dtype, device=device)
        with LiveBytes() as live:
            model.apply(picture)
    except Exception as error:  # every network has its own way to need numbers
        logger.debug("working memory of '%s' is not foreseen on %s: %s", upscaler.name, device, error)
        return None
    return Footprint(live.most * MARGIN / (width * height), live.block / (width * height))

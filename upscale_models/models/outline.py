"""Upscale models without their weights: enough to plan with, at little cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from spandrel import ModelLoader, canonicalize_state_dict
from torch.overrides import TorchFunctionMode

from .cost import LITTLE, within_its_size
from .spandrel_model import ModelUpscaler, from_descriptor

SMALL = 8192
"""Values of a tensor that is kept: some networks have their options in tables, such as the positions in a window of
32x32."""

_FACTORIES = (torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn)


def outline_of(name: str, state_dict: Mapping[str, Any]) -> ModelUpscaler:
    """Build a model of next to nothing: it has its factor, size requirements and parts, but cannot be run.

    Raises:
        CostError: see `within_its_size`.
        UnusableModelError: see `from_descriptor`.
        Exception: whatever spandrel and its networks trip over.
    """
    weights = canonicalize_state_dict(dict(state_dict))
    with within_its_size(weights, LITTLE), _WithoutWeights():
        emptied = {key: _emptied(value) if torch.is_tensor(value) else value for key, value in weights.items()}
        descriptor = ModelLoader("meta").load_from_state_dict(emptied)
    return from_descriptor(descriptor, name)


def _emptied(tensor: torch.Tensor) -> torch.Tensor:
    return tensor if tensor.numel() <= SMALL else tensor.to("meta")


class _WithoutWeights(TorchFunctionMode):
    """Makes tensors on the device "meta", where they take no memory, and copies none of these into real ones.

    The device cannot simply be "meta" for everything: some networks read small tables of their own while they are
    built.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _FACTORIES and kwargs.get("device") is None:
            empty = func(*args, **{**kwargs, "device": "meta"})
            return empty if empty.numel() > SMALL else func(*args, **kwargs)
        if func is torch.Tensor.copy_ and args[1].is_meta:
            return args[0]
        return func(*args, **kwargs)

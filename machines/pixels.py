"""Pixels as plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from .jobs import Plain

_TYPES = {name: getattr(torch, name) for name in ("float32", "float16", "bfloat16", "uint8", "uint16")}


def to_plain(pixels: torch.Tensor) -> Plain:
    """Their `shape`, `type` and bytes (`data`)."""
    values = pixels.detach().to("cpu").contiguous()
    name = next(name for name, dtype in _TYPES.items() if dtype == values.dtype)
    # bytes of any format: numpy has no bfloat16; in one row, for a single channel may have any stride
    return {"shape": list(values.shape), "type": name, "data": values.reshape(-1).view(torch.uint8).numpy().tobytes()}


def from_plain(plain: Mapping[str, Any]) -> torch.Tensor | None:
    """The values; None if they are not as many as they are said to be."""
    shape, dtype, data = plain.get("shape"), _TYPES.get(str(plain.get("type"))), plain.get("data")
    if dtype is None or not isinstance(data, bytes) or not isinstance(shape, list):
        return None
    if not shape or len(data) != math.prod(shape) * dtype.itemsize:
        return None
    return torch.from_numpy(np.frombuffer(data, np.uint8).copy()).view(dtype).reshape(shape)

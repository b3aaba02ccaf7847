"""The numbers of a picture: levels of 8 or 16 bits, or parts of white; turned upright; with other channels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from .errors import PictureError

_DEEP = 65535
_OVERSHOOT = 1.05  # of sharpening and resampling, which is no sign of another range
_UNDERSHOOT = 0.1


def from_levels(levels: np.ndarray) -> torch.Tensor:
    """Turn `(H, W, C)` uint8 or uint16 into float32, 0 to 1. `to_levels` gives back exactly the same levels.

    float32, which is from 0 to 1 already, stays as it is.
    """
    if levels.dtype == np.float32:
        return torch.from_numpy(levels)
    return torch.from_numpy(np.divide(levels, np.iinfo(levels.dtype).max, dtype=np.float32))


def to_levels(pixels: torch.Tensor, depth: int) -> np.ndarray:
    """Turn finite floats into uint8 or uint16 by rounding; what lies outside 0..1 is cut off."""
    levels = pixels.detach().to("cpu", torch.float32).clamp(0, 1).mul_(2**depth - 1).round_()
    return levels.numpy().astype(np.uint8 if depth == 8 else np.uint16)


class LevelRows:
    """Levels `(H, W, C)` of a picture that need not fit the memory: rows of them are made when they are asked for."""

    def __init__(self, shape: tuple[int, int, int], depth: int, read: Callable[[int, int], torch.Tensor]) -> None:
        """`read` gives rows, from the first to the one after the last, as floats of 0 to 1."""
        self.shape, self.itemsize = shape, depth // 8
        self._depth, self._read = depth, read

    def __getitem__(self, rows: slice) -> np.ndarray:
        first, end, _ = rows.indices(self.shape[0])
        return to_levels(self._read(first, end), self._depth)


def upright(levels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn and mirror `(H, W, C)` as the EXIF orientation 1 to 8 asks; 5 to 8 exchange height and width."""
    if orientation >= 5:
        levels = levels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        levels = levels[::-1]
    if orientation in (2, 3, 6, 7):
        levels = levels[:, ::-1]
    return levels


def with_channels(pixels: torch.Tensor, colours: int, has_alpha: bool) -> torch.Tensor:
    """Bring `(H, W, C)`, 0 to 1, to `colours` (1 grey, never from RGB; 3 RGB), with or without alpha (1 if new)."""
    own = pixels.shape[-1] - (pixels.shape[-1] in (2, 4))
    parts = [pixels[..., :own].expand(-1, -1, colours)]
    if has_alpha:
        parts.append(pixels[..., own:] if own < pixels.shape[-1] else torch.ones_like(pixels[..., :1]))
    return torch.cat(parts, -1)


def in_range(values: np.ndarray) -> tuple[np.ndarray, str]:
    """Bring integers of 8 to 64 bits, signed or not, or floats of 16 to 64 to what a `Picture` is made of.

    Returns uint8 or uint16 levels, or float32 from 0 to 1; and what had to be assumed, as a sentence, or "".
    Unsigned integers of 8 and 16 bits are levels. Others of up to 65535 are levels of 16 bits; above that, white is
    the largest number of their type. Floats from 0 to 1 stay as they are. If they go beyond but are not above 1 on
    average, 1 is white, as in renderings with lights; else white is 255 or 65535.
    Raises PictureError, "it …" or "its …", for numbers that are no picture's: not finite, negative, or too large.
    """
    if values.dtype.kind == "f":
        return _from_floats(values)
    size = values.dtype.itemsize
    if values.dtype.kind == "u" and size <= 2:
        return values.astype(values.dtype.newbyteorder("="), copy=False), ""
    low, high = int(values.min()), int(values.max())
    if low < 0:
        raise _out_of_range(low, high)
    if size > 2 and high <= _DEEP:
        return values.astype(np.uint16), f"Its numbers of {8 * size} bits go up to {high}; 65535 was taken for white."
    top = np.iinfo(values.dtype).max
    return (values / top).astype(np.float32), f"Its numbers of {8 * size} bits go up to {high}; {top} is white."


def _from_floats(values: np.ndarray) -> tuple[np.ndarray, str]:
    if not np.isfinite(values).all():
        count = int(values.size - np.isfinite(values).sum())
        raise PictureError(f"{count} of its numbers are not finite (NaN or infinity). Save it without them")
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 1:
        return values.astype(np.float32), ""
    tops = [1] if values.mean(dtype=np.float64) <= 1 else [top for top in (255, _DEEP) if high <= top * _OVERSHOOT]
    if not tops or low < -_UNDERSHOOT * tops[0]:
        raise _out_of_range(low, high)
    parts = (values / np.float64(tops[0])).clip(0, 1).astype(np.float32)
    cut = ", and what lies outside was cut off" if low < 0 or high > tops[0] else ""
    return parts, f"Its numbers go from {low:g} to {high:g}; {tops[0]} was taken for white{cut}."


def _out_of_range(low: float, high: float) -> PictureError:
    return PictureError(f"its numbers go from {low:g} to {high:g}. Bring them to 0 (black) to 1 (white) as floats")

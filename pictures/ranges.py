"""What the numbers of a picture mean: levels of 8 or 16 bits, or parts of white."""

from __future__ import annotations

import numpy as np

from .picture import PictureError

_DEEP = 65535
_OVERSHOOT = 1.05  # of sharpening and resampling, which is no sign of another range
_UNDERSHOOT = 0.1


def in_range(values: np.ndarray) -> tuple[np.ndarray, str]:
    """Bring numbers of any kind to what a `Picture` is made of.

    Args:
        values: integers of 8 to 64 bits, signed or not, or floats of 16 to 64.

    Returns:
        uint8 or uint16 levels, or float32 from 0 to 1; and what had to be assumed, as a sentence, or "".

        Unsigned integers of 8 and 16 bits are levels. Others of up to 65535 are levels of 16 bits; above that, white
        is the largest number of their type. Floats from 0 to 1 stay as they are. If they go beyond but are not above
        1 on average, 1 is white, as in renderings with lights; else white is 255 or 65535.

    Raises:
        PictureError: numbers that are no picture's: not finite, negative, or too large; "it …" or "its …".
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
    unit = (values / np.float64(tops[0])).clip(0, 1).astype(np.float32)
    cut = ", and what lies outside was cut off" if low < 0 or high > tops[0] else ""
    return unit, f"Its numbers go from {low:g} to {high:g}; {tops[0]} was taken for white{cut}."


def _out_of_range(low: float, high: float) -> PictureError:
    return PictureError(f"its numbers go from {low:g} to {high:g}. Bring them to 0 (black) to 1 (white) as floats")

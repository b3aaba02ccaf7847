"""Pictures in CIE L*a*b*, as sRGB."""

from __future__ import annotations

import numpy as np

_WHITE = np.array([0.96422, 1.0, 0.82521])  # D50, that of printing
_TO_SRGB = np.array(  # from XYZ under D50 to linear light under D65, adapted by Bradford's method
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)
_BEND = 6 / 29
_ROWS = 128


def lab_to_srgb(values: np.ndarray, is_offset: bool) -> np.ndarray:
    """Convert L*, a*, b* as a file holds them, `(H, W, 3)` uint8 or uint16; colours outside sRGB are cut off.

    `is_offset`: a* and b* are stored with an offset (TIFF's ICCLAB), not as signed numbers (its CIELAB).
    """
    top = np.iinfo(values.dtype).max
    out = np.empty_like(values)
    for start in range(0, len(values), _ROWS):  # since it takes several times their size
        parts = _srgb(_lab(values[start : start + _ROWS], is_offset))
        out[start : start + _ROWS] = (parts * top).round()
    return out


def _lab(values: np.ndarray, is_offset: bool) -> np.ndarray:
    size = values.dtype.itemsize
    step = 256.0 ** (size - 1)
    white = 0xFF00 if is_offset and size == 2 else np.iinfo(values.dtype).max
    colour = values[..., 1:] - 128 * step if is_offset else values[..., 1:].view(f"i{size}")
    return np.concatenate([values[..., :1] * (100 / white), colour / step], axis=-1)


def _srgb(lab: np.ndarray) -> np.ndarray:
    f_y = (lab[..., 0] + 16) / 116
    f = np.stack([f_y + lab[..., 1] / 500, f_y, f_y - lab[..., 2] / 200], axis=-1)
    xyz = np.where(f > _BEND, f**3, 3 * _BEND**2 * (f - 4 / 29)) * _WHITE
    linear = (xyz @ _TO_SRGB.T).clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)

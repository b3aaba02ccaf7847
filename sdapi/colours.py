"""A1111's colour correction of img2img: the result gets back the colours of the picture it began with.

A1111 works it out in 8 bits with three libraries. The conversions to L*a*b* and back are those of OpenCV's 8-bit code,
value for value: tables and whole numbers of the precisions below.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Levels = NDArray[np.uint8]
"""Height x width x 3."""

Whole = NDArray[np.int64]

_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_RGB = np.array([[3.240479, -1.53715, -0.498535], [-0.969256, 1.875991, 0.041556], [0.055648, -0.204043, 1.057311]])
_WHITE = np.array([0.950456, 1.0, 1.088754])
"""sRGB to XYZ and back, of the daylight D65."""

_FINE = 8
"""Steps of linear light to a level."""

_MATRIX, _ROOT, _BASE = 12, 15, 14
"""Bits behind the point: of matrices, of cube roots, and of everything on the way back."""

_LUMA = (0.299, 0.587, 0.114)


def corrected(image: Image.Image, like: Levels) -> Image.Image:
    """The picture with the colours of another, but the brightness that it has.

    `like`: of the other one, see `colours_of`; it may have another size.
    """
    levels = np.asarray(image.convert("RGB"))
    lab = _to_lab(levels)
    for channel in range(3):
        lab[..., channel] = _with_histogram(lab[..., channel], like[..., channel])
    made = Image.fromarray(_with_brightness(_from_lab(lab), levels))
    made.info.update(image.info)
    return made


def colours_of(image: Image.Image) -> Levels:
    """What `corrected` has to know of a picture."""
    return _to_lab(np.asarray(image.convert("RGB")))


def _with_histogram(levels: Levels, like: Levels) -> NDArray[np.float64]:
    """Every level as the one below which the other picture has as large a share of its pixels."""
    shares = np.cumsum(np.bincount(levels.reshape(-1))) / levels.size
    counts = np.bincount(like.reshape(-1))
    present = np.nonzero(counts)[0]
    return np.interp(shares, np.cumsum(counts[present]) / like.size, present)[levels]


def _with_brightness(colours: Levels, of: Levels) -> Levels:
    """The blend mode "luminosity": the colours, each moved to the brightness of the other's pixel."""
    wanted, made = of / 255, colours / 255
    made += (_luma(wanted) - _luma(made))[..., None]
    luma = _luma(made)[..., None]
    low, high = made.min(axis=2, keepdims=True), made.max(axis=2, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        made = np.where(low < 0, luma + ((made - luma) * luma) / (luma - low), made)
        made = np.where(high > 1, luma + ((made - luma) * (1 - luma)) / (high - luma), made)
    return (np.clip(made, 0, 1) * 255).astype(np.uint8)


def _luma(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    red, green, blue = _LUMA
    return colours[..., 0] * red + colours[..., 1] * green + colours[..., 2] * blue


def _to_lab(levels: Levels) -> Levels:
    light, roots = _tables_to_lab()
    matrix = np.rint((_XYZ / _WHITE[:, None]) * (1 << _MATRIX)).astype(np.int64)
    x, y, z = np.moveaxis(roots[_rounded(light[levels] @ matrix.T, _MATRIX)], -1, 0)
    half = 128 << _ROOT
    brightness = (116 * 255 + 50) // 100 * y - (16 * 255 * (1 << _ROOT) + 50) // 100
    found = np.stack([brightness, 500 * (x - y) + half, 200 * (y - z) + half], axis=-1)
    return _rounded(found, _ROOT).clip(0, 255).astype(np.uint8)


@cache
def _tables_to_lab() -> tuple[Whole, Whole]:
    """Light of every level, and what stands for its cube root."""
    levels = np.arange(256) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    light = np.rint(linear * 255 * _FINE).astype(np.int64)
    share = np.arange(256 * 3 // 2 * _FINE) / (255 * _FINE)
    root = np.where(share < 216 / 24389, share * (841 / 108) + 16 / 116, np.cbrt(share))
    roots = np.rint(root * (1 << _ROOT)).astype(np.int64)
    roots[[49, 628]] += [-1, 1]  # halves, that OpenCV's single precision rounds the other way
    return light, roots


def _from_lab(lab: Levels) -> Levels:
    heights, roots, cubes, levels = _tables_from_lab()
    one = 1 << _BASE
    lightness, a, b = np.moveaxis(lab.astype(np.int64), -1, 0)
    y, root = heights[lightness], roots[lightness]
    along_a = ((5 * a * 53687 + (1 << 7)) >> 13) - 128 * one // 500
    along_b = ((b * 41943 + (1 << 4)) >> 9) - 128 * one // 200 + 1
    x, z = (cubes[value - _LOWEST] for value in (root + along_a, root - along_b))
    matrix = np.rint(_RGB * _WHITE * (1 << _MATRIX)).astype(np.int64)
    light = _rounded(np.stack([x, y, z], axis=-1) @ matrix.T, _MATRIX + _BASE - _LIGHT)
    return levels[light.clip(0, (1 << _LIGHT) - 1)]


_LIGHT = 12
"""Bits of linear light on the way back."""

_LOWEST = -8145
"""The smallest root of X or Z that L*a*b* in 8 bits can name."""


@cache
def _tables_from_lab() -> tuple[Whole, Whole, Whole, Levels]:
    """Of every L*: Y and its root; of every root: X or Z; of all linear light: its level."""
    one = 1 << _BASE
    lightness = np.arange(256)
    dark = lightness <= 20
    root = lightness * 100 * one / (255 * 116) + 16 * one / 116
    heights = np.where(dark, lightness * one * 20 * 9 / (17 * 29**3), root**3 / one**2)
    roots = np.where(dark, one * (16 / 116 + lightness * 5 / (3 * 17 * 29)), root)
    values = np.arange(_LOWEST, one * 9 // 4 + _LOWEST)
    straight = _quotient(values * 108, 841) - one * 16 // 116 * 108 // 841
    cubes = np.where(values <= 3390, straight, values * values // one * values // one)
    share = np.arange(1 << _LIGHT) / (1 << _LIGHT)
    gamma = np.where(share <= 0.0031308, share * 12.92, 1.055 * share ** (1 / 2.4) - 0.055)
    return (
        np.rint(heights).astype(np.int64),
        np.rint(roots).astype(np.int64),
        cubes,
        np.rint(gamma * 255).astype(np.uint8),
    )


def _quotient(numbers: Whole, by: int) -> Whole:
    """Rounded towards zero."""
    return np.sign(numbers) * (np.abs(numbers) // by)


def _rounded(numbers: Whole, bits: int) -> Whole:
    return (numbers + (1 << (bits - 1))) >> bits

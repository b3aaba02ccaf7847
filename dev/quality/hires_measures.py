"""What a hires fix is judged by, as numbers of finished pictures: composition kept, sharpness gained, grain."""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image
from scipy import ndimage

Luma = np.ndarray
"""(height, width) float64 in [0, 1]."""

SSIM_SIGMA, SSIM_RADIUS = 1.5, 5
"""The 11x11 Gaussian window of Wang et al., "Image quality assessment" (2004)."""

EDGE_SHARE: Final = 0.15
"""Of all pixels, those with the steepest gradient in the reference are taken for its edges."""

RIDGE: Final = 0.9
"""Share of the steepest gradient in the window that the middle of an edge has."""

WINDOW: Final = 11
"""Pixels across the window around an edge: holds the whole of a soft edge, also one that moved a little."""

LEAST_CONTRAST: Final = 0.08
"""Luma from the darkest to the brightest pixel of a window. Less: no edge in the reference, a lost one in a picture."""

FLAT_SHARE: Final = 0.3
"""Of all pixels, those with the least gradient in the reference are taken for its flat parts."""


def luma(picture: Image.Image) -> Luma:
    """Brightness as BT.601 weighs it."""
    rgb = np.asarray(picture.convert("RGB"), np.float64) / 255
    return rgb @ np.array([0.299, 0.587, 0.114])


def ssim(one: Luma, other: Luma) -> float:
    """Structural similarity, mean over the pixels whose window lies inside. 1 for equal pictures.

    Raises `ValueError` if the sizes differ, or a side is shorter than the window.
    """
    if one.shape != other.shape or min(one.shape) <= 2 * SSIM_RADIUS:
        raise ValueError(f"Sizes {one.shape} and {other.shape} cannot be compared by windows of {2 * SSIM_RADIUS + 1}.")

    def mean(values: Luma) -> Luma:
        return ndimage.gaussian_filter(values, SSIM_SIGMA, radius=SSIM_RADIUS)[inner, inner]

    inner = slice(SSIM_RADIUS, -SSIM_RADIUS)
    a, b = mean(one), mean(other)
    variance_a, variance_b = mean(one * one) - a * a, mean(other * other) - b * b
    covariance = mean(one * other) - a * b
    c1, c2 = 0.01**2, 0.03**2
    return float(
        np.mean((2 * a * b + c1) * (2 * covariance + c2) / ((a * a + b * b + c1) * (variance_a + variance_b + c2)))
    )


def composition(picture: Image.Image, base: Image.Image) -> float:
    """SSIM of the base and of the picture brought down to its size (each pixel the mean of those it stands for)."""
    return ssim(luma(picture.resize(base.size, Image.Resampling.BOX)), luma(base))


def edges(reference: Luma) -> np.ndarray:
    """(height, width) bool: the middle of the reference's edges, by gradient and by contrast."""
    steepness = _gradient(ndimage.gaussian_filter(reference, 1.0))
    steepest = steepness > np.quantile(steepness, 1 - EDGE_SHARE)
    middle = steepness >= RIDGE * ndimage.maximum_filter(steepness, WINDOW)
    return steepest & middle & (_contrast(reference) >= LEAST_CONTRAST)


def edge_sharpness(picture: Luma, where: np.ndarray) -> float:
    """How steep edges are for their height: 1 over the width of an edge in pixels (a hard step: 0.5, oblique 0.7).

    In a window around every edge: the largest gradient (central difference) over the contrast. More contrast alone
    does not raise it, nor does anything away from the edges. An edge that has been lost counts 0.
    `where` are the places of the edges, see `edges`; nowhere gives 0.
    """
    contrast = _contrast(picture)
    steepest = ndimage.maximum_filter(_gradient(picture), WINDOW)
    kept = contrast >= LEAST_CONTRAST
    sharpness = np.where(kept, steepest / np.where(kept, contrast, 1), 0)
    return float(sharpness[where].mean()) if where.any() else 0.0


def flat_parts(reference: Luma) -> np.ndarray:
    """(height, width) bool: where the reference has least gradient."""
    steepness = ndimage.maximum_filter(_gradient(ndimage.gaussian_filter(reference, 1.0)), WINDOW)
    return steepness <= np.quantile(steepness, FLAT_SHARE)


def grain(picture: Luma, where: np.ndarray) -> float:
    """Standard deviation of independent noise that would explain the fine structure there (Immerkær 1996), in luma."""
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float64)
    fine = ndimage.convolve(picture, mask)  # the squares of the mask sum up to 36: noise comes out six times as large
    return float(np.sqrt(np.mean(fine[where] ** 2)) / 6) if where.any() else 0.0


def _gradient(values: Luma) -> Luma:
    down, across = np.gradient(values)
    return np.hypot(down, across)


def _contrast(values: Luma) -> Luma:
    return ndimage.maximum_filter(values, WINDOW) - ndimage.minimum_filter(values, WINDOW)

"""What upscalers are judged by: small pictures made of large ones, differences of lightness, flat colours, patterns."""

from __future__ import annotations

import io
import itertools
import zlib
from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image, ImageFilter

from ..benchmarks.pictures import SAME
from ..training.judge import LUMA, psnr
from ..training.patches import reduced as reduced_pixels
from . import hires_measures

Lightness = np.ndarray
"""(height, width) float64, 16 for black to 235 for white."""

Enlarge = Callable[[Image.Image], Image.Image]
"""What makes an RGB picture larger by a whole factor."""

BLUR: Final = (0.2, 0.5)
"""Least and most standard deviation of the blur of degraded input, in pixels of that input."""

NOISE: Final = 3.0
"""Standard deviation of the noise of degraded input, in levels of 255."""

JPEG_QUALITY: Final = 60

LEVELS: Final = (0, 51, 128, 204, 255)
"""Of red, green and blue in the flat colours: all 125 of them."""

CELLS: Final = (1, 2, 4, 8)
"""Sides of the squares of the checkerboards, in pixels."""

CHECKERED: Final = (((64, 64, 64), (192, 192, 192)), ((192, 80, 64), (64, 112, 192)))
"""Colours of the checkerboards, away from black and white so that clipping hides nothing."""

PATTERN_SIDE: Final = 32

STEP: Final = 24
"""Pixels from one place of a photograph that is looked at to the next."""

INSIDE: Final = 14
"""Input pixels beyond which the shipped networks do not see the border."""


def lightness(picture: Image.Image) -> Lightness:
    """Y of BT.601 in its studio range, not rounded."""
    return 16 + np.asarray(picture.convert("RGB"), np.float64) @ LUMA


def ssim(one: Lightness, other: Lightness) -> float:
    """Structural similarity after Wang et al. (2004): Gaussian window of 11 x 11, mean over the windows inside."""
    return hires_measures.ssim(one / 255, other / 255)


def likeness(made: Image.Image, wanted: Image.Image, border: int) -> tuple[float, float]:
    """PSNR (at most `SAME`) and SSIM of the lightness of RGB pictures, without `border` pixels on each side."""
    inside = slice(border, -border)
    with np.errstate(divide="ignore"):  # no difference: infinite
        decibels = min(SAME, psnr(np.asarray(made), np.asarray(wanted), border))
    return decibels, ssim(*(lightness(picture)[inside, inside] for picture in (made, wanted)))


def cut(picture: Image.Image, scale: int) -> Image.Image:
    """The picture without the last columns and rows that are not a whole pixel of the small one."""
    return picture.crop((0, 0, picture.width // scale * scale, picture.height // scale * scale))


def hardest(photograph: Image.Image, width: int, height: int) -> Image.Image:
    """The part of a photograph in which the levels vary most; of one that is smaller, all there is."""
    picture = photograph.convert("RGB")
    width, height, levels = min(width, picture.width), min(height, picture.height), np.asarray(picture, np.float32)
    corners = itertools.product(range(0, picture.height - height + 1, STEP), range(0, picture.width - width + 1, STEP))
    y, x = max(corners, key=lambda at: levels[at[0] : at[0] + height, at[1] : at[1] + width].std())
    return picture.crop((x, y, x + width, y + height))


def reduced(picture: Image.Image, scale: int) -> Image.Image:
    """The small picture, bicubic with Pillow, in 8 bits."""
    return Image.fromarray(reduced_pixels(np.asarray(picture), scale))


def degraded(picture: Image.Image, scale: int, name: str) -> Image.Image:
    """The small picture as it might come from the web: blurred, bicubic, noisy, JPEG. By its name always the same."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    blurred = picture.filter(ImageFilter.GaussianBlur(rng.uniform(*BLUR) * scale))
    small = np.asarray(reduced(blurred, scale), np.float64)
    noisy = np.clip(np.rint(small + rng.normal(0, NOISE, small.shape)), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(noisy).save(file, "JPEG", quality=JPEG_QUALITY)
    return Image.open(file).convert("RGB")


def flat_errors(enlarge: Enlarge) -> tuple[int, int]:
    """The worst difference from an enlarged flat colour in levels: anywhere, and `INSIDE` input pixels inside."""
    worst = inside = 0
    for colour in itertools.product(LEVELS, repeat=3):
        made = np.asarray(enlarge(Image.new("RGB", (PATTERN_SIDE, PATTERN_SIDE), colour)), int)
        off = np.abs(made - colour).max(-1)
        margin = INSIDE * len(off) // PATTERN_SIDE
        worst, inside = max(worst, int(off.max())), max(inside, int(off[margin:-margin, margin:-margin].max()))
    return worst, inside


def checkerboard(cell: int, colours: tuple[tuple[int, int, int], tuple[int, int, int]]) -> Image.Image:
    """Squares of two colours in turns, the first in the corner; as much of both."""
    rows, columns = np.indices((PATTERN_SIDE, PATTERN_SIDE)) // cell
    return Image.fromarray(np.array(colours, np.uint8)[(rows + columns) % 2])


def checkerboard_errors(enlarge: Enlarge) -> tuple[float, tuple[int, ...]]:
    """What becomes of checkerboards that are enlarged, in levels of 255.

    Returns how far the mean of a channel moves, the most of all; and for each of `CELLS`, how far the worst pixel lies
    outside the two colours of its channel.
    """
    shift, outside = 0.0, []
    for cell in CELLS:
        outside.append(0)
        for colours in CHECKERED:
            made = np.asarray(enlarge(checkerboard(cell, colours)), np.float64).reshape(-1, 3)
            low, high = np.min(colours, 0), np.max(colours, 0)
            shift = max(shift, float(np.abs(made.mean(0) - np.mean(colours, 0)).max()))
            outside[-1] = max(outside[-1], int(np.max([low - made.min(0), made.max(0) - high])))
    return shift, tuple(outside)

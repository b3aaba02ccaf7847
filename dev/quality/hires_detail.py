"""Whether there is detail where there should be: inside of things, and as much of every fineness as in drawn scenes.

A melted picture has its edges where the things end and nothing inside of them; a noisy one has more of everything.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from ..training.world import checks
from ..training.world.picture_reading import Reading, read
from ..training.world.scene_palette import GROUNDS
from ..training.world.scenes import draw, random_scene
from .hires_measures import Luma, luma

MATERIALS = {
    "house": (" house", "roof"),
    "tree": (" tree",),
    "range": (" mountains", " hills"),
    "ground": tuple(GROUNDS),
    "sky": ("sky", "cloud"),
}
"""What is compared with its like -> ends of the names that it is read by."""
THINGS = ("house", "tree")
"""Those that have an inside."""

SMALLEST = 0.004
"""A material that covers less of the picture is not compared."""
OUTLINE = 0.008
"""Of the picture's width: so far from its outline begins the inside of a thing."""
BANDS = (0.7, 1.4, 2.8)
"""Fineness of what is compared: what a Gaussian of this many pixels takes away and one of half as many leaves."""
FAINT = 0.004
"""Luma that is added before amounts are compared, so that nothing and next to nothing are alike."""
KIN = 6
"""Drawn scenes that a prompt's pictures are compared with."""


def inside_of_things(reading: Reading, size: tuple[int, int]) -> NDArray[np.bool_]:
    """(height, width) for a picture of this `size` (width, height): houses and trees without their outlines."""
    masks = _masks(reading, size)
    joined = np.logical_or.reduce([ndimage.binary_closing(masks[name], np.ones((5, 5))) for name in THINGS])
    return ndimage.binary_erosion(joined, iterations=max(1, round(OUTLINE * size[0])))


def steepness_inside(picture: Image.Image) -> float | None:
    """Mean step of luma from one pixel to the next inside of the things in a picture; None where there are none."""
    inside = inside_of_things(read(picture), picture.size)
    if inside.mean() < SMALLEST:
        return None
    down, across = np.gradient(luma(picture))
    return float(np.hypot(down, across)[inside].mean())


def likeness(picture: Image.Image, prompt: str) -> float:
    """How much a picture's detail is that of scenes drawn for its prompt at its size; 1 is alike, 0 nothing alike.

    Detail is the amount (standard deviation) of three finenesses in every material that both have. Each counts by the
    ratio of the amounts, half as much or twice as much as 0.5.
    """
    known, found = _drawn(prompt, picture.size), amounts(picture)
    ratios = [np.exp(-np.abs(np.log((found[name] + FAINT) / (known[name] + FAINT)))) for name in known if name in found]
    return float(np.mean(ratios)) if ratios else 0.0


def amounts(picture: Image.Image) -> dict[str, NDArray[np.float64]]:
    """Material -> standard deviation of luma in each of `BANDS`, away from the material's outline."""
    bands = _bands(luma(picture))
    masks = _masks(read(picture), picture.size)
    edge = max(1, round(OUTLINE * picture.width))
    found = {}
    for name, mask in masks.items():
        inside = ndimage.binary_erosion(ndimage.binary_closing(mask, np.ones((5, 5))), iterations=edge)
        if inside.mean() >= SMALLEST:
            found[name] = np.array([band[inside].std() for band in bands])
    return found


@lru_cache(maxsize=64)
def _drawn(prompt: str, size: tuple[int, int]) -> dict[str, NDArray[np.float64]]:
    """The mean amounts of scenes that a prompt says the truth about."""
    rng = Random(prompt)
    statements = checks.PROMPTS[prompt]
    seen: dict[str, list[NDArray[np.float64]]] = {}
    count = 0
    while count < KIN:
        scene = random_scene(rng)
        true = checks.truth(scene)
        if all(true.get(statement.subject) == statement.value for statement in statements):
            count += 1
            for name, amount in amounts(draw(scene, *size)).items():
                seen.setdefault(name, []).append(amount)
    return {name: np.mean(found, axis=0) for name, found in seen.items()}


def _bands(values: Luma) -> list[Luma]:
    return [ndimage.gaussian_filter(values, sigma / 2) - ndimage.gaussian_filter(values, sigma) for sigma in BANDS]


def _masks(reading: Reading, size: tuple[int, int]) -> dict[str, NDArray[np.bool_]]:
    """Where each of `MATERIALS` is in a picture of this size."""
    found = {}
    for name, ends in MATERIALS.items():
        small = np.logical_or.reduce([reading.mask(one) for one in reading.materials_seen() if one.endswith(ends)])
        if not isinstance(small, np.ndarray):  # a sky of no known colour: nothing is told
            small = np.zeros(reading.materials.shape, bool)
        large = Image.fromarray(small).resize(size, Image.Resampling.NEAREST)
        found[name] = np.asarray(large, bool)
    return found

"""What can be seen in a finished picture of the scenes' world, by the colours and shapes in it.

A picture is read at one small size, so that sharp and soft pictures of all sizes are judged alike. The sky tells the
time, the time the light; in that light every pixel is given to the material of the nearest colour.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from .scene_layout import MOON_TIMES
from .scene_palette import (
    CROWNS,
    GROUNDS,
    HILLS,
    HULL,
    MOONS,
    MOUNTAINS,
    PINE,
    ROOFS,
    SUNS,
    TIMES,
    TRUNK,
    WALLS,
    WATER,
    Colour,
    lit,
    mix,
    shade,
)

SIDE = 128
"""A picture is read at the size of its own shape that holds as many pixels as a square of this side."""
SKY_ROWS = 0.1
GROUND_ROWS = 0.06
"""Shares of the height, from the upper and from the lower edge, that hold nothing but sky and ground."""
UPPER_ROWS = 0.36
"""The sun and the moon are looked for above this share of the height."""
HORIZON_ROWS = (0.48, 0.66)
RANGE_ROWS = (0.28, 0.64)
SMALLEST_DISC = 0.0018
"""Share of the reading square: half as wide as the smallest one of the scenes, far above a star."""
FRONT_ROWS = 0.4
"""Trees and houses are below this share of the height."""
LIKE_SKY = 20.0
"""Mountains whose colour is not further than this from the sky at the horizon are not told from it."""
FURTHEST = 75.0
"""A colour further away than this (Euclidean, 0..255) from all that it could be is nothing known."""

UNSEEN = {("white house", "snow"), ("yellow house", "desert")}
"""Houses that do not stand on ground of their own colour."""

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Shape:
    """A connected area of one colour."""

    name: str
    area: int
    """Pixels at the reading size."""
    width: int
    height: int

    @property
    def is_round(self) -> bool:
        """About as wide as high, and filling its box about as a circle does."""
        return 0.62 < self.width / self.height < 1.6 and self.area > 0.6 * self.width * self.height


@dataclass(frozen=True)
class Reading:
    """A picture at the reading size with the material of every pixel."""

    time: str
    """A key of `TIMES`, or `""` for a sky of no known colour."""
    pixels: Array
    """(height, width, 3), 0..255."""
    materials: NDArray[np.int64]
    """(height, width): places in the list of materials of that time; all 0 where the time is not known."""

    @cached_property
    def ground(self) -> str:
        """A key of `GROUNDS`, `sea`, or `""`."""
        if not self.time:
            return ""
        lowest = self._rows(self.pixels, 1 - GROUND_ROWS, 1.0).reshape(-1, 3)
        known = {name: lit(shade(colour, 0.95), self.time) for name, colour in GROUNDS.items()}
        known["sea"] = mix(lit(shade(WATER, 0.86), self.time), TIMES[self.time].top, 0.2)
        return _nearest(np.median(lowest, axis=0), known)

    def share(self, name: str, top: float, bottom: float) -> float:
        """How much of the rows between two shares of the height is of one material."""
        return float(np.mean(self._rows(self.mask(name), top, bottom)))

    def mask(self, name: str) -> NDArray[np.bool_]:
        """The pixels of one material."""
        if not self.time:
            return np.zeros(self.materials.shape, bool)
        return self.materials == _names(self.time).index(name)

    def materials_seen(self) -> list[str]:
        """The names of all materials of this time; none where it is not known."""
        return _names(self.time) if self.time else []

    def range(self) -> str:
        """`grey mountains`, `green hills` ..., or `""` where there is only a flat horizon."""
        names = [f"{c} mountains" for c in MOUNTAINS] + [f"{c} hills" for c in HILLS]
        shares = {n: self.share(n, *RANGE_ROWS) for n in names}
        best = max(shares, key=lambda name: shares[name])
        return best if shares[best] > 0.08 else ""

    def water(self) -> str:
        """`sea`, `lake` or `none`."""
        if self.ground == "sea":
            return "sea"
        rows = self._rows(self.mask("water"), 0.5, 0.85).mean(axis=1)
        return "lake" if np.sum(rows > 0.3) >= 0.05 * len(self.materials) else "none"

    def discs(self) -> list[Shape]:
        """Suns, or moons where the sky is dark, named by their colours."""
        if not self.time:
            return []
        upper = self._rows(self.pixels, 0.0, UPPER_ROWS)
        sky = np.median(upper, axis=1, keepdims=True)
        from_sky = np.linalg.norm(upper - sky, axis=2)
        colours = MOONS if self.time in MOON_TIMES else SUNS
        far = np.stack([np.linalg.norm(upper - np.asarray(c, np.float32), axis=2) for c in colours.values()])
        mask = (far.min(axis=0) < from_sky) & (far.min(axis=0) < FURTHEST)
        found = []
        for shape, inside in self._shapes(mask, "", SMALLEST_DISC):
            middle = np.median(upper[inside], axis=0)
            name = _nearest(middle, colours)
            if shape.is_round and shape.area < 0.05 * SIDE * SIDE and name:
                found.append(Shape(name, shape.area, shape.width, shape.height))
        return found

    def blocks(self, kind: str, smallest: float) -> list[Shape]:
        """Connected areas of one colour of one kind of thing (`house`, `tree`), at least `smallest` of SIDE squared."""
        found: list[Shape] = []
        for name in self._seen(kind):
            mask = self.mask(name)
            if mask.sum() >= smallest * SIDE * SIDE:
                found += [shape for shape, _ in self._shapes(_whole(mask, 2), name.split()[0], smallest)]
        return found

    def count(self, kind: str, smallest: float) -> int:
        """How many things of one kind there are; parts of any colours that nearly touch are one thing."""
        masks = [self.mask(name) for name in self._seen(kind)]
        return len(self._shapes(_whole(np.logical_or.reduce(masks), 3), kind, smallest)) if masks else 0

    def _seen(self, kind: str) -> list[str]:
        """The materials of one kind that can be told from this picture's ground."""
        return [
            name for name in self.materials_seen() if name.endswith(" " + kind) and (name, self.ground) not in UNSEEN
        ]

    @staticmethod
    def _rows(values: NDArray, top: float, bottom: float) -> NDArray:
        height = len(values)
        return values[round(top * height) : max(round(top * height) + 1, round(bottom * height))]

    @staticmethod
    def _shapes(mask: NDArray[np.bool_], name: str, smallest: float) -> list[tuple[Shape, NDArray[np.bool_]]]:
        labels, _ = ndimage.label(mask, np.ones((3, 3)))
        areas = np.bincount(labels.ravel())
        found = []
        for number, place in enumerate(ndimage.find_objects(labels), 1):
            if areas[number] >= smallest * SIDE * SIDE:
                height, width = (edge.stop - edge.start for edge in place)
                found.append((Shape(name, int(areas[number]), width, height), labels == number))
        return found


def _whole(mask: NDArray[np.bool_], gap: int) -> NDArray[np.bool_]:
    """Without gaps of less than `gap` pixels and without areas thinner than three."""
    return ndimage.binary_opening(ndimage.binary_closing(mask, np.ones((gap, gap))), np.ones((3, 3)))


def read(picture: Image.Image) -> Reading:
    """Read a picture of any size."""
    scale = SIDE / math.sqrt(picture.width * picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    small = picture.convert("RGB")
    if size != small.size:
        small = small.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
    pixels = np.asarray(small, np.float32)
    uppermost = pixels[: max(1, round(SKY_ROWS * len(pixels)))].reshape(-1, 3)
    skies = {name: mix(time.top, time.horizon, 0.04) for name, time in TIMES.items()}
    time = _nearest(np.median(uppermost, axis=0), skies)
    if not time:
        return Reading("", pixels, np.zeros(pixels.shape[:2], np.int64))
    owners, colours, rows = _materials(time)
    flat = pixels.reshape(-1, 3)
    distance = (flat**2).sum(1)[:, None] - 2 * flat @ colours.T + (colours**2).sum(1)[None]
    y = (np.arange(len(pixels)) + 0.5)[:, None] / len(pixels)
    nowhere = (y < rows[None, :, 0]) | (y > rows[None, :, 1])
    distance = distance.reshape(*pixels.shape[:2], -1) + np.where(nowhere, np.float32(1e9), np.float32(0))[:, None]
    return Reading(time, pixels, owners[distance.argmin(axis=2)])


def _nearest(colour: Array, known: dict[str, Colour]) -> str:
    """The name of the nearest colour, `""` if none is near."""
    distances = {name: float(np.linalg.norm(colour - np.asarray(value))) for name, value in known.items()}
    best = min(distances, key=lambda name: distances[name])
    return best if distances[best] < FURTHEST else ""


def _names(time: str) -> list[str]:
    return [name for name, _ in _palette(time)]


@lru_cache(maxsize=8)
def _materials(time: str) -> tuple[NDArray[np.int64], Array, Array]:
    """For every colour the index of its material, the colour, and the rows (from, to) that it may be found in."""
    palette = _palette(time)
    owners = np.concatenate([np.full(len(colours), index) for index, (_, colours) in enumerate(palette)])
    rows = [_rows_of(palette[index][0]) for index in owners]
    colours = [colour for _, colours in palette for colour in colours]
    return owners, np.asarray(colours, np.float32), np.asarray(rows, np.float32)


def _rows_of(name: str) -> tuple[float, float]:
    """Where in the height a material can be."""
    if name == "cloud":
        return 0.0, UPPER_ROWS
    if name == "sky" or name.endswith(("mountains", "hills")):
        return 0.0, HORIZON_ROWS[1]
    if name in GROUNDS or name == "water":
        return HORIZON_ROWS[0], 1.0
    return FRONT_ROWS, 1.0


@lru_cache(maxsize=8)
def _palette(time: str) -> tuple[tuple[str, tuple[Colour, ...]], ...]:
    """Every material with the colours that it has at that time, in light and shadow, near and far."""
    about = TIMES[time]

    def near(colour: Colour, *factors: float) -> tuple[Colour, ...]:
        return tuple(lit(shade(colour, f), time, min(0.06, about.veil)) for f in factors)

    def far(colour: Colour, dark: Colour, light: float) -> tuple[Colour, ...]:
        bright, dim = lit(shade(colour, light), time), lit(dark, time)
        hazy = (mix(c, about.horizon, air) for c in (bright, dim) for air in (0.04, 0.16, 0.42))
        return tuple(c for c in hazy if math.dist(c, about.horizon) > LIKE_SKY)

    found: dict[str, tuple[Colour, ...]] = {
        "sky": tuple(mix(about.top, about.horizon, step / 12) for step in range(13)),
        "cloud": (about.cloud, mix(about.cloud, about.top, 0.3)),
        "water": tuple(
            mix(mix(lit(shade(WATER, f), time), about.horizon, air), about.horizon, seen)
            for f, air in ((1.1, 0.16), (0.84, 0.0))
            for seen in (0.0, 0.28)
        ),
    }
    for name, colour in MOUNTAINS.items():
        dark = (176, 194, 222) if name == "white" else shade(colour, 0.72)
        found[f"{name} mountains"] = far(colour, dark, 1.1)
    for name, colour in HILLS.items():
        found[f"{name} hills"] = far(colour, shade(colour, 0.9), 1.08)
    for name, colour in GROUNDS.items():
        found[name] = (lit(shade(colour, 0.94), time), mix(lit(colour, time), about.horizon, 0.1))
    found["pine tree"] = near(PINE, 1.22, 0.78)
    for name, colour in CROWNS.items():
        found[f"{name} tree"] = near(colour, 0.78, 1.0, 1.18)
    for name, colour in WALLS.items():
        found[f"{name} house"] = near(colour, 1.0, 0.86)
    found["wood"] = near(TRUNK, 1.0, 0.8) + near(HULL, 1.0)
    found["roof"] = tuple(near(colour, 1.0)[0] for colour in ROOFS.values())
    return tuple(found.items())

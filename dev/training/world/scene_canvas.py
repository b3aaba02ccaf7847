"""The sheet a scene is drawn on: a picture several times as large as the wanted one, made small at the end."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from .scene_model import Scene
from .scene_palette import TIMES, Colour, lit, mix, shade

SUPERSAMPLING = 3
Point = tuple[float, float]


class Canvas:
    """Draws in pixels of the large picture; `x`, `y` and `unit` turn the scene's shares into them."""

    def __init__(self, scene: Scene, width: int, height: int) -> None:
        self.scene = scene
        self.time = TIMES[scene.time]
        self.width = width * SUPERSAMPLING
        self.height = height * SUPERSAMPLING
        self.unit = min(self.width, self.height)
        self.image = Image.new("RGB", (self.width, self.height))
        self.pen = ImageDraw.Draw(self.image)

    def x(self, share: float) -> float:
        return share * self.width

    def y(self, share: float) -> float:
        return share * self.height

    def lit(self, colour: Colour, factor: float = 1.0, veil: float | None = None) -> Colour:
        """A colour of the land in this scene's light, `factor` times as bright."""
        return lit(shade(colour, factor * self.scene.tone), self.scene.time, veil)

    def polygon(self, points: list[Point], colour: Colour) -> None:
        self.pen.polygon(points, fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        self.pen.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), fill=colour)

    def ellipse(self, x: float, y: float, across: float, down: float, colour: Colour) -> None:
        """`across` and `down` are half axes."""
        self.pen.ellipse((x - across, y - down, x + across, y + down), fill=colour)

    def gradient(self, top: float, bottom: float, above: Colour, below: Colour, power: float = 1.0) -> None:
        """Fill the rows from `top` to `bottom` over the whole width."""
        first, last = max(0, round(top)), min(self.height, round(bottom))
        if last <= first:
            return
        share = np.linspace(0.0, 1.0, last - first)[:, None] ** power
        rows = np.asarray(above) + (np.asarray(below) - np.asarray(above)) * share
        column = Image.fromarray(np.round(rows).astype(np.uint8)[:, None, :])
        self.image.paste(column.resize((self.width, last - first), Image.Resampling.NEAREST), (0, first))

    def haze(self, top: float, bottom: float, colour: Colour, most: float) -> None:
        """Let rows sink into a colour, not at all at `top` and by `most` (0..1) at `bottom`."""
        first, last = max(0, round(top)), min(self.height, round(bottom))
        if last <= first:
            return
        share = np.linspace(0.0, most * 255, last - first).astype(np.uint8)[:, None]
        mask = Image.fromarray(share).resize((self.width, last - first), Image.Resampling.NEAREST)
        self.image.paste(colour, (0, first, self.width, last), mask)

    def glow(self, x: float, y: float, radius: float, colour: Colour, most: float) -> None:
        """A round light that fades out towards `radius`."""
        size = max(2, round(2 * radius))
        mask = _glow(round(most * 255)).resize((size, size), Image.Resampling.BILINEAR)
        left, top = round(x - radius), round(y - radius)
        self.image.paste(colour, (left, top, left + size, top + size), mask)

    def toward_sky(self, colour: Colour, share: float) -> Colour:
        """A colour seen through the air before the horizon."""
        return mix(colour, self.time.horizon, share)

    def finished(self) -> Image.Image:
        """The picture in its own size."""
        return self.image.reduce(SUPERSAMPLING)


@lru_cache(maxsize=8)
def _glow(most: int) -> Image.Image:
    axis = np.linspace(-1.0, 1.0, 48)
    distance = np.hypot(axis[:, None], axis[None, :])
    return Image.fromarray((np.clip(1 - distance, 0, 1) ** 2 * most).astype(np.uint8))

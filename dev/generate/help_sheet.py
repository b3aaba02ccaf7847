"""Paper to draw the help pages' pictures on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

PAPER, INK, GREY = (246, 246, 244), (40, 40, 44), (150, 150, 150)
BLUE, ORANGE, GREEN = (52, 110, 190), (214, 120, 40), (60, 150, 90)
WIDTH = 560
"""Pixels; the editor shows it half as wide, so that everything is drawn large."""

Point = tuple[float, float]
Rectangle = tuple[float, float, float, float]
"""Left, top, right, bottom."""


class Sheet:
    """Paper with a few drawing tools."""

    def __init__(self, height: int) -> None:
        self.image = Image.new("RGB", (WIDTH, height), PAPER)
        self._draw = ImageDraw.Draw(self.image)

    def text(self, at: Point, words: str, colour: tuple[int, int, int] = INK, size: int = 22, to: str = "mm") -> None:
        """Write; `to` says which point of the words is `at`, in Pillow's letters (mm: the middle)."""
        self._draw.text(at, words, colour, ImageFont.load_default(size), to)

    def box(self, place: Rectangle, words: str = "", colour: tuple[int, int, int] = INK, fill: bool = False) -> None:
        """A frame with words in it, filled with the colour or not."""
        self._draw.rounded_rectangle(place, 8, fill=colour if fill else None, outline=colour, width=3)
        middle = ((place[0] + place[2]) / 2, (place[1] + place[3]) / 2)
        self.text(middle, words, PAPER if fill else colour, 20)

    def area(self, place: Rectangle, colour: tuple[int, int, int]) -> None:
        """A filled rectangle."""
        self._draw.rectangle(place, colour)

    def line(self, points: Iterable[Point], colour: tuple[int, int, int] = INK, width: int = 3) -> None:
        """A line through points."""
        self._draw.line(list(points), colour, width, joint="curve")

    def arrow(self, start: Point, end: Point, colour: tuple[int, int, int] = INK) -> None:
        """A line with a head at its end."""
        self.line([start, end], colour)
        ahead = np.subtract(end, start) / np.hypot(*np.subtract(end, start))
        aside = np.array([-ahead[1], ahead[0]])
        corners = [end, *(tuple(end - 14 * ahead + side * 8 * aside) for side in (-1, 1))]
        self._draw.polygon([tuple(corner) for corner in corners], colour)

    def polygon(self, points: Sequence[Point], colour: tuple[int, int, int]) -> None:
        """A closed line."""
        self.line([*points, points[0]], colour)

    def ellipse(self, place: Rectangle, colour: tuple[int, int, int]) -> None:
        """The ellipse that fills a rectangle."""
        self._draw.ellipse(place, outline=colour, width=3)

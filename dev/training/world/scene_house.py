"""The house, with planks, tiles and panes; and what all things in front share: their light and their shadow."""

from __future__ import annotations

from .scene_canvas import Canvas
from .scene_model import House
from .scene_palette import GROUNDS, ROOFS, TRUNK, WALLS, Colour

NEAR_VEIL = 0.06
"""Things in front lose less in fog than the mountains."""
SNOW: Colour = (238, 242, 250)

PLANKS = 5
"""Up to the eaves."""
ROWS, TILES = 4, 5
"""Rows of tiles on the roof, and tiles in a row."""
JOINT = 0.024
"""Thickness of the lines between them, a share of the house's width."""

LEFT, RIGHT = (0.22, 0.42), (0.86, 1.05)
"""Where the roof begins and ends along the front: at the ridge, at the eaves."""


def near(canvas: Canvas, colour: Colour, factor: float = 1.0) -> Colour:
    """A colour of something in front in this scene's light."""
    return canvas.lit(colour, factor, veil=min(NEAR_VEIL, canvas.time.veil))


def shadow(canvas: Canvas, x: float, y: float, half: float) -> None:
    """What lies on the ground around the foot of a thing."""
    ground = GROUNDS[canvas.scene.ground]
    canvas.ellipse(x + (half if canvas.from_left else -half) * 0.25, y, half, half * 0.17, canvas.lit(ground, 0.72))


class Front:
    """Places of a house: `across` along its front, 0 at the gable's outer edge, and `up` from the ground."""

    def __init__(self, canvas: Canvas, house: House) -> None:
        self.canvas = canvas
        self.wide = house.width * canvas.unit
        self.base = canvas.y(house.base)
        self.left = canvas.x(house.x) - self.wide / 2
        self.mirrored = house.mirrored

    def at(self, across: float, up: float) -> tuple[float, float]:
        """Both in widths of the house."""
        return self.left + self.wide * (1 - across if self.mirrored else across), self.base - self.wide * up

    def area(self, places: list[tuple[float, float]], colour: Colour) -> None:
        """A polygon."""
        self.canvas.polygon([self.at(*place) for place in places], colour)

    def box(self, first: float, last: float, high: float, low: float, colour: Colour) -> None:
        """From `first` to `last` along the front, from `low` to `high` above the ground."""
        (x0, top), (x1, bottom) = self.at(first, high), self.at(last, low)
        self.canvas.box(min(x0, x1), top, max(x0, x1), bottom, colour)


def draw_house(canvas: Canvas, house: House) -> None:
    """A gable and a long side under a sloping roof; lamps are lit in the dark."""
    front = Front(canvas, house)
    wide = front.wide
    shadow(canvas, canvas.x(house.x), front.base, wide * 0.56)
    wall, roof = WALLS[house.wall], ROOFS[house.roof]
    chimney = near(canvas, roof, 0.8)
    front.box(0.8, 0.92, 0.98, 0.6, chimney)
    front.box(0.78, 0.94, 1.0, 0.95, near(canvas, roof, 1.3))
    front.box(0.42, 1.0, 0.52, 0.0, near(canvas, wall, 0.9))
    front.area([(0.0, 0.0), (0.0, 0.5), (0.22, 0.88), (0.44, 0.5), (0.44, 0.0)], near(canvas, wall, 1.04))
    _planks(front, near(canvas, wall, 0.84), near(canvas, wall, 0.74))
    _roof(front, near(canvas, roof, 1.2), near(canvas, roof, 0.62))
    rim = near(canvas, roof, 0.8)
    front.area([(-0.05, 0.45), (-0.05, 0.5), (0.22, 0.97), (0.49, 0.5), (0.49, 0.45), (0.22, 0.87)], rim)
    _door_and_windows(front)
    if canvas.scene.ground == "snow":
        front.area(
            [(0.2, 0.88), (0.24, 0.95), (0.86, 0.95), (0.89, 0.83), (0.8, 0.86), (0.3, 0.85)], near(canvas, SNOW)
        )


def _planks(front: Front, gable: Colour, side: Colour) -> None:
    """Lines between the boards, all the way up the gable."""
    step = 0.5 / PLANKS
    for number in range(1, 9):
        up = number * step
        inset = max(0.0, up - 0.5) * 0.22 / 0.38
        if inset < 0.17:
            front.box(inset, 0.44 - inset, up, up - JOINT, gable)
        if number < PLANKS:
            front.box(0.44, 1.0, up, up - JOINT, side)


def _roof(front: Front, tile: Colour, joint: Colour) -> None:
    """Rows of tiles, each by half a tile beside the one above."""

    def place(along: float, down: float) -> tuple[float, float]:
        """`along` the row from gable to end, `down` from the ridge to the eaves; both 0..1."""
        first = LEFT[0] + (LEFT[1] - LEFT[0]) * down
        last = RIGHT[0] + (RIGHT[1] - RIGHT[0]) * down
        return first + (last - first) * along, 0.88 - 0.38 * down

    front.area([place(0, 0), place(1, 0), place(1, 1), place(0, 1)], tile)
    for row in range(ROWS):
        top, bottom = row / ROWS, (row + 1) / ROWS
        front.area([place(0, bottom - 0.05), place(1, bottom - 0.05), place(1, bottom), place(0, bottom)], joint)
        for number in range(TILES):
            along = (number + (0.25 if row % 2 else 0.75)) / TILES
            half = 0.5 * JOINT / 0.64
            corners = ((along - half, top), (along + half, top), (along + half, bottom), (along - half, bottom))
            front.area([place(*corner) for corner in corners], joint)


def _door_and_windows(front: Front) -> None:
    canvas = front.canvas
    dark_outside = canvas.scene.time in ("night", "dusk")
    pane = (255, 214, 110) if dark_outside else near(canvas, (150, 196, 222))
    frame, wood = near(canvas, (236, 226, 204)), near(canvas, TRUNK, 0.8)
    front.box(0.11, 0.33, 0.36, 0.0, frame)
    front.box(0.13, 0.31, 0.34, 0.0, wood)
    front.box(0.21, 0.23, 0.34, 0.0, near(canvas, TRUNK, 0.55))
    for first in (0.53, 0.77):
        front.box(first - 0.02, first + 0.17, 0.4, 0.18, frame)
        front.box(first, first + 0.15, 0.38, 0.2, pane)
        front.box(first + 0.065, first + 0.085, 0.38, 0.2, wood)
        front.box(first, first + 0.15, 0.3, 0.28, wood)

"""What stands in front: trees, the house, the boat."""

from __future__ import annotations

import math
from random import Random

from .scene_canvas import Canvas, Point
from .scene_house import SNOW, draw_house, near, shadow
from .scene_layout import TREE_ASPECT
from .scene_model import Boat, House, Tree
from .scene_palette import CROWNS, HULL, PINE, SAILS, TRUNK, WATER, mix, shade

TEETH = 3
"""Twigs along each half of a pine's tier."""
LEAVES = 26
"""Tufts of leaves in a crown."""


def draw_objects(canvas: Canvas, rng: Random) -> None:
    """From the back to the front, each on its shadow."""
    scene = canvas.scene
    standing: list[Tree | House | Boat] = [*scene.trees]
    standing += [thing for thing in (scene.house, scene.boat) if thing]
    for thing in sorted(standing, key=lambda thing: thing.base):
        if isinstance(thing, House):
            draw_house(canvas, thing)
        elif isinstance(thing, Boat):
            _boat(canvas, thing)
        elif scene.tree_kind == "pine":
            _pine(canvas, thing)
        else:
            _round_tree(canvas, thing, rng)


def _trunk(canvas: Canvas, x: float, base: float, tall: float) -> None:
    half = tall * 0.05
    canvas.box(x - half, base - tall * 0.3, x + half, base, near(canvas, TRUNK))
    dark = x + half * 0.2 if canvas.from_left else x - half
    canvas.box(dark, base - tall * 0.3, dark + half * 0.8, base, near(canvas, TRUNK, 0.72))


def _pine(canvas: Canvas, tree: Tree) -> None:
    """Three tiers, one half in the light."""
    x, base, tall = canvas.x(tree.x), canvas.y(tree.base), tree.height * canvas.unit
    half = tall * TREE_ASPECT["pine"] / 2
    shadow(canvas, x, base, half)
    _trunk(canvas, x, base, tall)
    light, dark = near(canvas, PINE, 1.22), near(canvas, PINE, 0.78)
    snow = near(canvas, SNOW)
    left, right = (light, dark) if canvas.from_left else (dark, light)
    for low, high, wide in ((0.13, 0.55, 1.0), (0.36, 0.78, 0.78), (0.6, 1.0, 0.56)):
        bottom, top, reach = base - low * tall, base - high * tall, wide * half
        for way, colour in ((-1, left), (1, right)):
            canvas.polygon([(x, top), *_twigs(x, bottom, way * reach, tall)], colour)
        if canvas.scene.ground == "snow":
            fall = bottom - top
            sides = ((x - reach * 0.42, top + fall * 0.5), (x + reach * 0.42, top + fall * 0.5))
            canvas.polygon([(x, top), sides[0], (x, top + fall * 0.34), sides[1]], snow)


def _twigs(x: float, bottom: float, reach: float, tall: float) -> list[Point]:
    """The lower edge of one half of a tier, from its tip to the trunk."""
    points = []
    for tooth in range(TEETH):
        out, inner = 1 - tooth / TEETH, 1 - (tooth + 0.62) / TEETH
        points.append((x + reach * out, bottom + tall * 0.025 * (1 - out)))
        points.append((x + reach * inner, bottom - tall * 0.045))
    return [*points, (x, bottom + tall * 0.03)]


def _round_tree(canvas: Canvas, tree: Tree, rng: Random) -> None:
    """A crown of overlapping balls, lighter where the light comes from."""
    x, base, tall = canvas.x(tree.x), canvas.y(tree.base), tree.height * canvas.unit
    half = tall * TREE_ASPECT["round"] / 2
    shadow(canvas, x, base, half)
    _trunk(canvas, x, base, tall)
    paint = CROWNS[canvas.scene.tree_colour]
    side = -1 if canvas.from_left else 1
    middle = base - tall * 0.63
    balls = [(-0.5, 0.18, 0.5), (0.5, 0.18, 0.5), (0.0, -0.2, 0.72), (0.0, 0.22, 0.6)]
    for tone, shift, size in ((0.78, 0.0, 1.0), (1.0, 0.1, 0.86), (1.18, 0.24, 0.5)):
        colour = near(canvas, paint, tone)
        for across, down, radius in balls:
            wobble = rng.uniform(0.94, 1.04) * radius * size * half
            canvas.ellipse(x + (across + side * shift) * half, middle + (down - shift) * half, wobble, wobble, colour)
    _leaves(canvas, x, middle, half, rng)


def _leaves(canvas: Canvas, x: float, middle: float, half: float, rng: Random) -> None:
    """Tufts that are darker below and lighter where the light comes from."""
    paint = CROWNS[canvas.scene.tree_colour]
    side = -1 if canvas.from_left else 1
    for number in range(LEAVES):
        # spread evenly: a spiral of the golden angle
        far, angle = 0.86 * ((number + 0.5) / LEAVES) ** 0.5, 2.39996 * number + rng.uniform(-0.25, 0.25)
        across, down = far * math.cos(angle), far * math.sin(angle) * 0.8 + 0.02
        lit = side * across - down > rng.uniform(-0.3, 0.5)
        colour = near(canvas, paint, 1.32 if lit else 0.72)
        size = half * rng.uniform(0.13, 0.17)
        canvas.ellipse(x + across * half, middle + down * half, size, size * 0.62, colour)


def _boat(canvas: Canvas, boat: Boat) -> None:
    """A hull, a mast with two sails, and their light on the water."""
    wide = boat.width * canvas.unit
    x, base = canvas.x(boat.x), canvas.y(boat.base)
    sail = SAILS[boat.sail]
    water = canvas.lit(WATER)
    for line in range(3):
        y = base + wide * (0.16 + 0.11 * line)
        canvas.ellipse(x, y, wide * (0.3 - 0.06 * line), wide * 0.025, mix(near(canvas, sail), water, 0.45))
    hull = [(x - wide * 0.5, base - wide * 0.1), (x + wide * 0.5, base - wide * 0.1)]
    canvas.polygon(
        [*hull, (x + wide * 0.34, base + wide * 0.08), (x - wide * 0.34, base + wide * 0.08)], near(canvas, HULL)
    )
    canvas.box(x - wide * 0.015, base - wide * 1.1, x + wide * 0.02, base - wide * 0.1, near(canvas, shade(HULL, 0.8)))
    foot, top = base - wide * 0.16, base - wide * 1.06
    canvas.polygon([(x - wide * 0.04, top), (x - wide * 0.04, foot), (x - wide * 0.42, foot)], near(canvas, sail, 0.9))
    canvas.polygon([(x + wide * 0.05, top), (x + wide * 0.05, foot), (x + wide * 0.5, foot)], near(canvas, sail))
    for share in (0.3, 0.52, 0.74):
        y, dark = top + (foot - top) * share, near(canvas, sail, 0.8)
        canvas.box(x - wide * (0.04 + 0.38 * share), y, x - wide * 0.04, y + wide * 0.018, dark)
        canvas.box(x + wide * 0.05, y, x + wide * (0.05 + 0.45 * share), y + wide * 0.018, dark)
    for line in (0.04, -0.02):
        y = base - wide * line
        reach = wide * (0.45 if line > 0 else 0.4)
        canvas.box(x - reach, y, x + reach, y + wide * 0.018, near(canvas, HULL, 0.66))

"""What stands in front: trees, the house, the boat."""

from __future__ import annotations

from random import Random

from .scene_canvas import Canvas
from .scene_layout import TREE_ASPECT
from .scene_model import Boat, House, Tree
from .scene_palette import CROWNS, GROUNDS, HULL, PINE, ROOFS, SAILS, TRUNK, WALLS, WATER, Colour, mix, shade

NEAR_VEIL = 0.06
"""Things in front lose less in fog than the mountains."""
SNOW: Colour = (238, 242, 250)


def draw_objects(canvas: Canvas, rng: Random) -> None:
    """From the back to the front, each on its shadow."""
    scene = canvas.scene
    standing: list[Tree | House | Boat] = [*scene.trees]
    standing += [thing for thing in (scene.house, scene.boat) if thing]
    for thing in sorted(standing, key=lambda thing: thing.base):
        if isinstance(thing, House):
            _house(canvas, thing)
        elif isinstance(thing, Boat):
            _boat(canvas, thing)
        elif scene.tree_kind == "pine":
            _pine(canvas, thing)
        else:
            _round_tree(canvas, thing, rng)


def _near(canvas: Canvas, colour: Colour, factor: float = 1.0) -> Colour:
    return canvas.lit(colour, factor, veil=min(NEAR_VEIL, canvas.time.veil))


def _from_left(canvas: Canvas) -> bool:
    return canvas.scene.disc is None or canvas.scene.disc.x < 0.5


def _shadow(canvas: Canvas, x: float, y: float, half: float) -> None:
    ground = GROUNDS[canvas.scene.ground]
    canvas.ellipse(x + (half if _from_left(canvas) else -half) * 0.25, y, half, half * 0.17, canvas.lit(ground, 0.72))


def _trunk(canvas: Canvas, x: float, base: float, tall: float) -> None:
    half = tall * 0.045
    canvas.box(x - half, base - tall * 0.3, x + half, base, _near(canvas, TRUNK))


def _pine(canvas: Canvas, tree: Tree) -> None:
    """Three tiers, one half in the light."""
    x, base, tall = canvas.x(tree.x), canvas.y(tree.base), tree.height * canvas.unit
    half = tall * TREE_ASPECT["pine"] / 2
    _shadow(canvas, x, base, half)
    _trunk(canvas, x, base, tall)
    light, dark = _near(canvas, PINE, 1.22), _near(canvas, PINE, 0.78)
    snow = _near(canvas, SNOW)
    left, right = (light, dark) if _from_left(canvas) else (dark, light)
    for low, high, wide in ((0.13, 0.55, 1.0), (0.36, 0.78, 0.78), (0.6, 1.0, 0.56)):
        bottom, top, reach = base - low * tall, base - high * tall, wide * half
        canvas.polygon([(x, top), (x - reach, bottom), (x, bottom + tall * 0.025)], left)
        canvas.polygon([(x, top), (x + reach, bottom), (x, bottom + tall * 0.025)], right)
        if canvas.scene.ground == "snow":
            fall = bottom - top
            for way in (-1, 1):
                tip, inner = (x + way * reach, bottom), (x + way * reach * 0.55, bottom - fall * 0.03)
                canvas.polygon([tip, (x + way * reach * 0.76, bottom - fall * 0.24), inner], snow)


def _round_tree(canvas: Canvas, tree: Tree, rng: Random) -> None:
    """A crown of overlapping balls, lighter where the light comes from."""
    x, base, tall = canvas.x(tree.x), canvas.y(tree.base), tree.height * canvas.unit
    half = tall * TREE_ASPECT["round"] / 2
    _shadow(canvas, x, base, half)
    _trunk(canvas, x, base, tall)
    paint = CROWNS[canvas.scene.tree_colour]
    side = -1 if _from_left(canvas) else 1
    middle = base - tall * 0.63
    balls = [(-0.5, 0.18, 0.5), (0.5, 0.18, 0.5), (0.0, -0.2, 0.72), (0.0, 0.22, 0.6)]
    for tone, shift, size in ((0.78, 0.0, 1.0), (1.0, 0.1, 0.86), (1.18, 0.24, 0.5)):
        colour = _near(canvas, paint, tone)
        for across, down, radius in balls:
            wobble = rng.uniform(0.94, 1.04) * radius * size * half
            canvas.ellipse(x + (across + side * shift) * half, middle + (down - shift) * half, wobble, wobble, colour)


def _house(canvas: Canvas, house: House) -> None:
    """A gable and a long side under a sloping roof; lamps are lit in the dark."""
    wide = house.width * canvas.unit
    base = canvas.y(house.base)
    left = canvas.x(house.x) - wide / 2
    _shadow(canvas, canvas.x(house.x), base, wide * 0.56)
    wall, roof = WALLS[house.wall], ROOFS[house.roof]
    dark_outside = canvas.scene.time in ("night", "dusk")
    pane = (255, 214, 110) if dark_outside else _near(canvas, (150, 196, 222))
    eave, top = base - wide * 0.5, base - wide * 0.88

    def at(share: float) -> float:
        """A place along the front, 0 at the gable's outer edge."""
        return left + wide * (1 - share if house.mirrored else share)

    def box(first: float, last: float, high: float, low: float, colour: Colour) -> None:
        edges = sorted((at(first), at(last)))
        canvas.box(edges[0], base - high * wide, edges[1], base - low * wide, colour)

    front, side = _near(canvas, wall), _near(canvas, wall, 0.86)
    box(0.82, 0.92, 0.98, 0.6, _near(canvas, roof, 0.8))
    box(0.42, 1.0, 0.52, 0.0, side)
    roof_colour, rim = _near(canvas, roof), _near(canvas, roof, 0.75)
    canvas.polygon([(at(0.22), top), (at(0.86), top), (at(1.05), eave), (at(0.42), eave)], roof_colour)
    canvas.polygon([(at(0.0), base), (at(0.0), eave), (at(0.22), top), (at(0.44), eave), (at(0.44), base)], front)
    thick = max(1, round(wide * 0.05))
    canvas.pen.line([(at(-0.04), eave + thick), (at(0.22), top), (at(0.46), eave + thick)], fill=rim, width=thick)
    box(0.13, 0.31, 0.33, 0.0, _near(canvas, TRUNK, 0.8))
    for first in (0.53, 0.77):
        box(first, first + 0.15, 0.38, 0.2, pane)
    if canvas.scene.ground == "snow":
        canvas.pen.line([(at(0.22), top), (at(0.86), top)], fill=_near(canvas, SNOW), width=max(1, round(wide * 0.07)))


def _boat(canvas: Canvas, boat: Boat) -> None:
    """A hull, a mast with two sails, and their light on the water."""
    wide = boat.width * canvas.unit
    x, base = canvas.x(boat.x), canvas.y(boat.base)
    sail = SAILS[boat.sail]
    water = canvas.lit(WATER)
    for line in range(3):
        y = base + wide * (0.16 + 0.11 * line)
        canvas.ellipse(x, y, wide * (0.3 - 0.06 * line), wide * 0.025, mix(_near(canvas, sail), water, 0.45))
    hull = [(x - wide * 0.5, base - wide * 0.1), (x + wide * 0.5, base - wide * 0.1)]
    canvas.polygon(
        [*hull, (x + wide * 0.34, base + wide * 0.08), (x - wide * 0.34, base + wide * 0.08)], _near(canvas, HULL)
    )
    canvas.box(x - wide * 0.015, base - wide * 1.1, x + wide * 0.02, base - wide * 0.1, _near(canvas, shade(HULL, 0.8)))
    foot, top = base - wide * 0.16, base - wide * 1.06
    canvas.polygon([(x - wide * 0.04, top), (x - wide * 0.04, foot), (x - wide * 0.42, foot)], _near(canvas, sail, 0.9))
    canvas.polygon([(x + wide * 0.05, top), (x + wide * 0.05, foot), (x + wide * 0.5, foot)], _near(canvas, sail))

"""Mountains and hills along the horizon."""

from __future__ import annotations

import math
from random import Random

from .scene_canvas import Canvas, Point
from .scene_palette import HILLS, MOUNTAINS, Colour, mix, shade

SNOW: Colour = (240, 244, 250)


def draw_range(canvas: Canvas, rng: Random) -> None:
    """The scene's range, a paler one behind it where there is one, and the haze at its foot."""
    scene = canvas.scene
    if scene.range is None:
        return
    foot = canvas.y(scene.horizon)
    height = canvas.y(scene.range.height)
    paint = (MOUNTAINS if scene.range.kind == "mountains" else HILLS)[scene.range.colour]
    draw = _mountains if scene.range.kind == "mountains" else _hills
    if scene.range.far:
        draw(canvas, foot, height * 0.92, paint, 0.42, rng)
    draw(canvas, foot, height * (0.8 if scene.range.far else 1.0), paint, 0.04, rng)
    canvas.haze(foot - height * 0.75, foot, canvas.time.horizon, canvas.time.haze)


def _mountains(canvas: Canvas, foot: float, height: float, paint: Colour, air: float, rng: Random) -> None:
    """Peaks with a lit and a dark side; the highest stands anywhere, the others fill the width."""
    light = canvas.toward_sky(canvas.lit(paint, 1.1), air)
    dark = canvas.toward_sky(canvas.lit(shade(paint, 0.72) if paint != MOUNTAINS["white"] else (176, 194, 222)), air)
    cap = canvas.toward_sky(canvas.lit(SNOW), air) if paint in (MOUNTAINS["grey"], MOUNTAINS["blue"]) else None
    from_left = canvas.scene.disc is None or canvas.scene.disc.x < 0.5
    highest = rng.randrange(4)
    for index in rng.sample(range(4), 4):
        x = canvas.width * ((index + 0.5 + rng.uniform(-0.25, 0.25)) / 4)
        tall = height if index == highest else height * rng.uniform(0.55, 0.85)
        spread = canvas.width * rng.uniform(0.2, 0.27)
        _peak(canvas, x, foot, tall, spread, (light, dark) if from_left else (dark, light), cap, rng)


def _peak(
    canvas: Canvas,
    x: float,
    foot: float,
    tall: float,
    spread: float,
    sides: tuple[Colour, Colour],
    cap: Colour | None,
    rng: Random,
) -> None:
    top = (x, foot - tall)
    left = _slope(top, (x - spread, foot), rng)
    right = _slope(top, (x + spread, foot), rng)
    ridge = _slope(top, (x + spread * rng.uniform(-0.15, 0.15), foot), rng)
    canvas.polygon([*left, *reversed(right)], sides[0])
    canvas.polygon([*ridge, *reversed(right)], sides[1])
    _facets(canvas, top, foot, spread, sides, rng)
    if cap:
        dim = mix(cap, sides[1], 0.25) if sides[1] < sides[0] else cap
        down = foot - tall * 0.74
        reach = spread * 0.25
        canvas.polygon([top, (x - reach, down), (x - reach * 0.3, down - tall * 0.06), (x, down + tall * 0.05)], cap)
        canvas.polygon([top, (x, down + tall * 0.05), (x + reach * 0.4, down - tall * 0.05), (x + reach, down)], dim)


def _facets(canvas: Canvas, top: Point, foot: float, spread: float, sides: tuple[Colour, Colour], rng: Random) -> None:
    """Rocks that catch the light of the other side."""
    tall = foot - top[1]
    for way, own, other in ((-1, sides[0], sides[1]), (1, sides[1], sides[0])):
        colour = mix(own, other, 0.4)
        for high in (rng.uniform(0.34, 0.5), rng.uniform(0.55, 0.75)):
            x = top[0] + way * spread * high * rng.uniform(0.3, 0.75)
            y, long = top[1] + tall * high, tall * rng.uniform(0.2, 0.32)
            reach = way * spread * rng.uniform(0.04, 0.09)
            canvas.polygon([(x, y), (x - reach * 0.3, y + long), (x + reach, y + long * 0.8)], colour)


def _slope(top: Point, bottom: Point, rng: Random) -> list[Point]:
    """From `top` to `bottom` with small steps sideways."""
    points = [top]
    for step in (0.25, 0.5, 0.75):
        sway = rng.uniform(-0.035, 0.035) * (bottom[1] - top[1])
        points.append((top[0] + (bottom[0] - top[0]) * step + sway, top[1] + (bottom[1] - top[1]) * step))
    return [*points, bottom]


def _hills(canvas: Canvas, foot: float, height: float, paint: Colour, air: float, rng: Random) -> None:
    """Two rounded lines, the nearer one lower and darker."""
    for share, tone in ((1.0, 1.08), (0.62, 0.9)):
        colour = canvas.toward_sky(canvas.lit(paint, tone), air)
        waves = rng.uniform(1.1, 1.9)
        phase = rng.uniform(0, 2 * math.pi)
        points = [(0.0, foot + 1)]
        for step in range(33):
            along = step / 32
            bump = 0.72 + 0.28 * math.sin(2 * math.pi * waves * along + phase)
            points.append((along * canvas.width, foot - height * share * bump))
        points.append((float(canvas.width), foot + 1))
        canvas.polygon(points, colour)

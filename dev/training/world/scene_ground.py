"""Water with its reflections, and the ground in front."""

from __future__ import annotations

import math
from random import Random

from PIL import Image

from .scene_canvas import Canvas
from .scene_palette import GROUNDS, MOONS, SUNS, WATER, mix, shade

REFLECTED = 0.3
"""How much of the water's colour is the mirrored picture."""


def draw_water(canvas: Canvas, rng: Random) -> None:
    """From the horizon down to a little below the shore, with what stands above it mirrored softly."""
    scene = canvas.scene
    if scene.water == "none":
        return
    top = round(canvas.y(scene.horizon))
    bottom = min(canvas.height, round(canvas.y(scene.shore) + 0.04 * canvas.height))
    below_disc = canvas.y(scene.disc.y) + scene.disc.radius * canvas.unit * 1.05 if scene.disc else 0
    seen = canvas.image.crop((0, round(max(top * 0.35, below_disc)), canvas.width, top))
    canvas.gradient(top, bottom, canvas.toward_sky(canvas.lit(WATER, 1.1), 0.16), canvas.lit(WATER, 0.84))
    mirrored = seen.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((canvas.width, bottom - top))
    water = canvas.image.crop((0, top, canvas.width, bottom))
    canvas.image.paste(Image.blend(water, mirrored, REFLECTED), (0, top))
    bright = canvas.toward_sky(canvas.lit(WATER, 1.35), 0.25)
    for _ in range(16 if scene.water == "sea" else 9):
        near = rng.random()
        y = top + (0.06 + 0.9 * near) * (bottom - top)
        half = canvas.unit * (0.02 + 0.035 * near)
        x = rng.random() * canvas.width
        thick = canvas.unit * (0.003 + 0.004 * near)
        canvas.ellipse(x, y, half, thick, bright)
    _glitter(canvas, top, bottom, rng)


def _glitter(canvas: Canvas, top: int, bottom: int, rng: Random) -> None:
    """The path of light below the sun or the moon."""
    disc = canvas.scene.disc
    if disc is None:
        return
    colour = mix((SUNS if disc.kind == "sun" else MOONS)[disc.colour], canvas.lit(WATER), 0.3)
    lines = 9 if canvas.scene.water == "sea" else 5
    for line in range(lines):
        y = top + (line + 0.4) / lines * (bottom - top)
        half = disc.radius * canvas.unit * rng.uniform(0.45, 0.95)
        x = canvas.x(disc.x) + rng.uniform(-0.25, 0.25) * disc.radius * canvas.unit
        canvas.ellipse(x, y, half, canvas.unit * 0.0065, colour)


def draw_ground(canvas: Canvas, rng: Random) -> None:
    """From the horizon or the shore to the lower edge, with the small things that lie on it."""
    scene = canvas.scene
    if scene.water == "sea":
        return
    paint = GROUNDS[scene.ground]
    top = canvas.y(scene.shore)
    depth = canvas.height - top
    far, near = canvas.toward_sky(canvas.lit(paint, 1.04), 0.1), canvas.lit(paint, 0.94)
    if scene.water == "lake":
        _shore(canvas, top, far, rng)
        top += 0.03 * canvas.height
    canvas.gradient(top, canvas.height, far, near)
    for _ in range(2):
        _swell(canvas, top + depth * rng.uniform(0.25, 0.6), depth * 0.12, canvas.lit(paint, 0.96), rng)
    if scene.ground == "meadow":
        _specks(canvas, top, 70, (shade(paint, 0.8), shade(paint, 1.18)), (0.005, 0.016), rng)
    elif scene.ground == "autumn":
        _specks(canvas, top, 60, (shade(paint, 0.78), (226, 146, 44), (206, 74, 34)), (0.009, 0.006), rng)
    elif scene.ground == "desert":
        _specks(canvas, top, 26, (shade(paint, 0.88), shade(paint, 1.08)), (0.05, 0.006), rng)
    else:
        _specks(canvas, top, 16, (shade(paint, 0.93), (250, 252, 255)), (0.06, 0.008), rng)


def _shore(canvas: Canvas, top: float, colour: tuple[int, int, int], rng: Random) -> None:
    """A bent line between water and ground."""
    phase = rng.uniform(0, 2 * math.pi)
    points = [(0.0, top + 0.04 * canvas.height)]
    for step in range(25):
        bend = 0.013 + 0.013 * math.sin(phase + step / 24 * 7)
        points.append((step / 24 * canvas.width, top + bend * canvas.height))
    canvas.polygon([*points, (float(canvas.width), top + 0.04 * canvas.height)], colour)


def _swell(canvas: Canvas, y: float, height: float, colour: tuple[int, int, int], rng: Random) -> None:
    """A flat rise of the ground, slightly darker, fading towards the viewer."""
    middle, half = rng.random() * canvas.width, canvas.width * rng.uniform(0.35, 0.6)
    canvas.ellipse(middle, y + height, half, height, colour)


def _specks(
    canvas: Canvas,
    top: float,
    count: int,
    paints: tuple[tuple[int, int, int], ...],
    size: tuple[float, float],
    rng: Random,
) -> None:
    """Tufts or leaves, larger towards the viewer."""
    colours = [canvas.lit(paint) for paint in paints]
    for _ in range(count):
        near = rng.random()
        y = top + (0.05 + 0.93 * near) * (canvas.height - top)
        scale = canvas.unit * (0.5 + 0.6 * near)
        canvas.ellipse(rng.random() * canvas.width, y, size[0] * scale, size[1] * scale, rng.choice(colours))

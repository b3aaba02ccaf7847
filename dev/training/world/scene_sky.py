"""Sky, stars, the sun or the moon, clouds."""

from __future__ import annotations

from random import Random

from .scene_canvas import Canvas
from .scene_palette import MOONS, SUNS, mix, shade

STARS = 46


def draw_sky(canvas: Canvas, rng: Random) -> None:
    """Everything behind the land."""
    time, scene = canvas.time, canvas.scene
    canvas.gradient(0, canvas.y(scene.horizon) + 1, time.top, time.horizon, power=1.3)
    if scene.time == "night":
        _stars(canvas, rng)
    if scene.disc:
        _disc(canvas)
    for cloud in scene.clouds:
        _cloud(canvas, cloud.x, cloud.y, cloud.width, rng)


def _stars(canvas: Canvas, rng: Random) -> None:
    for _ in range(STARS):
        x, y = canvas.x(rng.random()), canvas.y(rng.random() * canvas.scene.horizon * 0.8)
        radius = canvas.unit * (0.0085 if rng.random() < 0.3 else 0.005)
        bright = round(rng.uniform(185, 250))
        canvas.ellipse(x, y, radius, radius, (bright, bright, bright))


def _disc(canvas: Canvas) -> None:
    disc = canvas.scene.disc
    assert disc is not None
    x, y, radius = canvas.x(disc.x), canvas.y(disc.y), disc.radius * canvas.unit
    colour = (SUNS if disc.kind == "sun" else MOONS)[disc.colour]
    canvas.glow(x, y, radius * (2.6 if disc.kind == "sun" else 1.9), mix(colour, (255, 255, 255), 0.2), 0.5)
    canvas.ellipse(x, y, radius, radius, colour)
    if disc.kind == "moon":
        dim = shade(colour, 0.88)
        for across, down, size in ((-0.35, -0.2, 0.26), (0.3, 0.3, 0.3), (0.25, -0.45, 0.15), (-0.25, 0.5, 0.16)):
            canvas.ellipse(x + across * radius, y + down * radius, size * radius, size * radius, dim)


def _cloud(canvas: Canvas, x: float, y: float, width: float, rng: Random) -> None:
    """Round heaps on a flat base, darker below."""
    light = canvas.time.cloud
    under = mix(light, canvas.time.top, 0.3)
    across = width * canvas.unit
    left, base = canvas.x(x) - across / 2, canvas.y(y)
    heaps = [(0.2, rng.uniform(0.1, 0.14)), (0.46, rng.uniform(0.17, 0.22)), (0.72, rng.uniform(0.12, 0.17))]
    for lift, colour in ((0.0, under), (0.05, light)):
        down = base - lift * across
        canvas.pen.rounded_rectangle(
            (left, down - 0.17 * across, left + across, down), radius=0.085 * across, fill=colour
        )
        for place, size in heaps:
            canvas.ellipse(left + place * across, down - 0.13 * across, size * across, size * across * 0.9, colour)

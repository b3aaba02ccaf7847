"""Icon and banner for the registry: a scene in a few large squares, and the same drawn again, larger."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from ..mount import ROOT

Colour = str
Point = tuple[float, float]
"""From the top left of the scene, which is 1 wide and 1 high."""

SKY, SUN, SUN_AT, SUN_RADIUS = ("#37306b", "#c65d7b", "#f6a96c"), "#ffe9b8", (0.66, 0.34), 0.13
RIDGES: tuple[tuple[Colour, Sequence[Point]], ...] = (
    ("#7b4a83", ((0, 0.62), (0.22, 0.40), (0.36, 0.54), (0.55, 0.36), (0.78, 0.60), (1, 0.50))),
    ("#4d3169", ((0, 0.74), (0.18, 0.66), (0.40, 0.58), (0.62, 0.72), (0.82, 0.64), (1, 0.74))),
    ("#241a42", ((0, 0.84), (0.30, 0.80), (0.52, 0.86), (0.74, 0.78), (1, 0.88))),
)
BACKGROUND, WORDS, PALE = "#171228", "#ffffff", "#c9bfe6"
SQUARES = 6


def generated() -> dict[Path, str]:
    """Return both pictures as SVG, 400 pixels square and 21:9, by file."""
    icon = _picture(400, 400, _pair(36, 36, 328, 132), corner=72)
    words = [
        _line(520, 250, 62, WORDS, "Hires Fix &amp; Upscale", "700"),
        _line(522, 304, 25, PALE, "AUTOMATIC1111's hires fix and Extras tab"),
        _line(522, 342, 25, PALE, "for ComfyUI: forms to fill in, nodes to rewire"),
    ]
    banner = _picture(1260, 540, [*_pair(84, 84, 372, 150), *words], corner=0)
    return {ROOT / "docs" / "icon.svg": icon, ROOT / "docs" / "banner.svg": banner}


def _picture(width: int, height: int, parts: Sequence[str], corner: int) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    ground = f'<rect width="{width}" height="{height}" rx="{corner}" fill="{BACKGROUND}"/>'
    return "\n".join([head, ground, *parts, "</svg>"]) + "\n"


def _pair(x: int, y: int, side: int, small: int) -> list[str]:
    """The large picture in the upper right of a square, the small one over its lower left corner."""
    large = side - small // 2
    at, low = x + side - large, y + side - small
    frame = f'<rect x="{x - 8}" y="{low - 8}" width="{small + 16}" height="{small + 16}" rx="14" fill="{BACKGROUND}"/>'
    return [*_smooth(at, y, large), frame, *_squares(x, low, small)]


def _smooth(x: int, y: int, side: int) -> list[str]:
    stops = "".join(
        f'<stop offset="{index / (len(SKY) - 1):g}" stop-color="{colour}"/>' for index, colour in enumerate(SKY)
    )
    sun_x, sun_y = SUN_AT
    ridges = [
        f'<path d="M{" L".join(f"{px:g} {py:g}" for px, py in line)} L1 1 L0 1 Z" fill="{colour}"/>'
        for colour, line in RIDGES
    ]
    return [
        f'<defs><linearGradient id="sky" x2="0" y2="1">{stops}</linearGradient>'
        '<clipPath id="edge"><rect width="1" height="1" rx="0.06"/></clipPath></defs>',
        f'<g transform="translate({x} {y}) scale({side})" clip-path="url(#edge)">',
        '<rect width="1" height="1" fill="url(#sky)"/>',
        f'<circle cx="{sun_x}" cy="{sun_y}" r="{SUN_RADIUS}" fill="{SUN}"/>',
        *ridges,
        "</g>",
    ]


def _squares(x: int, y: int, side: int) -> list[str]:
    step = side / SQUARES
    return [
        f'<rect x="{x + column * step:g}" y="{y + row * step:g}" width="{step:g}" height="{step:g}" '
        f'fill="{_colour((column + 0.5) / SQUARES, (row + 0.5) / SQUARES)}" shape-rendering="crispEdges"/>'
        for row in range(SQUARES)
        for column in range(SQUARES)
    ]


def _colour(x: float, y: float) -> Colour:
    """Of the scene at a point."""
    for colour, line in reversed(RIDGES):
        if y >= _height(line, x):
            return colour
    if (x - SUN_AT[0]) ** 2 + (y - SUN_AT[1]) ** 2 <= SUN_RADIUS**2:
        return SUN
    place = y * (len(SKY) - 1)
    upper, lower, share = SKY[int(place)], SKY[min(int(place) + 1, len(SKY) - 1)], place % 1
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(_rgb(upper), _rgb(lower), strict=True))


def _rgb(colour: Colour) -> list[int]:
    return [int(colour[index : index + 2], 16) for index in (1, 3, 5)]


def _height(line: Sequence[Point], x: float) -> float:
    for (left, start), (right, end) in pairwise(line):
        if left <= x <= right:
            return start + (end - start) * (x - left) / (right - left)
    return 1.0


def _line(x: int, y: int, size: int, colour: Colour, words: str, weight: str = "400") -> str:
    font = f'font-family="Inter, Segoe UI, Helvetica, Arial, sans-serif" font-size="{size}" font-weight="{weight}"'
    return f'<text x="{x}" y="{y}" fill="{colour}" {font}>{words}</text>'

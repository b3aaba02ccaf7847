"""Pictures of workflows for the template browser: what goes in, what comes out, how large both are. Drawn, not made
by the workflow, and seen to be so.
"""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

from ...recipes.workflow import Sketch

SIZE = (512, 384)
GROUND, CARD, LINE, PALE, STRONG = "#20242b", "#2d333d", "#8b95a5", "#c3cad6", "#ffffff"
STAGES = ("#4a7fb5", "#c98a3c", "#5aa469")
"""Colours of the pictures, first to last."""

FLOOR = 290
"""Where the pictures stand, from the top."""

LARGEST = 184
"""Side of the largest picture, in pixels of the drawing."""


def draw(sketch: Sketch) -> Image.Image:
    """Return the picture, RGB; the same sketch always gives the same one."""
    picture = Image.new("RGB", SIZE, GROUND)
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle((16, 16, SIZE[0] - 16, SIZE[1] - 16), 14, fill=CARD)
    pen.text((SIZE[0] // 2, 48), sketch.title, fill=STRONG, font=ImageFont.load_default(30), anchor="mm")
    pen.text((SIZE[0] // 2, 344), sketch.remark, fill=PALE, font=ImageFont.load_default(20), anchor="mm")
    scale = LARGEST / max(size for size, _ in sketch.steps)
    sides = [round(size * scale) for size, _ in sketch.steps]
    gap = min(70, (SIZE[0] - 60 - sum(sides)) // (len(sides) - 1))
    left = (SIZE[0] - sum(sides) - gap * (len(sides) - 1)) // 2
    for number, ((_, label), side) in enumerate(zip(sketch.steps, sides, strict=True)):
        if number:
            _arrow(pen, left - gap + 8, left - 8, FLOOR - sides[number - 1] // 2)
        for behind in (2, 1, 0) if sketch.many else (0,):
            shift = behind * side // 12
            _landscape(pen, left + shift, FLOOR - side - shift, side, STAGES[number])
        pen.text((left + side // 2, FLOOR + 18), label, fill=PALE, font=ImageFont.load_default(18), anchor="mm")
        left += side + gap
    return picture


def _landscape(pen: ImageDraw.ImageDraw, x: int, y: int, side: int, colour: str) -> None:
    """The usual sign for a picture: a frame, a sun, two hills."""
    pen.rectangle((x, y, x + side, y + side), fill=GROUND, outline=colour, width=3)
    sun = side // 9
    pen.ellipse((x + side * 2 // 3, y + side // 5, x + side * 2 // 3 + 2 * sun, y + side // 5 + 2 * sun), fill=PALE)
    ground = y + side - 3
    for peak, width, height in ((0.36, 0.3, 0.5), (0.68, 0.24, 0.34)):
        top = (x + side * peak, ground - side * height)
        pen.polygon(((top[0] - side * width, ground), top, (top[0] + side * width, ground)), fill=colour)


def _arrow(pen: ImageDraw.ImageDraw, start: int, end: int, y: int) -> None:
    pen.line((start, y, end - 8, y), fill=LINE, width=4)
    pen.polygon(((end - 12, y - 8), (end, y), (end - 12, y + 8)), fill=LINE)

"""Pictures of workflows for the template browser: what goes in, what comes out, how large both are. Drawn, not made
by the workflow, and seen to be so. Each has a colour of its own.
"""

from __future__ import annotations

import colorsys

from PIL import Image, ImageDraw, ImageFont

from ...recipes.workflow import Sketch

SIZE = (512, 384)
PALE, STRONG = "#dfe5ee", "#ffffff"

FLOOR = 290
"""Where the pictures stand, from the top."""

LARGEST = 184
"""Side of the largest picture, in pixels of the drawing."""

FORM = (28, 84, 190, 316)
"""Where the form of an App is drawn."""


def draw(sketch: Sketch, hue: float, form: bool = False) -> Image.Image:
    """Return the picture, RGB; the same arguments always give the same one.

    `hue`: 0 to 1, around the circle of colours. `form`: of a workflow that opens as one, which is drawn at the left.
    """
    picture = _shade(SIZE, _colour(hue, 0.55, 0.34), _colour(hue + 0.06, 0.6, 0.14))
    pen = ImageDraw.Draw(picture)
    pen.text((SIZE[0] // 2, 42), sketch.title, fill=STRONG, font=ImageFont.load_default(32), anchor="mm")
    pen.text((SIZE[0] // 2, 350), sketch.remark, fill=PALE, font=ImageFont.load_default(21), anchor="mm")
    start = 0
    if form:
        _form(pen, hue)
        start = FORM[2]
    room = SIZE[0] - start - 20 * sketch.many
    scale = min(LARGEST / max(size for size, _ in sketch.steps), (room - 90) / sum(size for size, _ in sketch.steps))
    sides = [round(size * scale) for size, _ in sketch.steps]
    gap = min(70, (room - 60 - sum(sides)) // (len(sides) - 1))
    left = start + (room - sum(sides) - gap * (len(sides) - 1)) // 2
    for number, ((_, label), side) in enumerate(zip(sketch.steps, sides, strict=True)):
        if number and gap >= 24:
            _arrow(pen, left - gap + 8, left - 8, FLOOR - sides[number - 1] // 2)
        for behind in (2, 1, 0) if sketch.many else (0,):
            shift = behind * side // 12
            _landscape(picture, left + shift, FLOOR - side - shift, side, hue + 0.08 * behind)
        pen.text((left + side // 2, FLOOR + 20), label, fill=PALE, font=ImageFont.load_default(19), anchor="mm")
        left += side + gap
    return picture


def _colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def _shade(size: tuple[int, int], above: tuple[int, ...], below: tuple[int, ...]) -> Image.Image:
    mask = Image.linear_gradient("L").resize(size)
    return Image.composite(Image.new("RGB", size, below), Image.new("RGB", size, above), mask)


def _landscape(picture: Image.Image, x: int, y: int, side: int, hue: float) -> None:
    """The usual sign for a picture, in a frame: sky, a sun, two ridges, a meadow; large ones show more than small."""
    scene = _shade((side, side), _colour(hue + 0.5, 0.35, 0.95), _colour(hue + 0.55, 0.12, 1.0))
    pen = ImageDraw.Draw(scene)
    sun = side // 9
    pen.ellipse((side * 0.68, side * 0.16, side * 0.68 + 2 * sun, side * 0.16 + 2 * sun), fill=_colour(0.13, 0.5, 1.0))
    for peak, width, height, value in ((0.3, 0.36, 0.52, 0.62), (0.7, 0.34, 0.38, 0.5)):
        top, ground = (side * peak, side * (1 - height)), side * 0.86
        pen.polygon(
            ((top[0] - side * width, ground), top, (top[0] + side * width, ground)), fill=_colour(hue, 0.5, value)
        )
        if side > 80:
            snow = side * 0.12
            lean = snow * width / height
            pen.polygon(
                ((top[0] - lean, top[1] + snow), top, (top[0] + lean, top[1] + snow)), fill=_colour(hue, 0.06, 1.0)
            )
    pen.rectangle((0, side * 0.84, side, side), fill=_colour(0.3, 0.5, 0.55))
    if side > 120:
        for number in range(7):
            foot, high = (side * (0.06 + 0.14 * number), side * (0.93 + 0.03 * (number % 2))), side * 0.13
            pen.polygon(
                ((foot[0] - high / 4, foot[1]), (foot[0], foot[1] - high), (foot[0] + high / 4, foot[1])),
                fill=_colour(0.38, 0.7, 0.32),
            )
    picture.paste(scene, (x, y))
    ImageDraw.Draw(picture).rectangle((x - 2, y - 2, x + side + 1, y + side + 1), outline=STRONG, width=2)


def _form(pen: ImageDraw.ImageDraw, hue: float) -> None:
    """Fields one below the other, and the button that runs them."""
    left, top, right, bottom = FORM
    pen.rounded_rectangle(FORM, 10, fill=_colour(hue, 0.4, 0.16))
    for number, height in enumerate((44, 14, 14, 14, 14)):
        y = top + 14 + (0, 56, 80, 104, 128)[number]
        pen.rounded_rectangle((left + 12, y, right - 12, y + height), 4, fill=_colour(hue, 0.3, 0.36))
        if number:
            share = (0.5, 0.3, 0.7, 0.45)[number - 1]
            pen.rounded_rectangle((left + 12, y, left + 12 + share * 138, y + height), 4, fill=_colour(hue, 0.45, 0.75))
    pen.rounded_rectangle((left + 12, bottom - 46, right - 12, bottom - 12), 6, fill=_colour(0.08, 0.8, 0.95))
    pen.text(((left + right) // 2, bottom - 29), "Run", fill="#201408", font=ImageFont.load_default(20), anchor="mm")


def _arrow(pen: ImageDraw.ImageDraw, start: int, end: int, y: int) -> None:
    pen.line((start, y, end - 8, y), fill=PALE, width=4)
    pen.polygon(((end - 12, y - 8), (end, y), (end - 12, y + 8)), fill=PALE)

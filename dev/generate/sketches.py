"""Pictures of workflows for the template browser: what goes in, what comes out, how large both are. Drawn, not made
by the workflow, and seen to be so.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

SIZE = (512, 384)
GROUND, CARD, LINE, PALE, STRONG = "#20242b", "#2d333d", "#8b95a5", "#c3cad6", "#ffffff"
STAGES = ("#4a7fb5", "#c98a3c", "#5aa469")
"""Colours of the pictures, first to last."""

FLOOR = 290
"""Where the pictures stand, from the top."""

LARGEST = 184
"""Side of the largest picture, in pixels of the drawing."""


@dataclass(frozen=True)
class Step:
    """One picture on the way."""

    size: float
    """Relative to the others."""

    label: str
    """Its size, below it."""


@dataclass(frozen=True)
class Sketch:
    """What is drawn of a workflow."""

    title: str
    steps: tuple[Step, ...]
    remark: str
    """What is special about it, below all."""

    many: bool = False
    """Stacks of pictures."""


_TWICE = (Step(1, "512"), Step(2, "1024"))
_LARGE = (Step(2, "1024"), Step(3, "1536"))

SKETCHES = {
    "hires-fix-latent": Sketch("Hires fix, latent", _TWICE, "enlarged as a latent, drawn again"),
    "hires-fix-pixel": Sketch("Hires fix, pixel", _TWICE, "enlarged as a picture, drawn again"),
    "hires-fix-image": Sketch("Hires fix of your picture", (Step(1, "yours"), Step(2, "x 2")), "drawn again larger"),
    "hires-fix-a1111": Sketch("Hires fix as in A1111", _TWICE, "its prompts, noise, samplers and numbers"),
    "hires-fix-sdxl": Sketch("Hires fix for SDXL", _LARGE, "base picture of one megapixel"),
    "hires-fix-flow": Sketch("Hires fix for Flux", _LARGE, "flow model, 16 channels, guidance"),
    "hires-fix-other-model": Sketch("Two models", _TWICE, "second pass: own checkpoint, LoRA, prompt"),
    "hires-fix-controlnet": Sketch("Hires fix + ControlNet", _TWICE, "tile ControlNet in the second pass only"),
    "multi-stage-upscale": Sketch(
        "Hires fix in rounds", (Step(1, "512"), Step(2, "1024"), Step(4, "2048")), "each redraws less than the last"
    ),
    "multi-stage-image": Sketch(
        "Multi-stage upscale", (Step(1, "yours"), Step(2, "x 2"), Step(4, "x 4")), "a light redraw after each stage"
    ),
    "standalone-upscale": Sketch("Upscale", (Step(1, "yours"), Step(2, "x 2")), "no checkpoint needed"),
    "standalone-two-upscalers": Sketch("Two upscalers", (Step(1, "yours"), Step(2, "60 % + 40 %")), "results mixed"),
    "upscale-folder": Sketch(
        "Upscale a folder", (Step(1, "all of yours"), Step(2, "x 2")), "goes on where it was stopped", many=True
    ),
    "restore-faces": Sketch("Upscale + faces", (Step(1, "yours"), Step(2, "x 2")), "then GFPGAN on every face"),
}


def draw(sketch: Sketch) -> Image.Image:
    """Return the picture, RGB; the same sketch always gives the same one."""
    picture = Image.new("RGB", SIZE, GROUND)
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle((16, 16, SIZE[0] - 16, SIZE[1] - 16), 14, fill=CARD)
    pen.text((SIZE[0] // 2, 48), sketch.title, fill=STRONG, font=ImageFont.load_default(30), anchor="mm")
    pen.text((SIZE[0] // 2, 344), sketch.remark, fill=PALE, font=ImageFont.load_default(20), anchor="mm")
    scale = LARGEST / max(step.size for step in sketch.steps)
    sides = [round(step.size * scale) for step in sketch.steps]
    gap = min(70, (SIZE[0] - 60 - sum(sides)) // (len(sides) - 1))
    left = (SIZE[0] - sum(sides) - gap * (len(sides) - 1)) // 2
    for number, (step, side) in enumerate(zip(sketch.steps, sides, strict=True)):
        if number:
            _arrow(pen, left - gap + 8, left - 8, FLOOR - sides[number - 1] // 2)
        for behind in (2, 1, 0) if sketch.many else (0,):
            shift = behind * side // 12
            _landscape(pen, left + shift, FLOOR - side - shift, side, STAGES[number])
        pen.text((left + side // 2, FLOOR + 18), step.label, fill=PALE, font=ImageFont.load_default(18), anchor="mm")
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

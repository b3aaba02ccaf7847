"""The figures and the picture of docs/which-upscaler.md: upscalers beside each other on the pack's example pictures.

python dev/mount.py dev.quality.which_upscaler

Each picture is made a quarter as wide, clean or as from the web, and enlarged four times: PSNR and SSIM of the
lightness against it, and CPU seconds for a megapixel of the result. Published weights are fetched once.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from functools import partial

from PIL import Image, ImageDraw, ImageFont

from ...recipes.pictures import ASTRONAUT, CAT, COFFEE
from ..mount import ROOT
from ..training.published_weights import published
from . import upscaler_measures as measures
from .quality_upscalers import WEIGHTS, enlarge, lanczos, load

SCALE, BORDER = 4, 8
TARGET = ROOT / "docs" / "which-upscaler.jpg"
PANEL, TITLE = 192, 26
"""Sides of a panel and height of the line above a column, in pixels."""

PARTS = {CAT.file: (130, 60, 226, 156), COFFEE.file: (150, 110, 246, 206)}
"""What is shown of each picture: the first clean, the second as from the web."""

Way = Callable[[Image.Image], Image.Image]


def ways() -> dict[str, Way]:
    """By the name in the table."""
    shipped = {name: partial(enlarge, load(WEIGHTS / f"{name}.safetensors")) for name in SHIPPED}
    return {
        "Lanczos": partial(lanczos, SCALE),
        **shipped,
        **{name: partial(enlarge, published(name)) for name in PUBLISHED},
    }


SHIPPED = ("hires-fix-4x", "hires-fix-4x-soft")
PUBLISHED = ("DAT light 4x", "Real-ESRGAN x4plus")


def small(name: str, picture: Image.Image, clean: bool) -> Image.Image:
    return measures.reduced(picture, SCALE) if clean else measures.degraded(picture, SCALE, name)


def table(pictures: Mapping[str, Image.Image], found: Mapping[str, Way]) -> str:
    """Means over the pictures, as Markdown."""
    lines = ["| | PSNR, SSIM, clean | PSNR, SSIM, as from the web | CPU seconds a megapixel |", "|---|---|---|---|"]
    for way, make in found.items():
        cells, seconds, pixels = [], 0.0, 0
        for clean in (True, False):
            likeness = []
            for name, picture in pictures.items():
                start = time.process_time()
                made = make(small(name, picture, clean))
                seconds, pixels = seconds + time.process_time() - start, pixels + made.width * made.height
                likeness.append(measures.likeness(made, picture, BORDER))
            cells.append(
                "{:.2f} dB, {:.3f}".format(*(sum(values) / len(values) for values in zip(*likeness, strict=True)))
            )
        lines.append(f"| {way} | {cells[0]} | {cells[1]} | {seconds / pixels * 1e6:.2g} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def picture(pictures: Mapping[str, Image.Image], found: Mapping[str, Way]) -> Image.Image:
    """A part of two pictures by each of them, enlarged twice in squares."""
    shown = {"what goes in": partial(_squares, SCALE), **found}
    sheet = Image.new("RGB", (PANEL * len(shown), TITLE + PANEL * len(PARTS)), "white")
    pen = ImageDraw.Draw(sheet)
    for column, (way, make) in enumerate(shown.items()):
        middle = (column + 0.5) * PANEL, TITLE / 2
        pen.text(middle, way, "black", ImageFont.load_default(16), "mm")
        for row, (name, part) in enumerate(PARTS.items()):
            made = make(small(name, pictures[name], not row)).crop(part)
            sheet.paste(_squares(PANEL // made.width, made), (column * PANEL, TITLE + row * PANEL))
    return sheet


def _squares(factor: int, one: Image.Image) -> Image.Image:
    return one.resize((one.width * factor, one.height * factor), Image.Resampling.NEAREST)


def main() -> int:
    """Command line; returns the exit status."""
    argparse.ArgumentParser(prog="dev.quality.which_upscaler", description=__doc__).parse_args()
    files = (one.file for one in (CAT, COFFEE, ASTRONAUT))
    opened = {file: Image.open(ROOT / "workflows" / "input" / file).convert("RGB") for file in files}
    pictures = {file: measures.cut(one, SCALE) for file, one in opened.items()}
    found = ways()
    picture(pictures, found).save(TARGET, quality=88, optimize=True)
    print(table(pictures, found))
    return 0

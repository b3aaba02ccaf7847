"""The before/after sheet of the demo: rows of equally large pictures with a caption under each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Panel = tuple[str, Image.Image]
"""Caption and picture."""

GAP, CAPTION, TEXT_SIZE = 12, 34, 17
PAPER, INK = (246, 246, 244), (40, 40, 44)


def before(picture: Image.Image, after: Image.Image) -> Image.Image:
    """The picture enlarged to the size of `after` by plain bicubic interpolation: what one had without all this."""
    return picture.convert("RGB").resize(after.size, Image.Resampling.BICUBIC)


def detail(picture: Image.Image, width: int = 512) -> Image.Image:
    """The middle of the picture, `width` pixels wide in the picture's own proportion, not resized."""
    height = round(picture.height * width / picture.width)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


def write_sheet(path: Path, rows: Sequence[Sequence[Panel]], width: int = 512) -> None:
    """Write the rows to `path`, a PNG, complete or not at all; every picture is shown `width` pixels wide, pixel for
    pixel or in squares where it fits."""
    fitted = [[(caption, _fit(picture, width)) for caption, picture in row] for row in rows]
    heights = [max(picture.height for _, picture in row) + CAPTION for row in fitted]
    columns = max(len(row) for row in fitted)
    sheet = Image.new("RGB", (columns * (width + GAP) + GAP, sum(heights) + GAP * (len(rows) + 1)), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(TEXT_SIZE)
    y = GAP
    for row, height in zip(fitted, heights, strict=True):
        for column, (caption, picture) in enumerate(row):
            x = GAP + column * (width + GAP)
            sheet.paste(picture, (x, y))
            draw.text((x + 2, y + picture.height + 7), caption, fill=INK, font=font)
        y += height + GAP
    temporary = path.with_suffix(".tmp")
    sheet.save(temporary, "PNG")
    os.replace(temporary, path)


def _fit(picture: Image.Image, width: int) -> Image.Image:
    picture = picture.convert("RGB")
    if picture.width == width:
        return picture
    fits = width % picture.width == 0  # then a pixel stays a square
    way = Image.Resampling.NEAREST if fits else Image.Resampling.LANCZOS
    return picture.resize((width, round(picture.height * width / picture.width)), way)

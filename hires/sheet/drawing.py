"""One picture of many, in columns and rows with their labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from ..errors import InputError
from ..images.checks import check_image
from .axes import Axes

_PAPER, _INK = 255, 20
_GAP = 8
"""Pixels between pictures."""

_LETTERS, _SMALLEST, _LARGEST = 18, 12, 72
"""Height of a picture in heights of the letters, which are so large in pixels."""

_WIDEST = 0.5
"""Width of the labels of rows, in widths of a picture; longer ones get more lines."""

Size = tuple[int, int]


def sheet_size(axes: Axes, cell: Size) -> Size:
    """Width and height of a sheet of pictures of this size, in pixels."""
    left, top = _margins(axes, cell)
    columns, rows = len(axes.x.values), len(axes.y.values)
    return left + columns * (cell[0] + _GAP) - _GAP, top + rows * (cell[1] + _GAP) - _GAP


def cell_size(pictures: Sequence[torch.Tensor]) -> Size:
    """Width and height that every one of these pictures has room in."""
    return max(picture.shape[2] for picture in pictures), max(picture.shape[1] for picture in pictures)


def check_pictures(pictures: Sequence[torch.Tensor], axes: Axes) -> list[torch.Tensor]:
    """Return a batch for each pair of values; one batch of all pictures is taken apart.

    Raises:
        InputError: not as many pictures as pairs, or batches of several sizes.
    """
    for picture in pictures:
        check_image(picture, "images")
    wanted, across, down = len(axes.pairs), len(axes.x.values), len(axes.y.values)
    if len(pictures) == 1 and len(pictures[0]) == wanted:
        pictures = pictures[0].split(1)
    if len(pictures) != wanted:
        raise InputError(
            f"{len(pictures)} pictures came for {across} x {down} = {wanted} pairs of values. "
            "Link x or y of XY Values to what draws them, and let no node between make one batch of them.",
            "images",
        )
    counts = {len(picture) for picture in pictures}
    if len(counts) > 1:
        raise InputError(f"the batches have {min(counts)} to {max(counts)} pictures; all must have as many.", "images")
    return list(pictures)


def draw_sheet(pictures: Sequence[torch.Tensor], axes: Axes) -> torch.Tensor:
    """Return the sheets of batches of pictures, `(batch, height, width, 3)`: one for each place in the batches.

    The pictures, row by row, stay as they are; smaller ones stand in the middle of their place. Grey becomes RGB, and
    transparency is laid on white.
    """
    cell = cell_size(pictures)
    width, height = sheet_size(axes, cell)
    left, top = _margins(axes, cell)
    paper = torch.from_numpy(_paper(axes, cell, (width, height))).to(pictures[0].dtype) / 255
    sheet = paper[None, :, :, None].repeat(len(pictures[0]), 1, 1, 3)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, len(axes.x.values))
        x = left + column * (cell[0] + _GAP) + (cell[0] - picture.shape[2]) // 2
        y = top + row * (cell[1] + _GAP) + (cell[1] - picture.shape[1]) // 2
        sheet[:, y : y + picture.shape[1], x : x + picture.shape[2]] = _rgb(picture).to(sheet)
    return sheet


def _rgb(picture: torch.Tensor) -> torch.Tensor:
    channels = picture.shape[-1]
    colour = picture[..., :3] if channels > 2 else picture[..., :1].expand(*picture.shape[:3], 3)
    if channels in (1, 3):
        return colour
    alpha = picture[..., -1:]
    return colour * alpha + (1 - alpha)


def _margins(axes: Axes, cell: Size) -> Size:
    """Width of the labels of rows and height of those of columns."""
    font = _font(cell)
    rows = [_lines(label, font, cell[0] * _WIDEST) for label in axes.y.labels]
    wide = max((font.getlength(line) for lines in rows for line in lines), default=0)
    tall = max(len(_lines(label, font, cell[0])) for label in axes.x.labels)
    line = _line_height(font)
    return (int(wide) + 2 * line if wide else 0), (tall + 1) * line


def _paper(axes: Axes, cell: Size, size: Size) -> np.ndarray:
    """The sheet with its labels and no pictures, in grey."""
    image = Image.new("L", size, _PAPER)
    draw, font = ImageDraw.Draw(image), _font(cell)
    left, top = _margins(axes, cell)
    for index, label in enumerate(axes.x.labels):
        middle = left + index * (cell[0] + _GAP) + cell[0] / 2
        _write(draw, (middle, top / 2), _lines(label, font, cell[0]), font)
    for index, label in enumerate(axes.y.labels):
        middle = top + index * (cell[1] + _GAP) + cell[1] / 2
        _write(draw, (left / 2, middle), _lines(label, font, cell[0] * _WIDEST), font)
    return np.array(image)


def _write(
    draw: ImageDraw.ImageDraw, middle: tuple[float, float], lines: list[str], font: ImageFont.FreeTypeFont
) -> None:
    height = _line_height(font)
    for index, line in enumerate(lines):
        y = middle[1] + (index - (len(lines) - 1) / 2) * height
        draw.text((middle[0], y), line, _INK, font, "mm")


def _lines(label: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """The label in lines of this width; what has no blank is cut where it must be."""
    lines = [""]
    for word in label.split():
        joined = f"{lines[-1]} {word}".strip()
        if font.getlength(joined) <= width:
            lines[-1] = joined
            continue
        lines += [] if lines == [""] else [""]
        for letter in word:
            if lines[-1] and font.getlength(lines[-1] + letter) > width:
                lines.append("")
            lines[-1] += letter
    return lines if lines != [""] else []


def _font(cell: Size) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(max(_SMALLEST, min(_LARGEST, cell[1] // _LETTERS)))
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise InputError("this Python's Pillow cannot write letters (it lacks FreeType). Install Pillow as its wheel.")
    return font


def _line_height(font: ImageFont.FreeTypeFont) -> int:
    return int(font.size * 1.25)

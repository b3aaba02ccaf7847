"""A picture of a plan: its tiles with their numbers, and what each part is asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont

from ..tiles.boxes import Box
from .plan import TilePlan

Colour = tuple[int, int, int]

_LONGEST = 1024
"""Pixels of the drawing's longer side."""

_DARKEST = 0.3
"""Brightness of what is skipped."""

_LINE, _WORDS, _EDGE = (255, 255, 255), (255, 200, 80), (0, 0, 0)


def draw_plan(image: torch.Tensor, plan: TilePlan, tiles: Sequence[Box]) -> torch.Tensor:
    """Draw a plan over its picture: `(1, h, w, 3)`, 0 to 1, no longer than 1024 pixels.

    Numbers stand in their tiles, with the largest share of the strength in each; the less is redrawn, the darker it
    is. Boxes with words of their own are framed.

    Args:
        image: `(B, H, W, C)`, 0 to 1: the planned picture; the first of a batch is drawn.
        tiles: what each owns, in pixels of the picture, in the order of their numbers.
    """
    width, height = plan.size
    factor = min(1.0, _LONGEST / max(width, height))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    colours = image[0, ..., :3] if image.shape[-1] > 2 else image[0, ..., :1].expand(-1, -1, 3)
    small = F.interpolate(colours.movedim(-1, 0)[None].float(), size[::-1], mode="area")[0].movedim(0, -1).cpu()
    strength = plan.strength(*size)
    shown = small.clamp(0, 1) * (_DARKEST + (1 - _DARKEST) * strength)[..., None]
    picture = Image.fromarray((shown * 255).round().to(torch.uint8).numpy())
    draw = ImageDraw.Draw(picture)
    across, down = size[0] / width, size[1] / height

    def placed(box: Box) -> tuple[float, float, float, float]:
        return box.x0 * across, box.y0 * down, box.x1 * across - 1, box.y1 * down - 1

    for number, tile in enumerate(tiles, start=1):
        x0, y0, x1, y1 = placed(tile)
        _frame(draw, (x0, y0, x1, y1), _LINE, 1)
        inside = strength[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1]
        share = float(inside.max()) if inside.numel() else 1.0
        asked = "" if share == 1 else " skip" if share == 0 else f" {round(share * 100)}%"
        _write(draw, (x0 + 3, y0 + 2), f"{number}{asked}", (x1 - x0, y1 - y0), _LINE)
    for rule in plan.rules:
        if rule.words is not None and isinstance(rule.place, Box):
            x0, y0, x1, y1 = placed(rule.place)
            _frame(draw, (x0, y0, x1, y1), _WORDS, 2)
            words = f"{'+ ' if rule.adds else ''}{rule.words}"
            _write(draw, (x0 + 4, (y0 + y1) / 2), words, (x1 - x0, y1 - y0), _WORDS)
    return torch.from_numpy(np.asarray(picture).copy()).float()[None] / 255


def _frame(draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], colour: Colour, width: int) -> None:
    x0, y0, x1, y1 = box
    if x1 > x0 and y1 > y0:
        draw.rectangle((x0, y0, x1, y1), outline=colour, width=width)


def _write(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, room: tuple[float, float], colour: Colour
) -> None:
    """Write as much of a line as there is room for, with a dark edge so that it can be read on anything."""
    height = int(max(8, min(20, room[1] / 3, room[0] / 3)))
    font = ImageFont.load_default(height)
    line = "".join(letter if letter.isprintable() else " " for letter in text[:120])
    while line and draw.textlength(line, font=font) > max(room[0] - 6, height):
        line = line[:-1]
    draw.text(at, line, fill=colour, font=font, stroke_width=2, stroke_fill=_EDGE)

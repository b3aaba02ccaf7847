"""A small picture of how far a large one is."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image

from ...hires.pace import Pace
from ...hires.sizes.image_sizes import Size
from ...hires.tiles.boxes import Box
from ..sampling.previews import INTERVAL, wants_picture

_SIDE = 512
"""Longest side, in pixels."""


class SoFar:
    """What is drawn of a picture; places that are not drawn yet are grey."""

    def __init__(self, size: Size) -> None:
        self._factor = min(1.0, _SIDE / max(size))
        width, height = (max(1, round(side * self._factor)) for side in size)
        self._picture = torch.full((height, width, 3), 0.5)
        self._pace = Pace(INTERVAL)
        self._is_wanted = wants_picture()

    def put(self, box: Box, pixels: torch.Tensor) -> None:
        """Note a part of the picture, `(h, w, C)`, 0 to 1."""
        height, width = self._picture.shape[:2]
        x0, y0 = int(box.x0 * self._factor), int(box.y0 * self._factor)
        x1, y1 = min(width, round(box.x1 * self._factor)), min(height, round(box.y1 * self._factor))
        if self._is_wanted and x1 > x0 and y1 > y0:
            small = F.interpolate(pixels[None, ..., :3].float().movedim(-1, 1), size=(y1 - y0, x1 - x0), mode="area")
            self._picture[y0:y1, x0:x1] = small[0].movedim(0, -1)

    def preview(self) -> Any:
        """Return it as the host's progress bars take it; None while the last one was only just shown."""
        if not self._is_wanted or not self._pace.due():
            return None
        levels = (self._picture.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
        return "JPEG", Image.fromarray(levels), _SIDE

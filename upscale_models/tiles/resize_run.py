"""Resizing a picture that is read piece by piece."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from ...hires.sizes.image_sizes import Size
from ...hires.tiles.boxes import Box, plan_rows
from ...hires.tiles.resize_parts import ResizeParts
from .sources import Block, Stack
from .worker import Work

PART = 512
"""Side of the parts, in pixels of the source or the result, whichever is larger."""


class ResizeRun:
    """Takes a stack through a filter: a `Stage`."""

    def __init__(
        self,
        source: Stack,
        parts: ResizeParts,
        target: Size,
        work: Work,
        share: float,
        device: torch.device,
        columns: tuple[int, int],
    ) -> None:
        """`share`: how much work a pixel of the result counts for. `device`: where results are wanted.

        Blocks beside `columns` (the first that is wanted, and the one after the last) are left out.
        """
        self._source = source
        self._parts = parts
        self._work = work
        self._share = share
        self._device = device
        self._columns = columns
        self.width, self.height = target

    def blocks(self, start: int = 0) -> Iterator[Block]:
        for box in self._boxes():
            if box.y1 <= start or box.x1 <= self._columns[0] or box.x0 >= self._columns[1]:
                self._work.skip(self._share * box.area)
                continue
            pixels = self._source.read(self._parts.needs(box))
            result = torch.stack([self._parts(one, box) for one in pixels]).to(self._device)
            self._work.add(self._share * box.area)
            yield Block(box, result)

    def first_row(self, start: int) -> int:
        return next(self._parts.needs(box).y0 for box in self._boxes() if box.y1 > start)

    def _boxes(self) -> Iterator[Box]:
        ratio = max(1.0, self._source.width / self.width, self._source.height / self.height)
        for row in plan_rows(self.width, self.height, max(1, int(PART / ratio)), 0):
            for tile in row:
                yield tile.owned

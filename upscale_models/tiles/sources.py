"""Pictures that are read piece by piece, and the pieces of results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import torch

from ...hires.tiles.boxes import Box


class PictureSource(Protocol):
    """A picture that is read piece by piece.

    Reads come in rows of boxes from top to bottom: none begins above the one before it, but boxes overlap.
    """

    width: int
    height: int
    channels: int

    def read(self, box: Box) -> torch.Tensor:
        """Return `(box.height, box.width, channels)` float32 in [0, 1] on the CPU."""
        ...


class Block(NamedTuple):
    """A finished part of a result."""

    box: Box
    """In pixels of the result."""

    pixels: torch.Tensor
    """`(box.height, box.width, C)` float32 in [0, 1]. Inside the package with the pictures of a batch as the first
    dimension, and in the precision of the model."""


class Stack(Protocol):
    """Pictures of one size that are worked on together; the package's own form of a `PictureSource`."""

    count: int
    width: int
    height: int
    channels: int

    def read(self, box: Box) -> torch.Tensor:
        """Return `(count, box.height, box.width, channels)`, floating point. May be a view: never to be changed."""
        ...


class Stage(Protocol):
    """A step of a job, which makes a stack of larger pictures."""

    width: int
    height: int

    def blocks(self, start: int = 0) -> Iterator[Block]:
        """Make the result from top to bottom in rows of blocks, beginning with the row that holds row `start`."""
        ...

    def first_row(self, start: int) -> int:
        """Return the uppermost row of the source that `blocks(start)` reads."""
        ...


class Pictures:
    """A stack in memory."""

    def __init__(self, pixels: torch.Tensor) -> None:
        """`pixels` is `(N, H, W, C)`."""
        self._pixels = pixels
        self.count, self.height, self.width, self.channels = pixels.shape

    def read(self, box: Box) -> torch.Tensor:
        return self._pixels[:, box.y0 : box.y1, box.x0 : box.x1]


class Single:
    """A `PictureSource` as a stack of one."""

    count = 1

    def __init__(self, source: PictureSource) -> None:
        self._source = source
        self.width, self.height, self.channels = source.width, source.height, source.channels

    def read(self, box: Box) -> torch.Tensor:
        return self._source.read(box)[None]


class Channels:
    """Some of the channels of a stack."""

    def __init__(self, source: Stack, first: int, end: int) -> None:
        self._source = source
        self._range = slice(first, end)
        self.count, self.width, self.height, self.channels = source.count, source.width, source.height, end - first

    def read(self, box: Box) -> torch.Tensor:
        return self._source.read(box)[..., self._range]


class Strip:
    """A stack that comes in rows of blocks and goes by: only the rows that a reader still needs are in memory.

    It has one or more readers, each of which reads from top to bottom.
    """

    def __init__(
        self, blocks: Callable[[int], Iterator[Block]], width: int, height: int, channels: int, count: int
    ) -> None:
        """`blocks` makes it, from the row of blocks that holds the row it gets."""
        self.count, self.width, self.height, self.channels = count, width, height, channels
        self.start = 0
        """The first row that will be read."""

        self._make = blocks
        self._blocks: Iterator[Block] | None = None
        self._bands: deque[Block] = deque()
        self._readers: list[StripReader] = []

    def reader(self) -> StripReader:
        """Add a reader; all must be there before the first read."""
        self._readers.append(StripReader(self))
        return self._readers[-1]

    def rows(self, y0: int, y1: int) -> list[Block]:
        """Return the bands, as wide as the picture, that hold these rows; forget those above all readers."""
        if self._blocks is None:
            self._blocks = self._make(self.start)
        while not self._bands or self._bands[-1].box.y1 < y1:
            self._bands.append(self._next_band())
        top = min(reader.top for reader in self._readers)
        while self._bands[0].box.y1 <= top:
            self._bands.popleft()
        return [band for band in self._bands if band.box.y0 < y1 and band.box.y1 > y0]

    def _next_band(self) -> Block:
        assert self._blocks is not None
        box, pixels = next(self._blocks)
        if box.width == self.width:
            return Block(box, pixels)
        band = pixels.new_empty(pixels.shape[0], box.height, self.width, self.channels)
        while True:
            band[:, :, box.x0 : box.x1] = pixels
            if box.x1 == self.width:
                return Block(Box(0, box.y0, self.width, box.y1), band)
            box, pixels = next(self._blocks)


class StripReader:
    """One reader of a `Strip`: a stack."""

    def __init__(self, strip: Strip) -> None:
        self._strip = strip
        self.count, self.width, self.height, self.channels = strip.count, strip.width, strip.height, strip.channels
        self.top = 0
        """Rows above this are no longer needed."""

    def read(self, box: Box) -> torch.Tensor:
        self.top = box.y0
        parts = []
        for band, pixels in self._strip.rows(box.y0, box.y1):
            inside = slice(max(box.y0, band.y0) - band.y0, min(box.y1, band.y1) - band.y0)
            parts.append(pixels[:, inside, box.x0 : box.x1])
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


BAND = 64
"""Rows of a picture that `shared` reads at once."""


def shared(source: Stack) -> Strip:
    """Let several readers go over a stack that can be read only once."""

    def bands(start: int) -> Iterator[Block]:
        for top in range(start, source.height, BAND):
            box = Box(0, top, source.width, min(source.height, top + BAND))
            yield Block(box, source.read(box))

    return Strip(bands, source.width, source.height, source.channels, source.count)

"""Picture files as sources for an upscaler, which reads them piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import torch

from ..hires.tiles.boxes import Box
from .base.errors import PictureError
from .base.levels import from_levels, to_levels
from .base.picture import FileFacts, Picture
from .formats.tiff.pages import Page
from .formats.tiff.source import TiffSource
from .formats.tiff.tags import SIGNATURES
from .read import read_picture


class Source(Protocol):
    """An open picture file."""

    width: int
    height: int
    channels: int
    """1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha."""
    facts: FileFacts

    def read(self, box: Box) -> torch.Tensor:
        """Return these pixels, `(box.height, box.width, channels)` float32 in [0, 1]."""
        ...


class MemorySource:
    """A picture in memory, held as whole numbers: a quarter or half of its size as float32."""

    def __init__(self, picture: Picture) -> None:
        self.height, self.width, self.channels = picture.pixels.shape
        self.facts = picture.facts
        self._levels = to_levels(picture.pixels, picture.facts.depth)

    def read(self, box: Box) -> torch.Tensor:
        """See `Source`."""
        return from_levels(self._levels[box.y0 : box.y1, box.x0 : box.x1])


@contextmanager
def open_source(path: Path, page: Page | None = None) -> Iterator[Source]:
    """Open a picture file, or this page of a TIFF: a TIFF that allows it is read piece by piece from the disk, all
    others as a whole. Raises PictureError if the file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            is_tiff = file.read(4) in SIGNATURES
    except OSError as error:
        raise PictureError(f"'{path.name}' cannot be read: {error.strerror or error}.", "image") from error
    tiff = TiffSource.open(path, page) if is_tiff else None
    if tiff is None:
        yield MemorySource(read_picture(path, page))
        return
    try:
        yield tiff
    finally:
        tiff.close()

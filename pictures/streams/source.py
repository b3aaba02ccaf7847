"""Picture files as sources for an upscaler, which reads them piece by piece."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import torch

from ...hires.tiles.boxes import Box
from ..picture import Picture, PictureError, from_levels, to_levels
from ..read import read_open, read_picture, reading
from ..tiff.pages import Page
from ..tiff.stream_read import TiffSource
from ..tiff.tiff import SIGNATURES


class Source(Protocol):
    """An open picture file."""

    width: int
    height: int

    channels: int
    """1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha."""

    depth: int
    """8 or 16 bits a channel."""

    icc: bytes | None
    exif: bytes | None
    text: dict[str, str]
    dpi: tuple[float, float] | None
    """See `Picture`."""

    def read(self, box: Box) -> torch.Tensor:
        """Return these pixels, `(box.height, box.width, channels)` float32 in [0, 1]."""
        ...


class MemorySource:
    """A picture in memory, held as whole numbers: a quarter or half of its size as float32."""

    def __init__(self, picture: Picture) -> None:
        self.height, self.width, self.channels = picture.pixels.shape
        self.depth = picture.depth
        self.icc, self.exif, self.text, self.dpi = picture.icc, picture.exif, picture.text, picture.dpi
        self._levels = to_levels(picture.pixels, picture.depth)

    def read(self, box: Box) -> torch.Tensor:
        """See `Source`."""
        return from_levels(self._levels[box.y0 : box.y1, box.x0 : box.x1])


@contextmanager
def open_source(path: Path, page: int | None = None) -> Iterator[Source]:
    """Open a picture file: a TIFF that allows it is read piece by piece from the disk, all others as a whole.

    Args:
        path: the file.
        page: of a TIFF, the place of the page that is meant, see `page_places`; None is the first.

    Raises:
        PictureError: the file cannot be read.
    """
    tiff = TiffSource.open(path, page) if _is_tiff(path) else None
    if tiff is None:
        yield MemorySource(read_picture(path) if page is None else read_page(path, page))
        return
    try:
        yield tiff
    finally:
        tiff.close()


def read_page(path: Path, page: int) -> Picture:
    """Read a page of a TIFF file as `read_picture` does the first."""
    with reading(path), io.BufferedReader(Page(path.open("rb"), page)) as file:
        return read_open(file)


def _is_tiff(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(4) in SIGNATURES
    except OSError as error:
        raise PictureError(f"'{path.name}' cannot be read: {error.strerror or error}.", "image") from error

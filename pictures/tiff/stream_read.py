"""TIFF files of which only the asked pixels are read."""

from __future__ import annotations

import logging
import math
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from ...hires.tiles.boxes import Box
from ..limits import check_memory
from ..metadata import split_exif
from ..picture import PictureError, from_levels
from . import tiff
from .pages import Page
from .pixels import part_size

log = logging.getLogger("hires-fix")

_NONE, _DEFLATE = (1,), (8, 32946)
_STRAIGHT_ALPHA = 2


class TiffSource:
    """A `Source` on a TIFF or BigTIFF file; memory holds the strips or tiles around the box that was read last."""

    @classmethod
    def open(cls, path: Path, page: int | None = None) -> TiffSource | None:
        """Open a file, or return None where it has to be read as a whole: anything but 8 or 16 bit grey or RGB, with
        or without straight alpha, upright, channels together, uncompressed or packed with Deflate.

        Args:
            path: the file.
            page: the place of a page, see `page_places`; None is the first.
        """
        file: Any = open(path, "rb", buffering=0)  # noqa: SIM115 - closed by `close`
        file = file if page is None else Page(file, page)
        try:
            return cls(path, file, tiff.read_info(file))
        except Exception as error:  # what is wrong with it, reading it as a whole will tell
            log.debug("'%s' is not read piece by piece: %s", path.name, error)
            file.close()
            return None

    def __init__(self, path: Path, file: BinaryIO, info: tiff.TiffInfo) -> None:
        """Take an open file; use `open`. Raises whatever comes up if it is not of the right kind."""
        found = info.tags
        self.width: int = found[tiff.WIDTH]
        self.height: int = found[tiff.HEIGHT]
        self.channels: int = found.get(tiff.CHANNELS, 1)
        self.depth = info.depth
        self.icc, self.dpi = info.icc, info.dpi
        self.exif, orientation, text = split_exif(info.exif)
        self.text = {**info.text, **text}
        tiled = tiff.TILE_OFFSETS in found
        self._across, self._down = part_size(info)
        self._columns = -(-self.width // self._across)
        self._tiled, self._packed = tiled, found.get(tiff.COMPRESSION, 1) in _DEFLATE
        self._summed = self._packed and found.get(tiff.PREDICTOR, 1) == 2
        self._offsets = _tuple(found[tiff.TILE_OFFSETS if tiled else tiff.STRIP_OFFSETS])
        self._sizes = _tuple(found[tiff.TILE_SIZES if tiled else tiff.STRIP_SIZES])
        self._path, self._file = path, file
        self._type = np.dtype(f"{'<' if _little_endian(file) else '>'}u{self.depth // 8}")
        self._kept: dict[int, np.ndarray] = {}
        _check(found, self.channels, self.depth, max(orientation, found.get(tiff.ORIENTATION, 1)))
        ends = [offset + size for offset, size in zip(self._offsets, self._sizes, strict=True)]
        count = self._columns * math.ceil(self.height / self._down)
        if len(ends) != count or max(ends) > path.stat().st_size or not all(self._sizes):
            raise PictureError("it is cut off")
        if self._packed or tiled:  # else no more than a row is read at once
            row_of_parts = self._columns * self._across * self._down * self.channels * self._type.itemsize
            check_memory(self.width, self.height, 2 * row_of_parts)
        self._segment(0)

    def read(self, box: Box) -> torch.Tensor:
        """See `Source`.

        Raises:
            PictureError: the file is damaged there.
        """
        plain = not self._packed and not self._tiled
        return from_levels(self._rows(box) if plain else self._segments(box))

    def close(self) -> None:
        """Close the file."""
        self._kept.clear()
        self._file.close()

    def _rows(self, box: Box) -> np.ndarray:
        levels = np.empty((box.height, box.width, self.channels), self._type)
        pixel = self.channels * self._type.itemsize
        for row, y in zip(levels, range(box.y0, box.y1), strict=True):
            strip, line = divmod(y, self._down)
            data = self._bytes(self._offsets[strip] + (line * self.width + box.x0) * pixel, row.nbytes)
            row[:] = np.frombuffer(data, self._type).reshape(row.shape)
        return levels

    def _segments(self, box: Box) -> np.ndarray:
        width, height = self._across, self._down
        first, last = box.y0 // height, (box.y1 - 1) // height
        # pictures are read from top to bottom: what lies above will not be asked for again
        self._kept = {index: part for index, part in self._kept.items() if index >= first * self._columns}
        levels = np.empty((box.height, box.width, self.channels), self._type)
        for down in range(first, last + 1):
            for right in range(box.x0 // width, (box.x1 - 1) // width + 1):
                index, x, y = down * self._columns + right, right * width, down * height
                if index not in self._kept:
                    self._kept[index] = self._segment(index)
                x0, x1 = max(box.x0, x), min(box.x1, x + width)
                y0, y1 = max(box.y0, y), min(box.y1, y + height)
                part = self._kept[index][y0 - y : y1 - y, x0 - x : x1 - x]
                levels[y0 - box.y0 : y1 - box.y0, x0 - box.x0 : x1 - box.x0] = part
        return levels

    def _segment(self, index: int) -> np.ndarray:
        """Read a strip or tile; tiles are whole also where they reach beyond the picture."""
        rows = self._down if self._tiled else min(self._down, self.height - index * self._down)
        shape = (rows, self._across, self.channels)
        length = math.prod(shape) * self._type.itemsize
        if not self._packed and self._sizes[index] != length:
            raise self._damaged(f"{self._sizes[index]} bytes where {length} are needed")
        data = self._bytes(self._offsets[index], self._sizes[index])
        if self._packed:
            try:
                data = zlib.decompressobj().decompress(data, length)
            except zlib.error as error:
                raise self._damaged(str(error)) from error
        if len(data) != length:
            raise self._damaged(f"{len(data)} bytes where {length} are needed")
        levels = np.frombuffer(data, self._type).reshape(shape)
        # each pixel is the difference to the one on its left; sums run over, as they did when it was written
        return levels.cumsum(axis=1, dtype=self._type.newbyteorder("=")) if self._summed else levels

    def _bytes(self, at: int, count: int) -> bytes:
        self._file.seek(at)
        data = b""
        while len(data) < count:
            more = self._file.read(count - len(data))
            if not more:
                raise self._damaged(f"it ends at byte {at + len(data)}")
            data += more
        return data

    def _damaged(self, what: str) -> PictureError:
        return PictureError(f"'{self._path.name}' cannot be read: it is damaged or was changed ({what}).", "image")


def _check(found: dict[int, Any], channels: int, depth: int, orientation: int) -> None:
    """Raise PictureError for what is not read piece by piece."""
    colours = {1: 1, 2: 3}.get(found.get(tiff.PHOTOMETRIC, -1), -1)
    simple = (
        found.get(tiff.COMPRESSION, 1) in _NONE + _DEFLATE
        and depth in (8, 16)
        and channels - colours in (0, 1)
        and (channels == colours or _tuple(found.get(tiff.EXTRA_CHANNELS, ())) == (_STRAIGHT_ALPHA,))
        and (channels == 1 or found.get(tiff.PLANES, 1) == 1)
        and set(_tuple(found.get(tiff.NUMBER_FORMAT, 1))) == {1}
        and found.get(tiff.PREDICTOR, 1) in (1, 2)
        and found.get(tiff.FILL_ORDER, 1) == 1
        and orientation == 1
    )
    if not simple:
        raise PictureError("it is of another kind")


def _little_endian(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(2) == b"II"


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)

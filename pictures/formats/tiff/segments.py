"""The strips and tiles of TIFF files, of which only those are read that are asked for."""

from __future__ import annotations

import io
import math
import os
import struct
import zlib
from typing import BinaryIO

import numpy as np
from PIL import TiffImagePlugin

from ....hires.tiles.boxes import Box
from ...base.directories import CLASSIC, LONG, lay_out, numbers
from ...base.errors import PictureError
from ...base.limits import BEST_PACKING, check_memory, check_part
from . import tags
from .tags import TiffInfo, as_tuple

DEFLATED = (tags.DEFLATE, tags.OLD_DEFLATE)
UNPACKED_HERE = (tags.PLAIN, *DEFLATED)
"""All others are left to libtiff."""


class Segments:
    """The pixels of an open TIFF file, as they are in it."""

    def __init__(self, file: BinaryIO, info: TiffInfo, keep: bool = False) -> None:
        """Look where the strips or tiles are; the file stays open for as long as there is something to read.

        With `keep`, those around the last box are held in memory, for boxes that come from top to bottom. Raises
        PictureError, "it …", if they make no sense, the file is cut off, or, with `keep`, they take more than the free
        memory. Damaged tags raise whatever they raise.
        """
        values = info.tags
        self._file, self._info = file, info
        (self.width, self.height), self.channels = info.size, info.channels
        self._tiled = tags.TILE_OFFSETS in values
        self._across, self._down = segment_size(info)
        self._columns, rows = math.ceil(self.width / self._across), math.ceil(self.height / self._down)
        self._planes = self.channels if values.get(tags.PLANES, 1) == 2 else 1
        self._a_plane = self._columns * rows
        self._type = info.number_type
        self._offsets = as_tuple(values[tags.TILE_OFFSETS if self._tiled else tags.STRIP_OFFSETS])
        self._sizes = as_tuple(values[tags.TILE_SIZES if self._tiled else tags.STRIP_SIZES])
        self._kept: dict[int, np.ndarray] | None = {} if keep else None
        self._check()
        # of strips that are not packed, the rows are found without reading the others
        self._by_rows = info.compression == tags.PLAIN and not self._tiled and self._planes == 1
        if keep and not self._by_rows:
            a_row = self._columns * self._across * self._down * self.channels * self._type.itemsize
            check_memory(self.width, self.height, 2 * a_row)

    def read(self, box: Box) -> np.ndarray:
        """Return `(box.height, box.width, channels)` numbers. Raises PictureError, "it …", if the file is cut off.

        Damaged data raise whatever they raise.
        """
        levels = np.empty((box.height, box.width, self.channels), self._type.newbyteorder("="))
        if self._by_rows:
            self._read_rows(levels, box)
        else:
            self._read_segments(levels, box)
        return levels

    def _check(self) -> None:
        count = self._a_plane * self._planes
        if not len(self._offsets) == len(self._sizes) == count:
            raise PictureError(f"it is damaged: {count} parts of it are needed, {len(self._offsets)} listed")
        if max(map(sum, zip(self._offsets, self._sizes, strict=True))) > self._file.seek(0, os.SEEK_END):
            raise PictureError("it is cut off")
        packing, total = self._info.compression, sum(self._sizes)
        if packing == tags.PLAIN and any(size < self._length(index) for index, size in enumerate(self._sizes)):
            raise PictureError("it is cut off")
        pixels = self.width * self.height
        if packing in DEFLATED and pixels * self.channels * self._info.bits > 8 * BEST_PACKING * total:
            raise PictureError(f"it claims to have {self.width}x{self.height} pixels, but is too small for that")

    def _shape(self, index: int) -> tuple[int, int, int]:
        """Rows, columns and channels of a strip or tile; tiles are whole also where they reach beyond the picture."""
        top = index % self._a_plane // self._columns * self._down
        rows = self._down if self._tiled else min(self._down, self.height - top)
        return rows, self._across, self.channels // self._planes

    def _length(self, index: int) -> int:
        return math.prod(self._shape(index)) * self._type.itemsize

    def _read_rows(self, levels: np.ndarray, box: Box) -> None:
        pixel = self.channels * self._type.itemsize
        for row, y in zip(levels, range(box.y0, box.y1), strict=True):
            strip, line = divmod(y, self._down)
            data = self._bytes(self._offsets[strip] + (line * self.width + box.x0) * pixel, row.nbytes)
            row[:] = np.frombuffer(data, self._type).reshape(row.shape)

    def _read_segments(self, levels: np.ndarray, box: Box) -> None:
        width, height = self._across, self._down
        above = box.y0 // height * self._columns
        if self._kept:  # what lies above will not be asked for again
            self._kept = {index: part for index, part in self._kept.items() if index % self._a_plane >= above}
        for row in range(box.y0 // height, (box.y1 - 1) // height + 1):
            for column in range(box.x0 // width, (box.x1 - 1) // width + 1):
                place = Box(column * width, row * height, (column + 1) * width, (row + 1) * height)
                inside = box.shared(place)
                to, of = inside.within(box), inside.within(place)
                for plane in range(self._planes):
                    segment = self._segment(plane * self._a_plane + row * self._columns + column)
                    target = levels[..., plane : plane + 1] if self._planes > 1 else levels
                    target[to.y0 : to.y1, to.x0 : to.x1] = segment[of.y0 : of.y1, of.x0 : of.x1]

    def _segment(self, index: int) -> np.ndarray:
        if self._kept is not None and index in self._kept:
            return self._kept[index]
        data = self._bytes(self._offsets[index], self._sizes[index])
        segment = _unpacked(data, self._shape(index), self._info, self._type)
        if self._kept is not None:
            self._kept[index] = segment
        return segment

    def _bytes(self, at: int, count: int) -> bytes:
        self._file.seek(at)
        data = b""
        while len(data) < count:
            more = self._file.read(count - len(data))
            if not more:
                raise PictureError("it is cut off")
            data += more
        return data


def segment_size(info: TiffInfo) -> tuple[int, int]:
    """Pixels across and down of a tile or strip. Raises PictureError if they make no sense."""
    (width, height), values = info.size, info.tags
    if tags.TILE_OFFSETS not in values:
        return width, max(1, min(height, values.get(tags.ROWS_PER_STRIP, height)))
    across, down = values[tags.TILE_WIDTH], values[tags.TILE_HEIGHT]
    check_part(width, height, across, down)
    return across, down


def _unpacked(data: bytes, shape: tuple[int, int, int], info: TiffInfo, kind: np.dtype) -> np.ndarray:
    row, size = shape[1] * shape[2] * kind.itemsize, kind.itemsize * math.prod(shape)
    packing = info.compression
    if packing in DEFLATED:
        # one byte more than needed, so that the end with its checksum is read as well
        data = zlib.decompressobj().decompress(data, size + 1)
    elif packing != tags.PLAIN:
        data = _by_libtiff(data, row, shape[0], packing, info.tags.get(tags.FILL_ORDER, 1))
    if len(data) < size:
        raise PictureError("it is cut off")
    values = np.frombuffer(data[:size], kind)
    predictor = 1 if packing == tags.PLAIN else info.tags.get(tags.PREDICTOR, 1)  # as libtiff has it
    if predictor == tags.FLOAT_DIFFERENCES:
        # of bytes, of which the highest of all numbers of a row come first
        sums = values.view(np.uint8).reshape(shape[0], -1, shape[2]).cumsum(axis=1, dtype=np.uint8)
        values = np.ascontiguousarray(sums.reshape(shape[0], kind.itemsize, -1).transpose(0, 2, 1))
        return values.view(kind.newbyteorder(">")).reshape(shape)
    if predictor == tags.DIFFERENCES:
        # of the bits as whole numbers, also where they are floats; sums run over, as they did when it was written
        whole = values.view(f"{info.order}u{kind.itemsize}").reshape(shape)
        return whole.cumsum(axis=1, dtype=f"u{kind.itemsize}").view(kind.newbyteorder("="))
    return values.reshape(shape)


def _by_libtiff(data: bytes, row: int, rows: int, packing: int, fill_order: int) -> bytes:
    """Unpack a strip or tile: Pillow's libtiff is given it as a picture of bytes."""
    values = {tags.WIDTH: row, tags.HEIGHT: rows, tags.CHANNELS: 1, tags.BITS: 8}
    values |= {tags.COMPRESSION: packing, tags.PHOTOMETRIC: tags.BLACK_IS_ZERO, tags.FILL_ORDER: fill_order}
    values |= {tags.STRIP_OFFSETS: 8, tags.ROWS_PER_STRIP: rows, tags.STRIP_SIZES: len(data)}
    start = 8 + len(data) + len(data) % 2
    directory, _, _ = lay_out([numbers(tag, LONG, value) for tag, value in values.items()], {}, start, CLASSIC)
    file = io.BytesIO(b"II*\0" + struct.pack("<I", start) + data.ljust(start - 8, b"\0") + directory)
    with TiffImagePlugin.TiffImageFile(file) as image:
        return image.tobytes()

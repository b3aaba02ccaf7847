"""Writing TIFF files of 8 or 16 bits a channel."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from ..picture import Picture, PictureError
from . import tags, tiff

_DEFLATE, _DIFFERENCES, _SEPARATE_ALPHA = 8, 2, 2
_STRIP = 2**18  # bytes of a strip before it is packed
_LEVEL = 4  # of zlib, as for PNG
_LONGEST = 2**32  # offsets have 32 bits

HEADER_LINK = 4
"""Where a TIFF file says where its first page is."""


def write_tiff(file: BinaryIO, levels: np.ndarray, picture: Picture, link: int = HEADER_LINK) -> int:
    """Write a TIFF file, or a page behind others: strips packed with Deflate, what other programs read, too.

    Args:
        file: where to; an empty file, or one at the end of the page before.
        levels: `(H, W, C)` uint8 or uint16, 1 to 4 channels.
        picture: its profile, EXIF, texts and resolution are written, its pixels are not looked at. Of the texts, those
            stay that EXIF or TIFF have a place for.
        link: where the file says where this page is; of further pages what the page before returned.

    Returns:
        The link of the next page.

    Raises:
        PictureError: the file would be longer than 4 GB.
    """
    height, width, channels = levels.shape
    rows = max(1, _STRIP // levels[:1].nbytes)
    if link == HEADER_LINK:
        file.write(b"II*\0" + bytes(4))
    offsets, sizes = [], []
    for start in range(0, height, rows):
        offsets.append(file.tell())
        sizes.append(file.write(zlib.compress(_differences(levels[start : start + rows]).tobytes(), _LEVEL)))
    entries, inner = tags.described(picture.icc, picture.exif, picture.text, picture.dpi)
    for number, directory in inner.items():
        entries.append(tags.numbers(number, tags.LONG, _align(file)))
        file.write(_directory(directory, file.tell()))
    entries += [
        tags.numbers(tiff.WIDTH, tags.LONG, width),
        tags.numbers(tiff.HEIGHT, tags.LONG, height),
        tags.numbers(tiff.BITS, tags.SHORT, *[8 * levels.itemsize] * channels),
        tags.numbers(tiff.COMPRESSION, tags.SHORT, _DEFLATE),
        tags.numbers(tiff.PHOTOMETRIC, tags.SHORT, 2 if channels > 2 else 1),
        tags.numbers(tiff.STRIP_OFFSETS, tags.LONG, *offsets),
        tags.numbers(tiff.CHANNELS, tags.SHORT, channels),
        tags.numbers(tiff.ROWS_PER_STRIP, tags.LONG, rows),
        tags.numbers(tiff.STRIP_SIZES, tags.LONG, *sizes),
        tags.numbers(tiff.PLANES, tags.SHORT, 1),
        tags.numbers(tiff.PREDICTOR, tags.SHORT, _DIFFERENCES),
    ]
    if channels in (2, 4):
        entries.append(tags.numbers(tiff.EXTRA_CHANNELS, tags.SHORT, _SEPARATE_ALPHA))
    start = _align(file)
    file.write(_directory(entries, start))
    _align(file)
    file.seek(link)
    file.write(struct.pack("<I", start))
    file.seek(0, os.SEEK_END)
    return start + 2 + 12 * len(entries)


def _differences(levels: np.ndarray) -> np.ndarray:
    out = levels.astype(levels.dtype.newbyteorder("<"))
    out[:, 1:] -= levels[:, :-1]
    return out


def _directory(entries: Sequence[tags.Tag], start: int) -> bytes:
    """Lay out a directory that begins at byte `start` of the file; values longer than 4 bytes follow it."""
    entries = sorted(entries)
    place = start + 2 + 12 * len(entries) + 4
    head, long = struct.pack("<H", len(entries)), b""
    for entry in entries:
        if len(entry.data) <= 4:
            head += struct.pack("<HHI", entry.number, entry.kind, entry.count) + entry.data.ljust(4, b"\0")
        else:
            head += struct.pack("<HHII", entry.number, entry.kind, entry.count, place + len(long))
            long += entry.data + bytes(len(entry.data) % 2)
    if place + len(long) >= _LONGEST:
        raise PictureError("a TIFF file can have up to 4 GB")
    return head + bytes(4) + long


def _align(file: BinaryIO) -> int:
    """Tags start at even places. Returns where that is."""
    file.write(bytes(file.tell() % 2))
    return file.tell()

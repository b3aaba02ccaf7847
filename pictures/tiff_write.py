"""Writing TIFF files of 8 or 16 bits a channel."""

from __future__ import annotations

import os
import struct
import zlib
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, TiffImagePlugin

from . import tiff
from .metadata import EXIF_IFD, GPS_IFD, inner_tags, join_exif
from .picture import XMP, Picture, PictureError

_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED = 1, 2, 3, 4, 5, 7
_SIZES = {_BYTE: 1, _ASCII: 1, _SHORT: 2, _LONG: 4, _RATIONAL: 8, _UNDEFINED: 1}

_DEFLATE, _DIFFERENCES, _SEPARATE_ALPHA = 8, 2, 2
_STRIP = 2**18  # bytes of a strip before it is packed
_LEVEL = 4  # of zlib, as for PNG
_LONGEST = 2**32  # offsets have 32 bits

HEADER_LINK = 4
"""Where a TIFF file says where its first page is."""


class _Entry(NamedTuple):
    """One tag."""

    tag: int
    type: int
    data: bytes


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
    _align(file)
    entries = [
        _numbers(tiff.WIDTH, _LONG, width),
        _numbers(tiff.HEIGHT, _LONG, height),
        _numbers(tiff.BITS, _SHORT, *[8 * levels.itemsize] * channels),
        _numbers(tiff.COMPRESSION, _SHORT, _DEFLATE),
        _numbers(tiff.PHOTOMETRIC, _SHORT, 2 if channels > 2 else 1),
        _numbers(tiff.STRIP_OFFSETS, _LONG, *offsets),
        _numbers(tiff.CHANNELS, _SHORT, channels),
        _numbers(tiff.ROWS_PER_STRIP, _LONG, rows),
        _numbers(tiff.STRIP_SIZES, _LONG, *sizes),
        _numbers(tiff.PLANES, _SHORT, 1),
        _numbers(tiff.PREDICTOR, _SHORT, _DIFFERENCES),
        *_described(file, picture),
    ]
    if channels in (2, 4):
        entries.append(_numbers(tiff.EXTRA_CHANNELS, _SHORT, _SEPARATE_ALPHA))
    return _write_directory(file, entries, link)


def _differences(levels: np.ndarray) -> np.ndarray:
    out = levels.astype(levels.dtype.newbyteorder("<"))
    out[:, 1:] -= levels[:, :-1]
    return out


def _described(file: BinaryIO, picture: Picture) -> list[_Entry]:
    """Return what the picture says as tags; the EXIF parts are written to the file."""
    entries = []
    if picture.icc:
        entries.append(_Entry(tiff.ICC_PROFILE, _UNDEFINED, picture.icc))
    if XMP in picture.text:
        entries.append(_Entry(tiff.XMP_PACKET, _BYTE, picture.text[XMP].encode("utf-8", "replace")))
    if picture.dpi:
        for tag, value in zip((tiff.X_RESOLUTION, tiff.Y_RESOLUTION), picture.dpi, strict=True):
            entries.append(_Entry(tag, _RATIONAL, struct.pack("<2I", round(value * 1000), 1000)))
        entries.append(_numbers(tiff.RESOLUTION_UNIT, _SHORT, 2))
    exif = Image.Exif()
    exif.load(join_exif(picture.exif, picture.text) or b"")
    for tag in tiff.DESCRIPTIONS:
        if tag in exif:
            value = exif[tag]
            data = value if isinstance(value, bytes) else str(value).encode("latin-1", "replace")
            entries.append(_Entry(tag, _ASCII, data.rstrip(b"\0") + b"\0"))
    for tag in (EXIF_IFD, GPS_IFD):
        inner = inner_tags(exif, tag)
        if inner:
            directory = TiffImagePlugin.ImageFileDirectory_v2(b"II*\0\x08\0\0\0", group=tag)
            for key, value in inner.items():
                directory[key] = value
            entries.append(_numbers(tag, _LONG, file.tell()))
            file.write(directory.tobytes(file.tell()))
            _align(file)
    return entries


def _write_directory(file: BinaryIO, entries: list[_Entry], link: int) -> int:
    """Write the tags and, at `link`, where they are; return where the place of the next ones belongs."""
    entries = sorted(entries)
    start = file.tell()
    place = start + 2 + 12 * len(entries) + 4
    head, long = struct.pack("<H", len(entries)), b""
    for tag, kind, data in entries:
        count = len(data) // _SIZES[kind]
        if len(data) <= 4:
            head += struct.pack("<HHI", tag, kind, count) + data.ljust(4, b"\0")
        else:
            head += struct.pack("<HHII", tag, kind, count, place + len(long))
            long += data + bytes(len(data) % 2)
    if place + len(long) >= _LONGEST:
        raise PictureError("a TIFF file can have up to 4 GB")
    file.write(head + bytes(4) + long)
    _align(file)
    file.seek(link)
    file.write(struct.pack("<I", start))
    file.seek(0, os.SEEK_END)
    return start + len(head)


def _numbers(tag: int, kind: int, *values: int) -> _Entry:
    letter = "H" if kind == _SHORT else "I"
    return _Entry(tag, kind, struct.pack(f"<{len(values)}{letter}", *values))


def _align(file: BinaryIO) -> None:
    """Tags start at even places."""
    file.write(bytes(file.tell() % 2))

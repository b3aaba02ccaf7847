"""The tags of TIFF files that are written, and how they lie in the head of a BigTIFF file, before the pixels."""

from __future__ import annotations

import logging
import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..metadata import EXIF_IFD, GPS_IFD, INTEROPERABILITY, join_exif
from ..picture import XMP
from . import tiff

log = logging.getLogger("hires-fix")

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, LONG8 = 1, 2, 3, 4, 5, 7, 16
"""Kinds of values, by TIFF's numbers."""

_UNITS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 1, 7: 1, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4, 16: 8}
_PAIRS = (5, 10)  # kinds of which one value is two numbers


class Tag(NamedTuple):
    """An entry of a directory."""

    number: int
    kind: int

    data: bytes
    """Its values, low byte first."""

    @property
    def count(self) -> int:
        """How many values."""
        return len(self.data) // (_UNITS[self.kind] * (2 if self.kind in _PAIRS else 1))


def numbers(number: int, kind: int, *values: int) -> Tag:
    """Make an entry of whole numbers: SHORT, LONG or LONG8."""
    letter = {SHORT: "H", LONG: "I", LONG8: "Q"}[kind]
    return Tag(number, kind, struct.pack(f"<{len(values)}{letter}", *values))


def head(tags: Sequence[Tag], inner: Mapping[int, Sequence[Tag]]) -> bytes:
    """Build everything in front of the pixels, whole 8 bytes.

    Args:
        tags: of the picture.
        inner: further directories by the tag that points to them.
    """
    start, blocks, pointers = 16, b"", []
    for number, entries in inner.items():
        pointers.append(numbers(number, LONG8, start + len(blocks)))
        blocks += _directory(entries, start + len(blocks))
    start += len(blocks)
    return b"II+\0" + struct.pack("<HHQ", 8, 0, start) + blocks + _directory([*tags, *pointers], start)


def described(
    icc: bytes | None, exif: bytes | None, text: dict[str, str], dpi: tuple[float, float] | None
) -> tuple[list[Tag], dict[int, list[Tag]]]:
    """Say as tags what a `Picture` says besides its pixels.

    Returns:
        Profile, resolution, and of the texts and the EXIF block those that TIFF has tags for; the further directories
        of the block by the tag that points to them.
    """
    entries = []
    if icc:
        entries.append(Tag(tiff.ICC_PROFILE, UNDEFINED, icc))
    if XMP in text:
        entries.append(Tag(tiff.XMP_PACKET, BYTE, text[XMP].encode("utf-8", "replace")))
    if dpi:
        for number, value in zip((tiff.X_RESOLUTION, tiff.Y_RESOLUTION), dpi, strict=True):
            entries.append(Tag(number, RATIONAL, struct.pack("<2I", round(value * 1000), 1000)))
        entries.append(numbers(tiff.RESOLUTION_UNIT, SHORT, 2))
    try:
        block = join_exif(exif, text)
        inner = split_block(block) if block else {0: []}
    except Exception as error:  # blocks of cameras and old programs are broken in many ways
        log.warning("The EXIF block of a picture is damaged and left out (%s: %s).", type(error).__name__, error)
        inner = {0: []}
    entries += [tag for tag in inner.pop(0) if tag.number in tiff.DESCRIPTIONS]
    return entries, {number: found for number, found in inner.items() if found}


def split_block(block: bytes) -> dict[int, list[Tag]]:
    """Take an EXIF block apart: the entries of the picture under 0, inner directories under their tag's number."""
    order = "<" if block[:2] == b"II" else ">"
    found = {0: _entries(block, struct.unpack_from(f"{order}I", block, 4)[0], order)}
    for tag in found[0]:
        if tag.number in (EXIF_IFD, GPS_IFD):
            inner = _entries(block, struct.unpack("<I", tag.data)[0], order)
            # a place in the block, which means nothing elsewhere
            found[tag.number] = [entry for entry in inner if entry.number != INTEROPERABILITY]
    return found


def _entries(block: bytes, at: int, order: str) -> list[Tag]:
    found = []
    for index in range(struct.unpack_from(f"{order}H", block, at)[0]):
        entry = at + 2 + 12 * index
        number, kind, count = struct.unpack_from(f"{order}HHI", block, entry)
        if kind not in _UNITS:
            continue
        length = count * _UNITS[kind] * (2 if kind in _PAIRS else 1)
        place = entry + 8 if length <= 4 else struct.unpack_from(f"{order}I", block, entry + 8)[0]
        units = np.frombuffer(block[place : place + length], f"{order}u{_UNITS[kind]}")
        found.append(Tag(number, kind, units.astype(f"<u{_UNITS[kind]}").tobytes()))
    return found


def _directory(tags: Sequence[Tag], start: int) -> bytes:
    """Lay out a directory that begins at byte `start` of the file; values longer than 8 bytes follow it."""
    tags = sorted(tags)
    entries, long = struct.pack("<Q", len(tags)), b""
    place = start + 8 + 20 * len(tags) + 8
    place, gap = _whole_eight(place), _whole_eight(place) - place
    for tag in tags:
        data = tag.data
        entries += struct.pack("<HHQ", tag.number, tag.kind, tag.count)
        if len(data) <= 8:
            entries += data.ljust(8, b"\0")
        else:
            entries += struct.pack("<Q", place + len(long))
            long += data.ljust(_whole_eight(len(data)), b"\0")
    return entries + bytes(8 + gap) + long


def _whole_eight(value: int) -> int:
    return -(-value // 8) * 8

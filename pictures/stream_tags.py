"""The head of a BigTIFF file: its tags, which lie before the pixels."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from . import tiff

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


def split_block(block: bytes) -> dict[int, list[Tag]]:
    """Take an EXIF block apart: the entries of the picture under 0, inner directories under their tag's number."""
    order = "<" if block[:2] == b"II" else ">"
    found = {0: _entries(block, struct.unpack_from(f"{order}I", block, 4)[0], order)}
    for tag in found[0]:
        if tag.number in (tiff.EXIF_IFD, tiff.GPS_IFD):
            found[tag.number] = _entries(block, struct.unpack("<I", tag.data)[0], order)
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
    for number, kind, data in tags:
        count = len(data) // (_UNITS[kind] * (2 if kind in _PAIRS else 1))
        entries += struct.pack("<HHQ", number, kind, count)
        if len(data) <= 8:
            entries += data.ljust(8, b"\0")
        else:
            entries += struct.pack("<Q", place + len(long))
            long += data.ljust(_whole_eight(len(data)), b"\0")
    return entries + bytes(8 + gap) + long


def _whole_eight(value: int) -> int:
    return -(-value // 8) * 8

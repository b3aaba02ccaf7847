"""Directories of tags, of which TIFF files and EXIF blocks are made, read and laid out; classic TIFF and BigTIFF."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from .errors import PictureError

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, LONG8 = 1, 2, 3, 4, 5, 7, 16
"""Kinds of values, by TIFF's numbers."""

EXIF_IFD, GPS_IFD, INTEROPERABILITY = 0x8769, 0x8825, 0xA005
"""Tags that hold the place of further directories."""

_NUMBER_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 1, 7: 1, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4, 16: 8}
_PAIRS = (5, 10)  # kinds of which one value is two numbers
_MOST_TAGS = 0xFFFF
_LONGEST = 2**32  # classic offsets have 32 bits


@dataclass(frozen=True)
class Variant:
    """How a file writes its directories."""

    order: str
    """Of the bytes of a number, as `struct` names it: "<" low first, ">" high first."""
    big: bool
    """A BigTIFF file, whose offsets have 8 bytes; those of classic TIFF and of EXIF blocks have 4."""

    @property
    def link(self) -> int:
        """Where a file says where its first directory is."""
        return 8 if self.big else 4

    @property
    def offset(self) -> struct.Struct:
        """A place in the file."""
        return struct.Struct(f"{self.order}{'Q' if self.big else 'I'}")

    @property
    def count(self) -> struct.Struct:
        """How many tags a directory has: what it begins with."""
        return struct.Struct(f"{self.order}{'Q' if self.big else 'H'}")

    @property
    def entry(self) -> struct.Struct:
        """A tag: number, kind, count of values; the values, or where they are if they are too long."""
        return struct.Struct(f"{self.order}HH{'Q8s' if self.big else 'I4s'}")


def variant_of(head: bytes) -> Variant:
    """Say by its first four bytes how a TIFF file or an EXIF block writes its directories."""
    return Variant("<" if head.startswith(b"II") else ">", b"+" in head[:4])


CLASSIC, BIG = Variant("<", False), Variant("<", True)
"""As they are written."""


@dataclass(frozen=True)
class Tag:
    """A tag with its values."""

    number: int
    kind: int
    data: bytes
    """Its values, low byte first."""

    @property
    def values(self) -> int:
        """How many."""
        return len(self.data) // _value_size(self.kind)


def numbers(number: int, kind: int, *values: int) -> Tag:
    """Make a tag of whole numbers: SHORT, LONG or LONG8."""
    letter = {SHORT: "H", LONG: "I", LONG8: "Q"}[kind]
    return Tag(number, kind, struct.pack(f"<{len(values)}{letter}", *values))


def read_number(file: BinaryIO, form: struct.Struct) -> int:
    """Read a number at the place where the file stands. Raises PictureError where it ends, without its name: "it …"."""
    return form.unpack(_exactly(file, form.size))[0]


def first_place(file: BinaryIO, variant: Variant) -> int:
    """Return where the first directory of a file is; afterwards the file stands behind that number."""
    file.seek(variant.link)
    return read_number(file, variant.offset)


def read_entries(file: BinaryIO, place: int, variant: Variant) -> list[tuple[int, int, int, bytes]]:
    """Read of every tag in a directory number, kind, count of values, and 4 or 8 bytes: the values, or where they are.

    Afterwards the file stands where the place of the next directory is written. Raises PictureError, "it …", if it
    makes no sense or is cut off.
    """
    file.seek(place)
    count = read_number(file, variant.count)
    if count > _MOST_TAGS:
        raise PictureError("it is damaged: a directory makes no sense")
    return list(variant.entry.iter_unpack(_exactly(file, count * variant.entry.size)))


def read_tags(file: BinaryIO, place: int, variant: Variant) -> list[Tag]:
    """`read_entries` with their values, but for kinds of values that are not known."""
    tags = []
    for number, kind, count, field in read_entries(file, place, variant):
        if kind not in _NUMBER_SIZES:
            continue
        length, size = count * _value_size(kind), _NUMBER_SIZES[kind]
        data = field[:length]
        if length > len(field):
            file.seek(variant.offset.unpack(field)[0])
            data = file.read(length)
        tags.append(Tag(number, kind, np.frombuffer(data, f"{variant.order}u{size}").astype(f"<u{size}").tobytes()))
    return tags


def lay_out(
    tags: Sequence[Tag], inner: Mapping[int, Sequence[Tag]], start: int, variant: Variant
) -> tuple[bytes, int, int]:
    """Lay out the directory of a picture, and before it those that it points to, `inner` by the number of the tag.

    All this begins at `start` in the file, a multiple of 8 in BigTIFF, of 2 else; `variant` has the low byte first.
    Returns the bytes; where in the file the picture's directory begins, and where the place of the next one goes.
    Raises PictureError if a classic TIFF file would be longer than 4 GB.
    """
    blocks, pointers = b"", []
    for number, entries in inner.items():
        pointers.append(numbers(number, LONG8 if variant.big else LONG, start + len(blocks)))
        blocks += _directory(entries, start + len(blocks), variant)
    place = start + len(blocks)
    everything = [*tags, *pointers]
    link = place + variant.count.size + len(everything) * variant.entry.size
    return blocks + _directory(everything, place, variant), place, link


def check_length(place: int) -> None:
    """Refuse (PictureError) a classic TIFF file that reaches so far."""
    if place >= _LONGEST:
        raise PictureError("a TIFF file can have up to 4 GB")


def _directory(tags: Sequence[Tag], start: int, variant: Variant) -> bytes:
    """Lay out a directory; values that are longer than an offset follow it."""
    step, size = 8 if variant.big else 2, variant.offset.size
    end = start + variant.count.size + len(tags) * variant.entry.size + size
    place = _rounded_up(end, step)
    long = sum(_rounded_up(len(tag.data), step) for tag in tags if len(tag.data) > size)
    if not variant.big:
        check_length(place + long)
    head, values = variant.count.pack(len(tags)), b""
    for tag in sorted(tags, key=lambda tag: tag.number):
        field = tag.data
        if len(tag.data) > size:
            field = variant.offset.pack(place + len(values))
            values += tag.data.ljust(_rounded_up(len(tag.data), step), b"\0")
        head += variant.entry.pack(tag.number, tag.kind, tag.values, field)
    return head + bytes(size + place - end) + values


def _value_size(kind: int) -> int:
    return _NUMBER_SIZES[kind] * (2 if kind in _PAIRS else 1)


def _rounded_up(value: int, step: int) -> int:
    return -(-value // step) * step


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise PictureError("it is cut off, or its list of pages is damaged")
    return data

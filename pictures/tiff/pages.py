"""The pages of TIFF files."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

from ..picture import PictureError
from .tiff import SIGNATURES

_KIND = 254
_SMALLER, _MASK = 1, 4  # bits of that tag: a smaller copy of another page, the outline of one
_SHORT = 3


def page_places(file: BinaryIO) -> tuple[int, list[int]]:
    """Find the pages.

    Returns:
        Where the first directory of the file begins, and where those of the pages do: previews and masks of other
        pages are no pages.

    Raises:
        PictureError: the list of pages is damaged, without the file's name: "it …".
    """
    order, big = _header(file)
    file.seek(8 if big else 4)
    first = place = _number(file, f"{order}Q" if big else f"{order}I")
    found, visited = [], set()
    while place:
        if place in visited:
            raise PictureError("it is damaged: its pages go round in a circle")
        visited.add(place)
        is_page, following = _look(file, place, order, big)
        found += [place] if is_page else []
        place = following
    return first, found or [first]


class Page(io.RawIOBase):
    """A TIFF file that seems to begin with another of its pages: whatever reads the first page reads that one."""

    def __init__(self, file: BinaryIO, place: int) -> None:
        """Take an open file, which is closed together with this one."""
        super().__init__()
        order, big = _header(file)
        self._file = file
        self._head = struct.pack(f"{order}Q" if big else f"{order}I", place)
        self._start = 8 if big else 4
        file.seek(0)

    def readinto(self, buffer: memoryview) -> int:
        """See `io.RawIOBase`."""
        at = self._file.tell()
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        for place, value in enumerate(self._head, self._start - at):
            if 0 <= place < len(data):
                buffer[place] = value
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See `io.RawIOBase`."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """See `io.RawIOBase`."""
        return self._file.tell()

    def readable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def seekable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def close(self) -> None:
        """See `io.RawIOBase`."""
        self._file.close()
        super().close()


def _header(file: BinaryIO) -> tuple[str, bool]:
    """Return the order of the bytes, as `struct` names it, and whether it is a BigTIFF."""
    file.seek(0)
    head = file.read(4)
    if head not in SIGNATURES:
        raise PictureError("it is not a TIFF file")
    return "<" if head.startswith(b"II") else ">", head[2:4].strip(b"\0") == b"+"


def _look(file: BinaryIO, place: int, order: str, big: bool) -> tuple[bool, int]:
    """Return whether a directory is that of a page, and where the next one is; 0 for none."""
    file.seek(place)
    count = _number(file, f"{order}Q" if big else f"{order}H")
    size = 20 if big else 12
    entries = _exactly(file, count * size) if count <= 0xFFFF else b""
    if not entries:
        raise PictureError("it is damaged: a directory makes no sense")
    following = _number(file, f"{order}Q" if big else f"{order}I")
    for at in range(0, len(entries), size):
        tag, kind = struct.unpack_from(f"{order}HH", entries, at)
        if tag == _KIND:
            at += 12 if big else 8
            (value,) = struct.unpack_from(f"{order}H" if kind == _SHORT else f"{order}I", entries, at)
            return not value & (_SMALLER | _MASK), following
    return True, following


def _number(file: BinaryIO, form: str) -> int:
    return struct.unpack(form, _exactly(file, struct.calcsize(form)))[0]


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise PictureError("it is cut off, or its list of pages is damaged")
    return data

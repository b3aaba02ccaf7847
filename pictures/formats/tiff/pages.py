"""The pages of TIFF files."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ...base.directories import SHORT, Variant, first_place, read_entries, read_number, variant_of
from ...base.errors import PictureError
from .tags import PAGE_KIND, SIGNATURES

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_SMALLER, _MASK = 1, 4  # bits of `PAGE_KIND`: a smaller copy of another page, the outline of one


def page_places(file: BinaryIO) -> tuple[int, list[int]]:
    """Find the pages.

    Returns:
        Where the first directory of the file begins, and where those of the pages do: previews and masks of other
        pages are no pages.

    Raises:
        PictureError: the list of pages is damaged, without the file's name: "it …".
    """
    variant = _variant(file)
    first = place = first_place(file, variant)
    pages, visited = [], set()
    while place:
        if place in visited:
            raise PictureError("it is damaged: its pages go round in a circle")
        visited.add(place)
        if _is_page(file, place, variant):
            pages.append(place)
        place = read_number(file, variant.offset)
    return first, pages or [first]


def open_page(path: Path, place: int) -> BinaryIO:
    """Open a TIFF file that seems to begin with the page at this place: whatever reads the first page reads that one.

    Args:
        path: the file.
        place: see `page_places`.
    """
    return io.BufferedReader(_PageFile(path.open("rb", buffering=0), place))


class _PageFile(io.RawIOBase):
    def __init__(self, file: BinaryIO, place: int) -> None:
        super().__init__()
        variant = _variant(file)
        self._file = file
        self._head = variant.offset.pack(place)
        self._start = variant.link
        file.seek(0)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view, at = memoryview(buffer), self._file.tell()
        data = self._file.read(len(view))
        view[: len(data)] = data
        for place, value in enumerate(self._head, self._start - at):
            if 0 <= place < len(data):
                view[place] = value
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()


def _variant(file: BinaryIO) -> Variant:
    file.seek(0)
    head = file.read(4)
    if head not in SIGNATURES:
        raise PictureError("it is not a TIFF file")
    return variant_of(head)


def _is_page(file: BinaryIO, place: int, variant: Variant) -> bool:
    """Look at a directory; afterwards the file stands where the place of the next one is written."""
    entries = read_entries(file, place, variant)
    if not entries:
        raise PictureError("it is damaged: a directory makes no sense")
    for entry in entries:
        if entry.number == PAGE_KIND:
            (value,) = struct.unpack_from(f"{variant.order}{'H' if entry.kind == SHORT else 'I'}", entry.field)
            return not value & (_SMALLER | _MASK)
    return True

"""The pages of TIFF files."""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

from ...base.directories import SHORT, Variant, first_place, read_entries, read_number, variant_of
from ...base.errors import PictureError
from .tags import PAGE_KIND, SIGNATURES

_SMALLER, _MASK = 1, 4  # bits of `PAGE_KIND`: a smaller copy of another page, the outline of one


class Page(NamedTuple):
    """A directory of a file."""

    number: int
    """Among all directories, from 0 on."""
    place: int
    """Where it begins."""


def find_pages(file: BinaryIO) -> list[Page]:
    """Find the pages: previews and masks of other pages are none, but the first directory if there is nothing else.

    Raises PictureError, "it …", if the list of pages is damaged.
    """
    file.seek(0)
    head = file.read(4)
    if head not in SIGNATURES:
        raise PictureError("it is not a TIFF file")
    variant = variant_of(head)
    first = place = first_place(file, variant)
    pages, visited = [], set()
    while place:
        if place in visited:
            raise PictureError("it is damaged: its pages go round in a circle")
        if _is_page(file, place, variant):
            pages.append(Page(len(visited), place))
        visited.add(place)
        place = read_number(file, variant.offset)
    return pages or [Page(0, first)]


def _is_page(file: BinaryIO, place: int, variant: Variant) -> bool:
    """Look at a directory; afterwards the file stands where the place of the next one is written."""
    entries = read_entries(file, place, variant)
    if not entries:
        raise PictureError("it is damaged: a directory makes no sense")
    for number, kind, _, field in entries:
        if number == PAGE_KIND:
            (value,) = struct.unpack_from(f"{variant.order}{'H' if kind == SHORT else 'I'}", field)
            return not value & (_SMALLER | _MASK)
    return True

"""Writing TIFF files of 8 or 16 bits a channel: classic ones packed and page by page, BigTIFF piece by piece."""

from __future__ import annotations

import os
import shutil
import struct
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from ....hires.amounts import as_bytes
from ....hires.errors import InputError
from ....hires.tiles.boxes import Box
from ...base.directories import (
    BIG,
    BYTE,
    CLASSIC,
    LONG,
    LONG8,
    RATIONAL,
    SHORT,
    UNDEFINED,
    Tag,
    Variant,
    check_length,
    lay_out,
    numbers,
)
from ...base.exif import exif_tags
from ...base.levels import LevelRows, to_levels
from ...base.picture import XMP, FileFacts
from .. import packing
from . import tags

_STRIP = 2**18  # bytes before they are packed; small strips let other programs read a file piece by piece
_ROWS = 64  # are rounded at once

HEADER_LINK = CLASSIC.link
"""Where a classic TIFF file says where its first page is."""


@dataclass(frozen=True)
class TiffLayout:
    """What a file holds."""

    width: int
    height: int
    channels: int
    """1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha."""
    facts: FileFacts = field(default_factory=FileFacts)

    @property
    def pixel(self) -> int:
        """Bytes of a pixel."""
        return self.channels * self.facts.depth // 8

    @property
    def bytes(self) -> int:
        """Of all pixels."""
        return self.width * self.height * self.pixel

    @property
    def rows(self) -> int:
        """Of a strip, also if the picture has fewer."""
        return max(1, _STRIP // (self.width * self.pixel))


def write_tiff(file: BinaryIO, levels: np.ndarray | LevelRows, facts: FileFacts, link: int = HEADER_LINK) -> int:
    """Write a TIFF file, or a page behind others: strips packed with Deflate, what other programs read, too.

    Args:
        file: an empty file, or one at the end of the page before.
        levels: `(H, W, C)` uint8 or uint16, 1 to 4 channels.
        facts: profile, EXIF, texts and resolution. Of the texts, those stay that EXIF or TIFF have a place for.
        link: where the file says where this page is; of further pages what the page before returned.

    Returns the link of the next page. Raises PictureError if the file would be longer than 4 GB.
    """
    height, width, channels = levels.shape
    layout = TiffLayout(width, height, channels, replace(facts, depth=8 * levels.itemsize))
    if link == HEADER_LINK:
        file.write(b"II*\0" + bytes(4))
    offsets, sizes = [], []

    def write(strips: list[bytes]) -> None:
        for strip in strips:
            offsets.append(file.tell())
            sizes.append(file.write(strip))
            check_length(file.tell())

    pieces = packing.SideBySide(partial(_packed, layout))
    several = layout.rows * max(1, packing.PIECE // _STRIP)
    for start in range(0, height, several):
        for strips in pieces.give(levels[start : start + several]):
            write(strips)
    for strips in pieces.rest():
        write(strips)
    described, inner = _described(facts)
    entries = [*described, *_strips(layout, CLASSIC, offsets, sizes)]
    block, place, next_link = lay_out(entries, inner, _align(file), CLASSIC)
    file.write(block)
    _align(file)
    file.seek(link)
    file.write(CLASSIC.offset.pack(place))
    file.seek(0, os.SEEK_END)
    return next_link


class TiffSink:
    """An uncompressed BigTIFF of its full size, whose pixels can be written in any order, also after a restart."""

    def __init__(self, path: Path, layout: TiffLayout) -> None:
        """Open a file that `create` made with this layout. Raises InputError if it is not that file."""
        head = _head(layout)
        self._layout = layout
        self._start = len(head)
        self._file = open(path, "r+b", buffering=0)  # noqa: SIM115 - closed by `close`
        if self._file.read(len(head)) != head or path.stat().st_size != len(head) + layout.bytes:
            self._file.close()
            raise InputError(f"'{path.name}' is not the unfinished file of this job.")

    @classmethod
    def create(cls, path: Path, layout: TiffLayout) -> TiffSink:
        """Make the file, all black, replacing what is there. Raises InputError if the disk has too little room."""
        free = shutil.disk_usage(path.parent).free
        if free < layout.bytes:
            raise InputError(
                f"{layout.width}x{layout.height} pixels take {as_bytes(layout.bytes)} uncompressed, but the disk of "
                f"the output folder has {as_bytes(free)} free. Make room or ask for a smaller result."
            )
        head = _head(layout)
        with open(path, "wb") as file:
            file.write(head)
            file.truncate(len(head) + layout.bytes)
        return cls(path, layout)

    def write(self, box: Box, pixels: torch.Tensor) -> None:
        """Write `(box.height, box.width, channels)`, floating point; rounded to the file's depth."""
        layout = self._layout
        for top in range(0, box.height, _ROWS):
            levels = to_levels(pixels[top : top + _ROWS], layout.facts.depth)
            levels = np.ascontiguousarray(levels, f"<u{layout.facts.depth // 8}")
            rows = [levels] if box.width == layout.width else list(levels)
            for y, row in enumerate(rows, box.y0 + top):
                self._file.seek(self._start + (y * layout.width + box.x0) * layout.pixel)
                rest = row.data.cast("B")
                while rest:
                    rest = rest[self._file.write(rest) :]

    def flush(self) -> None:
        """Return when everything written is on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _head(layout: TiffLayout) -> bytes:
    """Everything in front of the pixels of a BigTIFF."""
    starts = range(0, layout.height, layout.rows)
    row = layout.width * layout.pixel
    sizes = [min(layout.rows, layout.height - start) * row for start in starts]
    described, inner = _described(layout.facts)

    def build(first: int) -> bytes:
        offsets = [first + start * row for start in starts]
        entries = [*described, *_strips(layout, BIG, offsets, sizes)]
        block, place, _ = lay_out(entries, inner, 16, BIG)
        return b"II+\0" + struct.pack("<HH", BIG.offset.size, 0) + BIG.offset.pack(place) + block

    return build(len(build(0)))  # its length does not depend on where the pixels begin


def _strips(layout: TiffLayout, variant: Variant, offsets: list[int], sizes: list[int]) -> list[Tag]:
    """Say as tags what the pixels are and where: packed in classic TIFF, plain in BigTIFF."""
    place = LONG8 if variant.big else LONG
    entries = [
        numbers(tags.WIDTH, LONG, layout.width),
        numbers(tags.HEIGHT, LONG, layout.height),
        numbers(tags.BITS, SHORT, *[layout.facts.depth] * layout.channels),
        numbers(tags.COMPRESSION, SHORT, tags.PLAIN if variant.big else tags.DEFLATE),
        numbers(tags.PHOTOMETRIC, SHORT, tags.RGB if layout.channels > 2 else tags.BLACK_IS_ZERO),
        numbers(tags.STRIP_OFFSETS, place, *offsets),
        numbers(tags.CHANNELS, SHORT, layout.channels),
        numbers(tags.ROWS_PER_STRIP, LONG, min(layout.rows, layout.height) if variant.big else layout.rows),
        numbers(tags.STRIP_SIZES, place, *sizes),
        numbers(tags.PLANES, SHORT, 1),
    ]
    if not variant.big:
        entries.append(numbers(tags.PREDICTOR, SHORT, tags.DIFFERENCES))
    if layout.channels in (2, 4):
        entries.append(numbers(tags.EXTRA_CHANNELS, SHORT, tags.STRAIGHT_ALPHA))
    return entries


def _described(facts: FileFacts) -> tuple[list[Tag], dict[int, list[Tag]]]:
    """Return as tags profile, resolution, and of the texts and the EXIF block those that TIFF has tags for; and the
    further directories of the block by the tag that points to them.
    """
    own, inner = exif_tags(facts)
    entries = [tag for tag in own if tag.number in tags.DESCRIPTIONS]
    if facts.icc:
        entries.append(Tag(tags.ICC_PROFILE, UNDEFINED, facts.icc))
    if XMP in facts.text:
        entries.append(Tag(tags.XMP_PACKET, BYTE, facts.text[XMP].encode("utf-8", "replace")))
    if facts.dpi:
        for number, value in zip((tags.X_RESOLUTION, tags.Y_RESOLUTION), facts.dpi, strict=True):
            entries.append(Tag(number, RATIONAL, struct.pack("<2I", round(value * 1000), 1000)))
        entries.append(numbers(tags.RESOLUTION_UNIT, SHORT, 2))
    return entries, inner


def _packed(layout: TiffLayout, levels: np.ndarray) -> list[bytes]:
    """The strips that these rows make."""
    data = _differences(levels).tobytes()
    size = layout.rows * layout.width * layout.pixel
    deflate = packing.packer(data, layout.facts.depth, packing.WRAPPED)
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    return [each.compress(part) + each.flush() for each, part in ((deflate.copy(), part) for part in parts)]


def _differences(levels: np.ndarray) -> np.ndarray:
    out = levels.astype(levels.dtype.newbyteorder("<"))
    out[:, 1:] -= levels[:, :-1]
    return out


def _align(file: BinaryIO) -> int:
    """Directories start at even places. Returns where that is."""
    file.write(bytes(file.tell() % 2))
    return file.tell()

"""BigTIFF files that are written piece by piece, so that no picture is in memory as a whole."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from ...hires.amounts import as_bytes
from ...hires.errors import InputError
from ...hires.tiles.boxes import Box
from ..picture import to_levels
from . import tags, tiff

_STRIP = 1 << 18  # bytes; small strips let other programs read such a file piece by piece
_ROWS = 64  # are rounded at once
_STRAIGHT_ALPHA = 2


@dataclass(frozen=True)
class TiffLayout:
    """What a file holds besides the pixels; see `Picture`."""

    width: int
    height: int

    channels: int
    """1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha."""

    depth: int
    """8 or 16 bits a channel."""

    icc: bytes | None = None
    exif: bytes | None = None
    text: dict[str, str] = field(default_factory=dict)
    dpi: tuple[float, float] | None = None

    @property
    def pixel(self) -> int:
        """Bytes of a pixel."""
        return self.channels * self.depth // 8

    @property
    def bytes(self) -> int:
        """Of all pixels."""
        return self.width * self.height * self.pixel


class TiffSink:
    """An uncompressed BigTIFF of its full size, whose pixels can be written in any order, also after a restart."""

    def __init__(self, path: Path, layout: TiffLayout) -> None:
        """Open a file that `create` made with this layout.

        Raises:
            InputError: it is not that file.
            OSError: it cannot be opened.
        """
        head = _head(layout)
        self._layout = layout
        self._start = len(head)
        self._file: BinaryIO = open(path, "r+b", buffering=0)  # noqa: SIM115 - closed by `close`
        if self._file.read(len(head)) != head or path.stat().st_size != len(head) + layout.bytes:
            self._file.close()
            raise InputError(f"'{path.name}' is not the unfinished file of this job.")

    @classmethod
    def create(cls, path: Path, layout: TiffLayout) -> TiffSink:
        """Make the file, all black, replacing what is there.

        Raises:
            InputError: the disk has too little room.
            OSError: it cannot be written there.
        """
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
            levels = to_levels(pixels[top : top + _ROWS], layout.depth)
            levels = np.ascontiguousarray(levels, f"<u{layout.depth // 8}")
            rows = [levels] if box.width == layout.width else list(levels)
            for y, row in enumerate(rows, box.y0 + top):
                self._file.seek(self._start + (y * layout.width + box.x0) * layout.pixel)
                rest = memoryview(row).cast("B")
                while rest:
                    rest = rest[self._file.write(rest) :]

    def flush(self) -> None:
        """Return when everything written is on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _head(layout: TiffLayout) -> bytes:
    rows = max(1, min(layout.height, _STRIP // (layout.width * layout.pixel)))
    starts = range(0, layout.height, rows)
    sizes = [min(rows, layout.height - start) * layout.width * layout.pixel for start in starts]
    described, inner = tags.described(layout.icc, layout.exif, layout.text, layout.dpi)
    entries = [
        tags.numbers(tiff.WIDTH, tags.LONG, layout.width),
        tags.numbers(tiff.HEIGHT, tags.LONG, layout.height),
        tags.numbers(tiff.BITS, tags.SHORT, *[layout.depth] * layout.channels),
        tags.numbers(tiff.COMPRESSION, tags.SHORT, 1),
        tags.numbers(tiff.PHOTOMETRIC, tags.SHORT, 2 if layout.channels > 2 else 1),
        tags.numbers(tiff.CHANNELS, tags.SHORT, layout.channels),
        tags.numbers(tiff.ROWS_PER_STRIP, tags.LONG, rows),
        tags.numbers(tiff.STRIP_SIZES, tags.LONG8, *sizes),
        tags.numbers(tiff.PLANES, tags.SHORT, 1),
        *described,
    ]
    if layout.channels in (2, 4):
        entries.append(tags.numbers(tiff.EXTRA_CHANNELS, tags.SHORT, _STRAIGHT_ALPHA))

    def build(first: int) -> bytes:
        places = (first + start * layout.width * layout.pixel for start in starts)
        return tags.head([*entries, tags.numbers(tiff.STRIP_OFFSETS, tags.LONG8, *places)], inner)

    return build(len(build(0)))  # its length does not depend on where the pixels begin

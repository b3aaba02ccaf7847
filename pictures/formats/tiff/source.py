"""TIFF files of which only the asked pixels are read."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import BinaryIO

import torch

from ....hires.tiles.boxes import Box
from ...base.errors import PictureError, reading
from ...base.exif import split_facts
from ...base.levels import from_levels
from . import tags
from .pages import Page
from .segments import UNPACKED_HERE, Segments
from .tags import TiffInfo, as_tuple, read_info

log = logging.getLogger("hires-fix")


class TiffSource:
    """A `Source` on a TIFF or BigTIFF file; memory holds the strips or tiles around the box that was read last."""

    @classmethod
    def open(cls, path: Path, page: Page | None = None) -> TiffSource | None:
        """Open a file, or this page of it; None where it has to be read as a whole: anything but 8 or 16 bit grey or
        RGB, with or without straight alpha, upright, channels together, uncompressed or packed with Deflate.
        """
        file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed by `close`
        try:
            return cls(path, file, read_info(file, page.place if page else None))
        except Exception as error:  # what is wrong with it, reading it as a whole will tell
            log.debug("'%s' is not read piece by piece: %s", path.name, error)
            file.close()
            return None

    def __init__(self, path: Path, file: BinaryIO, info: TiffInfo) -> None:
        """Take an open file; use `open`. Raises whatever comes up if it is not of the right kind."""
        self.facts, orientation = split_facts(info.facts)
        self.width, self.height = info.size
        self.channels = info.channels
        if not _is_simple(info) or max(orientation, info.orientation) != 1:
            raise PictureError("it is of another kind")
        self._path, self._file = path, file
        self._segments = Segments(file, info, keep=True)
        self.read(Box(0, 0, 1, 1))

    def read(self, box: Box) -> torch.Tensor:
        """See `Source`. Raises PictureError if the file is damaged there."""
        with reading(self._path):
            return from_levels(self._segments.read(box))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _is_simple(info: TiffInfo) -> bool:
    """Whether it is read piece by piece."""
    values, colours = info.tags, {tags.BLACK_IS_ZERO: 1, tags.RGB: 3}.get(info.photometric, -1)
    return (
        info.compression in UNPACKED_HERE
        and info.bits in (8, 16)
        and info.channels - colours in (0, 1)
        and (info.channels == colours or as_tuple(values.get(tags.EXTRA_CHANNELS, ())) == (tags.STRAIGHT_ALPHA,))
        and (info.channels == 1 or values.get(tags.PLANES, 1) == 1)
        and set(as_tuple(values.get(tags.NUMBER_FORMAT, 1))) == {1}
        and values.get(tags.PREDICTOR, 1) in (1, tags.DIFFERENCES)
        and values.get(tags.FILL_ORDER, 1) == 1
    )

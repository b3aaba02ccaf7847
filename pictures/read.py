"""Reading picture files."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from .base.errors import PictureError, reading
from .base.exif import split_facts
from .base.levels import from_levels, upright
from .base.limits import check_picture
from .base.picture import FileFacts, Picture
from .formats import pillow, png, sixteen_bit
from .formats.tiff import pixels, segments, tags

log = logging.getLogger("hires-fix")


def read_picture(path: str | os.PathLike[str]) -> Picture:
    """Read a picture file; of one with several pictures, the first.

    PNG and TIFF with 8 or 16 bits a channel, TIFF also with floats and other integers; JPEG, WebP, GIF, BMP, TGA and
    whatever else Pillow reads without help. Palettes and 1 to 4 bits become 8 bits, CMYK (by its profile, if it has
    one) and LAB become sRGB, the EXIF orientation is applied.

    Raises:
        PictureError: no such file, not a picture, damaged, cut off, of a kind that cannot be read, or larger than
            `check_picture` allows, which is found out before anything is decoded.
    """
    path = Path(path)
    with reading(path), path.open("rb") as file:
        picture = read_open(file)
    if picture.note:
        log.warning("'%s': %s", path.name, picture.note)
    return picture


def read_open(file: BinaryIO) -> Picture:
    """Read the picture of an open file, at its start; within `reading`."""
    levels, raw, note = _read(file)
    facts, orientation = split_facts(raw)
    facts = replace(facts, depth=8 if levels.dtype == np.uint8 else 16)
    return Picture(from_levels(np.ascontiguousarray(upright(levels, orientation))), facts, note)


def _read(file: BinaryIO) -> tuple[np.ndarray, FileFacts, str]:
    """Return uint8 or uint16, or float32 from 0 to 1; what the file says, as it is there; what was assumed."""
    head = file.read(len(png.SIGNATURE))
    file.seek(0)
    if not head:
        raise PictureError("it is empty")
    if head.startswith(png.SIGNATURE):
        return _read_png(file)
    if head.startswith(tags.SIGNATURES):
        return _read_tiff(file)
    return pillow.read(file)


def _read_png(file: BinaryIO) -> tuple[np.ndarray, FileFacts, str]:
    info = png.read_info(file)
    check_picture(info.width, info.height, info.channels, max(1, info.bits // 8), pillow.length(file))
    if info.bits == 16:
        return sixteen_bit.decode(info.bare), info.facts, ""
    return pillow.levels_of(pillow.open_header(info.bare))[0], info.facts, ""


def _read_tiff(file: BinaryIO) -> tuple[np.ndarray, FileFacts, str]:
    info = tags.read_info(file)
    facts = info.facts
    check_picture(*info.size, min(info.channels, 5), max(1, info.bits // 8), pillow.length(file))
    segments.segment_size(info)  # also where Pillow reads it
    if not pixels.is_taken(info):
        image = pillow.open_header(file)
        levels, note = pillow.levels_of(image)
        return levels, replace(facts, icc=None) if image.mode == "CMYK" else facts, note
    levels, note = pixels.read_pixels(file, info)
    if info.photometric == tags.CMYK:
        image = Image.fromarray(_eight_bits(levels), "CMYK")
        image.info["icc_profile"] = facts.icc
        levels = np.asarray(pillow.from_cmyk(image))
    return levels, facts if info.photometric in pixels.KEPT else replace(facts, icc=None), note


def _eight_bits(levels: np.ndarray) -> np.ndarray:
    return levels if levels.dtype == np.uint8 else ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)

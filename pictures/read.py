"""Reading picture files, or their texts alone."""

from __future__ import annotations

import logging
import os
from collections.abc import Container
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
from .formats.tiff.pages import Page

log = logging.getLogger("hires-fix")

_WITH_EXIF = ("JPEG", "WEBP", "AVIF")
"""Read by Pillow: those that carry an EXIF block."""

_REMEDY = "Copy the file again from where it was made; to save it anew with an image editor may lose its text"


def read_picture(path: str | os.PathLike[str], page: Page | None = None) -> Picture:
    """Read a picture file; of one with several pictures the first, or this page of a TIFF.

    PNG and TIFF with 8 or 16 bits a channel, TIFF also with floats and other integers; JPEG, WebP, GIF, BMP, TGA and
    whatever else Pillow reads without help. Palettes and 1 to 4 bits become 8 bits, CMYK (by its profile, if it has
    one) and LAB become sRGB, the EXIF orientation is applied.

    Raises:
        PictureError: no such file, not a picture, damaged, cut off, of a kind that cannot be read, or larger than
            `check_picture` allows, which is found out before anything is decoded.
    """
    path = Path(path)
    with reading(path), path.open("rb") as file:
        picture = read_open(file, page)
    if picture.note:
        log.warning("'%s': %s", path.name, picture.note)
    return picture


def read_open(file: BinaryIO, page: Page | None = None) -> Picture:
    """`read_picture` of an open file, at its start; within `reading`."""
    levels, raw, note = _read(file, page)
    facts, orientation = split_facts(raw)
    facts = replace(facts, depth=8 if levels.dtype == np.uint8 else 16)
    return Picture(from_levels(np.ascontiguousarray(upright(levels, orientation))), facts, note)


def read_texts(file: BinaryIO, keys: Container[str]) -> tuple[dict[str, str], str]:
    """Read texts of a PNG, JPEG, WebP, AVIF or TIFF file at its start: those of `keys`, and perhaps others.

    Returns the texts, by the keys of `FileFacts.text`; and what is wrong with the picture behind them, as "it is cut
    off", empty if nothing is known to be. Raises PictureError if it is not such a file, or one that is so damaged that
    none of the texts can be found.
    """
    try:
        facts, damage = _read_texts(file, keys)
    except PictureError as error:
        raise _unreadable(str(error)) from error
    except Image.DecompressionBombError as error:
        raise _unreadable("it has more pixels than Pillow takes") from error
    except Exception as error:  # every format has its own complaints about a damaged file
        reason = f"it is damaged, or of a format that is not known ({type(error).__name__})"
        raise _unreadable(reason) from error
    texts = split_facts(facts)[0].text
    if damage and not any(key in keys for key in texts):
        raise _unreadable(damage)
    return texts, damage


def _read(file: BinaryIO, page: Page | None) -> tuple[np.ndarray, FileFacts, str]:
    """Return uint8 or uint16, or float32 from 0 to 1; what the file says, as it is there; what was assumed."""
    head = file.read(len(png.SIGNATURE))
    file.seek(0)
    if not head:
        raise PictureError("it is empty")
    if head.startswith(png.SIGNATURE):
        return _read_png(file)
    if head.startswith(tags.SIGNATURES):
        return _read_tiff(file, page)
    return pillow.read(file)


def _read_png(file: BinaryIO) -> tuple[np.ndarray, FileFacts, str]:
    info = png.read_info(file)
    check_picture(info.width, info.height, info.channels, max(1, info.bits // 8), pillow.length(file))
    if info.bits == 16:
        return sixteen_bit.decode(info.bare), info.facts, ""
    return pillow.levels_of(pillow.open_header(info.bare))[0], info.facts, ""


def _read_tiff(file: BinaryIO, page: Page | None) -> tuple[np.ndarray, FileFacts, str]:
    info = tags.read_info(file, page.place if page else None)
    facts = info.facts
    check_picture(*info.size, min(info.channels, 5), max(1, info.bits // 8), pillow.length(file))
    segments.segment_size(info)  # also where Pillow reads it
    if not pixels.is_taken(info):
        image = pillow.open_header(file)
        image.seek(page.number if page else 0)
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


def _unreadable(reason: str) -> PictureError:
    return PictureError(f"The picture cannot be read: {reason}. {_REMEDY}.", "image")


def _read_texts(file: BinaryIO, keys: Container[str]) -> tuple[FileFacts, str]:
    head = file.read(16)
    file.seek(0)
    if head.startswith(png.SIGNATURE):
        return png.read_texts(file, keys)
    if head.startswith(tags.SIGNATURES):
        return tags.read_info(file).facts, ""
    Image.init()  # AVIF came late: not every Pillow has it
    with Image.open(file, formats=[name for name in _WITH_EXIF if name in Image.OPEN]) as image:
        return FileFacts(exif=image.info.get("exif")), ""

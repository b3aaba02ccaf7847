"""Writing picture files."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

import numpy as np
import torch
from PIL import Image

from ..hires.tiles.boxes import Box
from .base.errors import PictureError, writing
from .base.exif import fit_exif, join_exif
from .base.levels import LevelRows, to_levels
from .base.picture import XMP, FileFacts, Picture
from .formats.png import PngWriter
from .formats.tiff.write import HEADER_LINK, write_tiff
from .source import Source

log = logging.getLogger("hires-fix")

PictureFormat = Literal["png", "jpeg", "webp", "tiff"]
FORMATS: tuple[PictureFormat, ...] = get_args(PictureFormat)
EXTENSIONS: dict[PictureFormat, str] = {"png": ".png", "jpeg": ".jpg", "webp": ".webp", "tiff": ".tif"}
"""How the names of files end."""

DEEP_FORMATS: tuple[PictureFormat, ...] = ("png", "tiff")
"""Formats that can have 16 bits a channel."""

UNFINISHED = ".hires-fix-"
"""How the names of files begin that are being written. One that is left over after a crash can be deleted."""

# JPEG could have 65535, but libjpeg, which is behind Pillow, refuses more than this
_LONGEST_SIDE = {"png": 2**31 - 1, "jpeg": 65500, "webp": 16383, "tiff": 2**31 - 1}
_JPEG_SEGMENT = 65533 - len(b"Exif\0\0")  # a segment of a JPEG file has 16 bits for its length
_FULL_COLOUR = 90  # from this quality on, JPEG keeps the colours of every pixel
_LOSSLESS = 100
_ROWS = 256


def write_picture(
    path: str | os.PathLike[str], picture: Picture, format: PictureFormat, quality: int = 95, overwrite: bool = False
) -> None:
    """Write a picture file. It appears complete or not at all.

    Args:
        path: the file; its name may end in anything.
        picture: pixels without not-a-number. Its depth counts for PNG and TIFF; JPEG and WebP always have 8 bits.
            JPEG has no transparency: the picture is laid on white, as A1111 does. A profile that does not fit the
            channels (one for grey on an RGB picture, …) is left out, and so are texts that the format has no place
            for, and what is too long for it; the log says so.
        format: one of `FORMATS`.
        quality: 1 to 100, of JPEG and WebP; WebP is lossless with 100.
        overwrite: replace a file of that name.

    Raises:
        PictureError: there is a file of that name, it cannot be written there, or the format cannot hold the picture.
    """
    path = Path(path)
    if format not in FORMATS:
        raise PictureError(f"pictures can be written as {', '.join(FORMATS)}, but not as '{format}'.", "format")
    height, width, channels = picture.pixels.shape
    if not 1 <= channels <= 4 or picture.facts.depth not in (8, 16):
        raise PictureError(f"a picture has 1 to 4 channels of 8 or 16 bits, not {channels} of {picture.facts.depth}.")
    check_sides(path.name, format, width, height)
    with writing(path), complete_or_absent(path, overwrite) as file:
        encode(file, picture, format, quality)


def write_source(
    path: Path, source: Source, facts: FileFacts, format: PictureFormat, quality: int = 95, overwrite: bool = False
) -> None:
    """`write_picture` of one that is read piece by piece, with these facts. PNG and TIFF hold some rows in memory."""
    height, width, channels = source.height, source.width, source.channels
    if format not in DEEP_FORMATS:
        picture = Picture(source.read(Box(0, 0, width, height)), facts)
        write_picture(path, picture, format, quality, overwrite)
        return
    check_sides(path.name, format, width, height)

    def rows(first: int, end: int) -> torch.Tensor:
        return source.read(Box(0, first, width, end))

    levels, fitting = LevelRows((height, width, channels), facts.depth, rows), _fitting(facts, channels)
    with writing(path), complete_or_absent(path, overwrite) as file:
        if format == "tiff":
            write_tiff(file, levels, fitting)
            return
        writer = PngWriter(file, width, height, channels, fitting)
        for first in range(0, height, _ROWS):
            writer.write(levels[first : first + _ROWS])
        writer.close()


def encode(file: BinaryIO, picture: Picture, format: PictureFormat, quality: int, **options: Any) -> None:
    """Write a picture to an open file; `options` are Pillow's, for a WebP animation that begins with this picture."""
    _WRITERS[format](file, picture, quality, **options)


def check_sides(name: str, format: PictureFormat, width: int, height: int) -> None:
    """Refuse (PictureError) a picture that is too long for the format of this file."""
    if max(width, height) > _LONGEST_SIDE[format]:
        raise PictureError(
            f"'{name}' cannot be written: a {format} file has up to {_LONGEST_SIDE[format]} pixels a side, but "
            f"the picture has {width}x{height}. Use png or tiff.",
            "format",
        )


@contextmanager
def complete_or_absent(path: Path, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Give a file to write to that gets its name only at the end, if nothing was raised.

    Raises PictureError if there is a file of that name already.
    """
    _refuse_existing(path, overwrite)
    unfinished = path.with_name(f"{UNFINISHED}{uuid.uuid4().hex}")
    try:
        with unfinished.open("xb") as file:
            yield file
        _refuse_existing(path, overwrite)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _refuse_existing(path: Path, overwrite: bool) -> None:
    if not overwrite and os.path.lexists(path):
        raise PictureError("there is a file of that name already")


def _write_png(file: BinaryIO, picture: Picture, quality: int) -> None:
    height, width, channels = picture.pixels.shape
    writer = PngWriter(file, width, height, channels, _fitting(picture.facts, channels))
    for rows in picture.pixels.split(_ROWS):  # so that there is no second picture in memory
        writer.write(to_levels(rows, picture.facts.depth))
    writer.close()


def write_page(file: BinaryIO, picture: Picture, link: int = HEADER_LINK) -> int:
    """Write a page of a TIFF file, at its end; see `write_tiff`."""
    levels = to_levels(picture.pixels, picture.facts.depth)
    return write_tiff(file, levels, _fitting(picture.facts, levels.shape[-1]), link)


def _write_jpeg(file: BinaryIO, picture: Picture, quality: int) -> None:
    pixels = picture.pixels
    if pixels.shape[-1] in (2, 4):
        alpha = pixels[..., -1:].clamp(0, 1)
        pixels = pixels[..., :-1] * alpha + (1 - alpha)
    facts = _fitting(picture.facts, pixels.shape[-1])
    exif = fit_exif(facts.exif, facts.text, _JPEG_SEGMENT)
    more = {"xmp": facts.text[XMP].encode("utf-8", "replace")} if XMP in facts.text else {}
    if "Comment" in facts.text:
        more["comment"] = facts.text["Comment"].encode("utf-8", "replace")
    for key in [key for key, value in more.items() if len(value) > _JPEG_SEGMENT - 64]:
        log.warning("The %s (%d bytes) is too long for a JPEG file and left out.", key, len(more.pop(key)))
    _save(
        file,
        to_levels(pixels, 8),
        "JPEG",
        quality=quality,
        subsampling=0 if quality >= _FULL_COLOUR else 2,
        icc_profile=facts.icc,
        exif=b"Exif\0\0" + exif if exif else b"",
        **({"dpi": facts.dpi} if facts.dpi else {}),
        **more,
    )


def _write_webp(file: BinaryIO, picture: Picture, quality: int, **animation: Any) -> None:
    levels = to_levels(picture.pixels, 8)
    if levels.shape[-1] <= 2:  # WebP knows no grey
        levels = np.concatenate([levels[..., :1].repeat(3, axis=-1), levels[..., 1:]], axis=-1)
    facts = _fitting(picture.facts, levels.shape[-1])
    exif = join_exif(facts.exif, facts.text)
    _save(
        file,
        levels,
        "WEBP",
        quality=quality,
        lossless=quality == _LOSSLESS,
        exact=quality == _LOSSLESS,
        icc_profile=facts.icc or b"",
        exif=b"Exif\0\0" + exif if exif else b"",
        xmp=facts.text.get(XMP, "").encode("utf-8", "replace"),
        **animation,
    )


_WRITERS = {"png": _write_png, "jpeg": _write_jpeg, "webp": _write_webp, "tiff": lambda f, p, _: write_page(f, p)}


def _save(file: BinaryIO, levels: np.ndarray, format: str, **options: Any) -> None:
    Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels).save(file, format, **options)


def _fitting(facts: FileFacts, channels: int) -> FileFacts:
    """Leave out a colour profile that is none for such a picture; programs refuse or misread it."""
    kind = facts.icc[16:20] if facts.icc is not None else None
    if kind is None or kind == (b"RGB " if channels > 2 else b"GRAY"):
        return facts
    log.warning("The colour profile is for %s and left out of a picture with %d channels.", kind, channels)
    return replace(facts, icc=None)

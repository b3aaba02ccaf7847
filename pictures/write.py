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
from PIL import Image

from .metadata import fit_exif, join_exif
from .picture import XMP, Picture, PictureError, to_levels
from .png import PngWriter
from .tiff.write import HEADER_LINK, write_tiff

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
    path: str | os.PathLike[str],
    picture: Picture,
    format: PictureFormat,
    quality: int = 95,
    overwrite: bool = False,
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
    if not 1 <= channels <= 4 or picture.depth not in (8, 16):
        raise PictureError(f"a picture has 1 to 4 channels of 8 or 16 bits, not {channels} of {picture.depth}.")
    check_sides(path.name, format, width, height)
    with writing(path), complete_or_absent(path, overwrite) as file:
        encode(file, picture, format, quality)


def encode(file: BinaryIO, picture: Picture, format: PictureFormat, quality: int, **options: Any) -> None:
    """Write a picture to an open file; `options` are Pillow's, for a WebP animation that begins with this picture."""
    _WRITERS[format](file, picture, quality, **options)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name the file in what goes wrong while it is written."""
    try:
        yield
    except OSError as error:
        raise PictureError(f"'{path.name}' cannot be written: {error.strerror or error}.") from error
    except PictureError as error:
        if error.input_name == "image":  # of a file that is read meanwhile, and already named
            raise
        raise PictureError(f"'{path.name}' cannot be written: {error}.", error.input_name) from error


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

    Raises:
        PictureError: there is a file of that name already.
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
    writer = PngWriter(file, width, height, replace(picture, icc=_fitting_profile(picture, channels)))
    for rows in picture.pixels.split(_ROWS):  # so that there is no second picture in memory
        writer.write(to_levels(rows, picture.depth))
    writer.close()


def _write_tiff(file: BinaryIO, picture: Picture, quality: int) -> None:
    write_page(file, picture)


def write_page(file: BinaryIO, picture: Picture, link: int = HEADER_LINK) -> int:
    """Write a page of a TIFF file, at its end; see `write_tiff`."""
    levels = to_levels(picture.pixels, picture.depth)
    return write_tiff(file, levels, replace(picture, icc=_fitting_profile(picture, levels.shape[-1])), link)


def _write_jpeg(file: BinaryIO, picture: Picture, quality: int) -> None:
    pixels = picture.pixels
    if pixels.shape[-1] in (2, 4):
        alpha = pixels[..., -1:].clamp(0, 1)
        pixels = pixels[..., :-1] * alpha + (1 - alpha)
    exif = fit_exif(picture.exif, picture.text, _JPEG_SEGMENT)
    more = {"xmp": picture.text[XMP].encode("utf-8", "replace")} if XMP in picture.text else {}
    if "Comment" in picture.text:
        more["comment"] = picture.text["Comment"].encode("utf-8", "replace")
    for key in [key for key, value in more.items() if len(value) > _JPEG_SEGMENT - 64]:
        log.warning("The %s (%d bytes) is too long for a JPEG file and left out.", key, len(more.pop(key)))
    _save(
        file,
        to_levels(pixels, 8),
        "JPEG",
        quality=quality,
        subsampling=0 if quality >= _FULL_COLOUR else 2,
        icc_profile=_fitting_profile(picture, pixels.shape[-1]),
        exif=b"Exif\0\0" + exif if exif else b"",
        **({"dpi": picture.dpi} if picture.dpi else {}),
        **more,
    )


def _write_webp(file: BinaryIO, picture: Picture, quality: int, **animation: Any) -> None:
    levels = to_levels(picture.pixels, 8)
    if levels.shape[-1] <= 2:  # WebP knows no grey
        levels = np.concatenate([levels[..., :1].repeat(3, axis=-1), levels[..., 1:]], axis=-1)
    exif = join_exif(picture.exif, picture.text)
    _save(
        file,
        levels,
        "WEBP",
        quality=quality,
        lossless=quality == _LOSSLESS,
        exact=quality == _LOSSLESS,
        icc_profile=_fitting_profile(picture, levels.shape[-1]) or b"",
        exif=b"Exif\0\0" + exif if exif else b"",
        xmp=picture.text.get(XMP, "").encode("utf-8", "replace"),
        **animation,
    )


_WRITERS = {"png": _write_png, "jpeg": _write_jpeg, "webp": _write_webp, "tiff": _write_tiff}


def _save(file: BinaryIO, levels: np.ndarray, format: str, **options: Any) -> None:
    Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels).save(file, format, **options)


def _fitting_profile(picture: Picture, channels: int) -> bytes | None:
    """Return the colour profile if it is one for such a picture; programs refuse or misread any other."""
    if picture.icc is None:
        return None
    kind = picture.icc[16:20]
    if kind == (b"RGB " if channels > 2 else b"GRAY"):
        return picture.icc
    log.warning("The colour profile is for %s and left out of a picture with %d channels.", kind, channels)
    return None

"""The texts of a picture file, without its pixels."""

from __future__ import annotations

from typing import BinaryIO

from PIL import Image

from . import png, tiff
from .metadata import split_exif
from .picture import PictureError

_FORMATS = ("JPEG", "WEBP", "AVIF")
"""Read by Pillow: those that carry an EXIF block."""


def read_texts(file: BinaryIO) -> dict[str, str]:
    """Return the texts of a PNG, JPEG, WebP, AVIF or TIFF file under the keys that `Picture.text` has.

    Raises:
        PictureError: not such a file, or a damaged one.
    """
    try:
        found, exif = _read(file)
    except PictureError as error:
        raise PictureError(f"The picture cannot be read: {error}.", "image") from error
    except Exception as error:  # every format has its own complaints about a damaged file
        reason = f"it is damaged, or of a format that is not known ({type(error).__name__})"
        raise PictureError(f"The picture cannot be read: {reason}.", "image") from error
    return {**found, **split_exif(exif)[2]}


def _read(file: BinaryIO) -> tuple[dict[str, str], bytes | None]:
    head = file.read(16)
    file.seek(0)
    if head.startswith(png.SIGNATURE):
        info = png.read_info(file)
        return info.text, info.exif
    if head.startswith(tiff.SIGNATURES):
        info = tiff.read_info(file)
        return info.text, info.exif
    with Image.open(file, formats=[name for name in _FORMATS if name in _known()]) as image:
        return {}, image.info.get("exif")


def _known() -> set[str]:
    """What this Pillow can read: AVIF came late."""
    Image.init()
    return set(Image.OPEN)

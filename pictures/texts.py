"""The texts of a picture file, without its pixels."""

from __future__ import annotations

from collections.abc import Container
from typing import BinaryIO

from PIL import Image

from .base.errors import PictureError
from .base.exif import split_facts
from .base.picture import FileFacts
from .formats import png
from .formats.tiff import tags

_FORMATS = ("JPEG", "WEBP", "AVIF")
"""Read by Pillow: those that carry an EXIF block."""

_REMEDY = "Copy the file again from where it was made; to save it anew with an image editor may lose its text"


def read_texts(file: BinaryIO, keys: Container[str]) -> tuple[dict[str, str], str]:
    """Read texts of a PNG, JPEG, WebP, AVIF or TIFF file.

    Args:
        file: at its start.
        keys: which texts are wanted, by the keys that `FileFacts.text` has. There may be others in the result.

    Returns:
        The texts; and what is wrong with the picture behind them, as "it is cut off", empty if nothing is known to be.

    Raises:
        PictureError: not such a file, or one that is so damaged that none of the texts can be found.
    """
    try:
        facts, damage = _read(file, keys)
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


def _unreadable(reason: str) -> PictureError:
    return PictureError(f"The picture cannot be read: {reason}. {_REMEDY}.", "image")


def _read(file: BinaryIO, keys: Container[str]) -> tuple[FileFacts, str]:
    head = file.read(16)
    file.seek(0)
    if head.startswith(png.SIGNATURE):
        return png.read_texts(file, keys)
    if head.startswith(tags.SIGNATURES):
        return tags.read_info(file).facts, ""
    with Image.open(file, formats=[name for name in _FORMATS if name in _known()]) as image:
        return FileFacts(exif=image.info.get("exif")), ""


def _known() -> set[str]:
    """What this Pillow can read: AVIF came late."""
    Image.init()
    return set(Image.OPEN)

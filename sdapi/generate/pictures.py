"""Pictures in requests and replies: decoded, and encoded with the texts that A1111 puts into them."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence

from PIL import Image, ImageOps, PngImagePlugin

from ..body import no_picture, picture_bytes
from ..errors import ApiError, failed
from .placing import MOST_PIXELS

_FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "ICO", "TGA")
"""What is decoded, as Pillow names it. Other kinds start programs (EPS), or are no pictures of clients."""

ENDINGS = {"png": "png", "jpg": "jpg", "jpeg": "jpg", "webp": "webp"}
"""A1111's file formats that are written here, and the endings of their files."""

_USER_COMMENT, _EXIF_IFD = 0x9286, 0x8769
_UNICODE = b"UNICODE\0"


def decoded(text: str) -> Image.Image:
    """A picture that was sent, loaded and turned upright; nothing is decoded that is larger than the limits.

    Raises:
        ApiError: it is none, or too large; an address, which no request may have fetched.
    """
    if not isinstance(text, str):
        raise no_picture()
    file = io.BytesIO(picture_bytes(text))
    try:
        image = Image.open(file)
        if image.format not in _FORMATS:
            raise no_picture()
        if image.width * image.height > MOST_PIXELS:
            raise _too_large(image)
        image.load()
        upright = ImageOps.exif_transpose(image)
    except (ApiError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise failed("ValueError", f"The picture is too large: {error}") from error
    except Exception as error:  # whatever Pillow's readers say of bytes that are none
        raise no_picture() from error
    upright.info.update({key: value for key, value in image.info.items() if isinstance(value, str)})
    return upright


def plain(image: Image.Image) -> Image.Image:
    """Red, green, blue and, where it has them as they are, transparency: what A1111 keeps of any picture."""
    if image.mode in ("RGB", "RGBA"):
        return image
    changed = image.convert("RGB")
    changed.info.update(image.info)
    return changed


def _too_large(image: Image.Image) -> ApiError:
    return failed("ValueError", f"The picture has {image.width}x{image.height} pixels; the most are {MOST_PIXELS}.")


def encoded(
    image: Image.Image, texts: Mapping[str, str], form: str = "png", quality: int = 80, lossless: bool = False
) -> bytes:
    """A picture as a file. `form`: of `ENDINGS`; texts go where A1111 puts them in each. Raises ApiError."""
    file = io.BytesIO()
    if form == "png":
        info = PngImagePlugin.PngInfo()
        for key, value in texts.items():
            info.add_text(key, value)
        image.save(file, "PNG", pnginfo=info)
    elif form in ENDINGS:
        exif = Image.Exif()
        if "parameters" in texts:
            exif.get_ifd(_EXIF_IFD)[_USER_COMMENT] = _UNICODE + texts["parameters"].encode("utf-16-be")
        if form == "webp":
            image.save(file, "WEBP", quality=quality, lossless=lossless, exif=exif)
        else:
            image.convert("RGB").save(file, "JPEG", quality=quality, exif=exif)
    else:
        raise failed("HTTPException", f"Invalid image format: samples_format is {form!r}; there are png, jpg and webp.")
    return file.getvalue()


def grid(images: Sequence[Image.Image], rows: int | None = None) -> Image.Image:
    """All pictures in one, in so many rows, or as A1111 lays them out with its settings at their defaults."""
    rows = min(len(images), rows or round(math.sqrt(len(images))))
    columns = math.ceil(len(images) / rows)
    width, height = images[0].size
    sheet = Image.new("RGB", (columns * width, rows * height), "black")
    for index, image in enumerate(images):
        sheet.paste(image, (index % columns * width, index // columns * height))
    return sheet

"""Reading picture files."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms

from . import png, sixteen_bit, tiff, tiff_pixels
from .metadata import split_exif
from .orientation import upright
from .picture import MAX_PIXELS, XMP, Picture, PictureError, from_levels

log = logging.getLogger("hires-fix")

# those that can be told by their first bytes and that Pillow reads by itself: some others run programs
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "JPEG2000", "PPM", "ICO", "DDS", "PSD")

_PLAIN = {"L", "LA", "RGB", "RGBA"}
_CONVERTED = {"1": "L", "La": "LA", "RGBa": "RGBA", "RGBX": "RGB", "PA": "RGBA", "YCbCr": "RGB", "HSV": "RGB"}
_WITH_ALPHA = {"L": "LA", "RGB": "RGBA"}


@dataclass
class _Found:
    """What a file holds, as it is in the file."""

    levels: np.ndarray
    icc: bytes | None = None
    exif: bytes | None = None
    text: dict[str, str] = field(default_factory=dict)
    dpi: tuple[float, float] | None = None


def read_picture(path: str | os.PathLike[str]) -> Picture:
    """Read a picture file; of one with several pictures, the first.

    PNG and TIFF with 8 or 16 bits a channel; JPEG, WebP, GIF, BMP and whatever else Pillow reads without help. Palettes
    and 1 to 4 bits become 8 bits, CMYK becomes sRGB (by its profile, if it has one), the EXIF orientation is applied.

    Raises:
        PictureError: no such file, not a picture, damaged, cut off, of a kind that cannot be read, or more than
            `MAX_PIXELS`.
    """
    path = Path(path)
    with reading(path), path.open("rb") as file:
        return read_open(file)


def read_open(file: BinaryIO) -> Picture:
    """Read the picture of an open file; within `reading`."""
    return _picture(_read(file))


def read_frames(file: BinaryIO) -> Iterator[tuple[np.ndarray, Image.Image]]:
    """Yield the frames of an animation that Pillow reads, `(H, W, C)`, each with the file as it stands at that frame;
    within `reading`."""
    image = _opened(file, file.read(16))
    for index in range(getattr(image, "n_frames", 1)):
        image.seek(index)
        yield _levels(image), image


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Make a PictureError with the file's name of whatever goes wrong inside."""
    try:
        yield
    except PictureError as error:
        raise PictureError(f"'{path.name}' cannot be read: {error}.", "image") from error
    except Image.DecompressionBombError as error:  # WebP and TIFF ask the limit that all of the host shares
        raise PictureError(f"'{path.name}' cannot be read: it has more pixels than Pillow takes.", "image") from error
    except MemoryError as error:
        raise PictureError(f"'{path.name}' cannot be read: there is not enough memory for it.", "image") from error
    except Exception as error:  # every format and decoder has its own complaints about a damaged file
        system = isinstance(error, OSError) and error.strerror
        reason = system or f"it is damaged or cut off ({type(error).__name__}: {error})"
        raise PictureError(f"'{path.name}' cannot be read: {reason}.", "image") from error


@cache
def endings() -> frozenset[str]:
    """Return how the names of files end that can be read, as ".png"."""
    Image.init()
    return frozenset(ending for ending, name in Image.registered_extensions().items() if name in _FORMATS)


def _picture(found: _Found) -> Picture:
    exif, orientation, text = split_exif(found.exif)
    sideways = orientation >= 5 and found.dpi is not None
    return Picture(
        pixels=from_levels(np.ascontiguousarray(upright(found.levels, orientation))),
        depth=8 * found.levels.itemsize,
        icc=found.icc,
        exif=exif,
        text={**found.text, **text},
        dpi=found.dpi[::-1] if sideways else found.dpi,
    )


def _read(file: BinaryIO) -> _Found:
    head = file.read(16)
    file.seek(0)
    if not head:
        raise PictureError("it is empty")
    if head.startswith(png.SIGNATURE):
        return _read_png(file)
    if head.startswith(tiff.SIGNATURES):
        return _read_tiff(file)
    return _read_by_pillow(file, head)


def _read_png(file: BinaryIO) -> _Found:
    info = png.read_info(file)
    _check_size(info.width, info.height)
    sixteen = info.depth == 16
    levels = sixteen_bit.decode(info.bare, "png_pipe") if sixteen else _levels(_opened(info.bare, png.SIGNATURE))
    return _Found(levels, info.icc, info.exif, info.text, info.dpi)


def _read_tiff(file: BinaryIO) -> _Found:
    info = tiff.read_info(file)
    if info.depth not in (1, 2, 4, 8, 16):
        raise PictureError(f"it has {info.depth} bits a channel. Convert it to 8 or 16")
    width, height = info.tags.get(tiff.WIDTH, 0), info.tags.get(tiff.HEIGHT, 0)
    _check_size(width, height)
    icc = info.icc
    if info.depth == 16 or tiff_pixels.is_simple(info):
        levels = tiff_pixels.read_pixels(file, info)
    else:
        file.seek(0)
        head = file.read(16)
        image = _opened(file, head)
        levels = _levels(image)
        icc = None if image.mode == "CMYK" else icc
    return _Found(levels, icc, info.exif, info.text, info.dpi)


def _read_by_pillow(file: BinaryIO, head: bytes) -> _Found:
    image = _opened(file, head)
    _check_size(*image.size)
    levels = _levels(image)
    said = image.info
    text = {}
    comment = said.get("comment")
    if comment:
        text["Comment"] = comment.decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment)
    if isinstance(said.get("xmp"), bytes):
        text[XMP] = said["xmp"].decode("utf-8", "replace")
    return _Found(
        levels=levels,
        icc=None if image.mode == "CMYK" else said.get("icc_profile") or None,
        exif=said.get("exif"),
        text=text,
        dpi=_dpi(said.get("dpi")),
    )


def _opened(file: BinaryIO, head: bytes) -> Image.Image:
    """Open a file with Pillow, without the limit on pixels that all of the host shares."""
    Image.init()
    for name in _FORMATS:
        factory, accept = Image.OPEN.get(name, (None, None))
        if factory is None or accept is None or accept(head) is not True:
            continue
        file.seek(0)
        return factory(file, "")
    raise PictureError("it is not a picture, or of a format that is not known")


def _levels(image: Image.Image) -> np.ndarray:
    """Decode into `(H, W, C)` uint8 or uint16."""
    image.load()
    levels = _integers(np.asarray(image)) if image.mode.startswith("I") else np.asarray(_plain(image))
    return levels if levels.ndim == 3 else levels[..., None]


def _plain(image: Image.Image) -> Image.Image:
    """Bring a picture into one of the modes in `_PLAIN`."""
    transparent = "transparency" in image.info
    if image.mode == "P":
        return image.convert("RGBA" if transparent or image.palette.mode == "RGBA" else "RGB")
    if image.mode == "CMYK":
        return _from_cmyk(image)
    mode = image.mode if image.mode in _PLAIN else _CONVERTED.get(image.mode)
    if mode is None:
        raise PictureError(f"its pixels are of the kind '{image.mode}'. Convert it to RGB of 8 or 16 bits")
    if transparent and mode in _WITH_ALPHA:
        return image.convert(_WITH_ALPHA[mode])
    return image if mode == image.mode else image.convert(mode)


def _from_cmyk(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile:
        try:
            inks = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                image,
                inks,
                ImageCms.createProfile("sRGB"),
                ImageCms.Intent.RELATIVE_COLORIMETRIC,
                "RGB",
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
        except (ImageCms.PyCMSError, OSError) as error:
            log.warning("The profile of a CMYK picture cannot be used: %s", error)
        else:
            return converted
    return image.convert("RGB")


def _integers(values: np.ndarray) -> np.ndarray:
    """Bring grey of more than 8 bits to 16."""
    if values.min() < 0 or values.max() > 65535:
        raise PictureError(
            f"its grey values go from {values.min()} to {values.max()}, which is more than 16 bits. Convert it"
        )
    return values.astype(np.uint16)


def _check_size(width: int, height: int) -> None:
    if not 0 < width * height <= MAX_PIXELS:
        raise PictureError(f"it has {width}x{height} pixels; up to {MAX_PIXELS} in all can be read at once")


def _dpi(value: object) -> tuple[float, float] | None:
    if isinstance(value, tuple) and len(value) == 2 and all(float(side) > 0 for side in value):
        return float(value[0]), float(value[1])
    return None

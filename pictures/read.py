"""Reading picture files."""

from __future__ import annotations

import io
import logging
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms

from . import limits, png, sixteen_bit
from .lab import lab_to_srgb
from .metadata import split_exif
from .orientation import upright
from .picture import XMP, Picture, PictureError, from_levels
from .ranges import in_range
from .tiff import pixels as tiff_pixels
from .tiff import tiff

log = logging.getLogger("hires-fix")

# those that can be told by their first bytes and that Pillow reads by itself: some others run programs
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "JPEG2000", "PPM", "ICO", "DDS", "PSD")
_HEAD = 32  # bytes that tell the format, and the size of a WebP picture
_TGA_KINDS = {0: (2, 3, 10, 11), 1: (1, 9)}
"""Kinds of TGA pictures without a palette and with one."""
_TGA_DEPTHS = (8, 15, 16, 24, 32)

_PLAIN = {"L", "LA", "RGB", "RGBA"}
_CONVERTED = {"1": "L", "La": "LA", "RGBa": "RGBA", "RGBX": "RGB", "PA": "RGBA", "YCbCr": "RGB", "HSV": "RGB"}
_WITH_ALPHA = {"L": "LA", "RGB": "RGBA"}


@dataclass
class _Found:
    """What a file holds, as it is in the file."""

    levels: np.ndarray
    """uint8 or uint16, or float32 from 0 to 1."""
    icc: bytes | None = None
    exif: bytes | None = None
    text: dict[str, str] = field(default_factory=dict)
    dpi: tuple[float, float] | None = None
    note: str = ""


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
    """Read the picture of an open file; within `reading`."""
    return _picture(_read(file))


def read_frames(file: BinaryIO) -> Iterator[tuple[np.ndarray, Image.Image]]:
    """Yield the frames of an animation that Pillow reads, `(H, W, C)`, each with the file as it stands at that frame;
    within `reading`."""
    image = open_header(file)
    for index in range(getattr(image, "n_frames", 1)):
        image.seek(index)
        yield _levels(image)[0], image


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
    return frozenset(ending for ending, name in Image.registered_extensions().items() if name in (*_FORMATS, "TGA"))


def _picture(found: _Found) -> Picture:
    exif, orientation, text = split_exif(found.exif)
    sideways = orientation >= 5 and found.dpi is not None
    return Picture(
        pixels=from_levels(np.ascontiguousarray(upright(found.levels, orientation))),
        depth=8 if found.levels.dtype == np.uint8 else 16,
        icc=found.icc,
        exif=exif,
        text={**found.text, **text},
        dpi=found.dpi[::-1] if sideways else found.dpi,
        note=found.note,
    )


def _read(file: BinaryIO) -> _Found:
    head = file.read(_HEAD)
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
    limits.check_picture(info.width, info.height, info.channels, max(1, info.depth // 8), _length(file))
    sixteen = info.depth == 16
    levels = sixteen_bit.decode(info.bare) if sixteen else _levels(_opened(info.bare, png.SIGNATURE))[0]
    return _Found(levels, info.icc, info.exif, info.text, info.dpi)


def _read_tiff(file: BinaryIO) -> _Found:
    info = tiff.read_info(file)
    width, height, channels = (info.tags.get(tag, least) for tag, least in _TIFF_SHAPE)
    limits.check_picture(width, height, min(channels, 5), max(1, info.depth // 8), _length(file))
    tiff_pixels.part_size(info)  # also where Pillow reads it
    icc, note = info.icc, ""
    if tiff_pixels.is_taken(info):
        levels, note = tiff_pixels.read_pixels(file, info)
        if info.tags.get(tiff.PHOTOMETRIC) == tiff_pixels.CMYK:
            image = Image.fromarray(_eight_bits(levels), "CMYK")
            image.info["icc_profile"] = icc
            levels = np.asarray(_from_cmyk(image))
        if info.tags.get(tiff.PHOTOMETRIC) not in tiff_pixels.KEPT:
            icc = None
    else:
        file.seek(0)
        image = _opened(file, file.read(_HEAD))
        levels, note = _levels(image)
        icc = None if image.mode == "CMYK" else icc
    return _Found(levels, icc, info.exif, info.text, info.dpi, note)


_TIFF_SHAPE = ((tiff.WIDTH, 0), (tiff.HEIGHT, 0), (tiff.CHANNELS, 1))


def _read_by_pillow(file: BinaryIO, head: bytes) -> _Found:
    image = _opened(file, head)
    value_size = 4 if image.mode in ("I", "F") else 2 if image.mode.startswith("I") else 1
    channels = 3 if image.mode == "P" else len(image.getbands())
    limits.check_picture(*image.size, channels, value_size, _length(file))
    levels, note = _levels(image)
    said = image.info
    text = {}
    comment = said.get("comment")
    if comment:
        text["Comment"] = comment.decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment)
    if isinstance(said.get("xmp"), bytes):
        text[XMP] = said["xmp"].decode("utf-8", "replace")
    return _Found(
        levels=levels,
        icc=None if image.mode in ("CMYK", "LAB") else said.get("icc_profile") or None,
        exif=said.get("exif"),
        text=text,
        dpi=_dpi(said.get("dpi")),
        note=note,
    )


def open_header(file: BinaryIO) -> Image.Image:
    """Open a picture file with Pillow for what its first bytes say; nothing is decoded.

    Raises:
        PictureError: not a picture, or one for which Pillow would make more room than `check_picture` allows.
    """
    return _opened(file, file.read(_HEAD))


def _opened(file: BinaryIO, head: bytes) -> Image.Image:
    """Open a file with Pillow, without the limit on pixels that all of the host shares."""
    Image.init()
    for size in (*_webp_size(head), *_icon_sizes(file, head)):  # for which Pillow makes room when it opens them
        limits.check_picture(*size, 3, 1, _length(file))
    for name in _FORMATS:
        factory, accept = Image.OPEN.get(name, (None, None))
        if factory is None or accept is None or accept(head) is not True:
            continue
        file.seek(0)
        return factory(file, "")
    if _looks_like_tga(head):
        file.seek(0)
        return Image.OPEN["TGA"][0](file, "")
    raise PictureError("it is not a picture, or of a format that is not known")


def _webp_size(head: bytes) -> list[tuple[int, int]]:
    """Width and height, if these are the first bytes of a WebP file that says so."""
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP" or len(head) < 30:
        return []
    if head[12:16] == b"VP8X":
        return [(int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1)]
    if head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return [(bits % 2**14 + 1, bits // 2**14 % 2**14 + 1)]
    return [(int.from_bytes(head[26:28], "little") % 2**14, int.from_bytes(head[28:30], "little") % 2**14)]


def _icon_sizes(file: BinaryIO, head: bytes) -> list[tuple[int, int]]:
    """Widths and heights of all pictures in an ICO file: their own, not those of its list."""
    if head[:4] != b"\0\0\1\0":
        return []
    found = []
    for index in range(int.from_bytes(head[4:6], "little")):
        file.seek(6 + 16 * index + 12)
        file.seek(int.from_bytes(file.read(4), "little"))
        start = file.read(24)
        if start.startswith(png.SIGNATURE):
            found.append(struct.unpack(">II", start[16:24]))
        elif len(start) == 24:
            width, height = struct.unpack("<ii", start[4:12])
            found.append((abs(width), abs(height)))
    return found


def _looks_like_tga(head: bytes) -> bool:
    """TGA files have no mark of their own, but few bytes that may stand at their beginning."""
    if len(head) < 18:
        return False
    width, height = int.from_bytes(head[12:14], "little"), int.from_bytes(head[14:16], "little")
    return head[2] in _TGA_KINDS.get(head[1], ()) and width > 0 < height and head[16] in _TGA_DEPTHS


def _levels(image: Image.Image) -> tuple[np.ndarray, str]:
    """Decode into `(H, W, C)` uint8, uint16 or float32 from 0 to 1; and what `in_range` assumed about them."""
    image.load()
    note = ""
    if image.mode.startswith("I") or image.mode == "F":
        levels, note = in_range(np.asarray(image))
    elif image.mode == "LAB":
        levels = lab_to_srgb(np.asarray(image), is_offset=True)
    else:
        levels = np.asarray(_plain(image))
    return levels if levels.ndim == 3 else levels[..., None], note


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


def _eight_bits(levels: np.ndarray) -> np.ndarray:
    return levels if levels.dtype == np.uint8 else ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _length(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def _dpi(value: object) -> tuple[float, float] | None:
    if isinstance(value, tuple) and len(value) == 2 and all(float(side) > 0 for side in value):
        return float(value[0]), float(value[1])
    return None

"""Everything that Pillow reads: JPEG, WebP, GIF and the like."""

from __future__ import annotations

import io
import logging
import os
import struct
from collections.abc import Iterator
from functools import cache
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms

from ..base.errors import PictureError
from ..base.lab import lab_to_srgb
from ..base.levels import in_range
from ..base.limits import check_picture
from ..base.picture import XMP, FileFacts
from .png import SIGNATURE

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


@cache
def endings() -> frozenset[str]:
    """Return how the names of files end that can be read, as ".png"."""
    Image.init()
    return frozenset(ending for ending, name in Image.registered_extensions().items() if name in (*_FORMATS, "TGA"))


def read(file: BinaryIO) -> tuple[np.ndarray, FileFacts, str]:
    """Read a picture: its `levels_of` and what was assumed about them, and what the file says as it is in the file.

    Raises PictureError, "it …", as `open_header`, also of a kind that cannot be read, or too large. Damaged files raise
    whatever Pillow raises.
    """
    image = open_header(file)
    value_size = 4 if image.mode in ("I", "F") else 2 if image.mode.startswith("I") else 1
    channels = 3 if image.mode == "P" else len(image.getbands())
    check_picture(*image.size, channels, value_size, length(file))
    levels, note = levels_of(image)
    info, text = image.info, {}
    comment, packet = info.get("comment"), info.get("xmp")
    if comment:
        text["Comment"] = comment.decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment)
    if isinstance(packet, bytes):
        text[XMP] = packet.decode("utf-8", "replace")
    icc = None if image.mode in ("CMYK", "LAB") else info.get("icc_profile") or None
    return levels, FileFacts(icc=icc, exif=info.get("exif"), text=text, dpi=_dpi(info.get("dpi"))), note


def read_frames(file: BinaryIO) -> Iterator[tuple[np.ndarray, Image.Image]]:
    """Yield the frames of an animation that Pillow reads, `(H, W, C)`, each with the file as it stands at that frame;
    within `reading`."""
    image = open_header(file)
    for index in range(getattr(image, "n_frames", 1)):
        image.seek(index)
        yield levels_of(image)[0], image


def open_header(file: BinaryIO) -> Image.Image:
    """Open a picture file with Pillow for what its first bytes say, without the limit on pixels that all of the host
    shares; nothing is decoded. Raises PictureError if it is no picture, or one for which Pillow would make more room
    than `check_picture` allows.
    """
    Image.init()
    file.seek(0)
    head = file.read(_HEAD)
    for size in (*_webp_size(head), *_icon_sizes(file, head)):  # for which Pillow makes room when it opens them
        check_picture(*size, 3, 1, length(file))
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
    sizes = []
    for index in range(int.from_bytes(head[4:6], "little")):
        file.seek(6 + 16 * index + 12)
        file.seek(int.from_bytes(file.read(4), "little"))
        start = file.read(24)
        if start.startswith(SIGNATURE):
            sizes.append(struct.unpack(">II", start[16:24]))
        elif len(start) == 24:
            width, height = struct.unpack("<ii", start[4:12])
            sizes.append((abs(width), abs(height)))
    return sizes


def _looks_like_tga(head: bytes) -> bool:
    """TGA files have no mark of their own, but few bytes that may stand at their beginning."""
    if len(head) < 18:
        return False
    width, height = int.from_bytes(head[12:14], "little"), int.from_bytes(head[14:16], "little")
    return head[2] in _TGA_KINDS.get(head[1], ()) and width > 0 < height and head[16] in _TGA_DEPTHS


def levels_of(image: Image.Image) -> tuple[np.ndarray, str]:
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
        has_alpha = transparent or (image.palette is not None and image.palette.mode == "RGBA")
        return image.convert("RGBA" if has_alpha else "RGB")
    if image.mode == "CMYK":
        return from_cmyk(image)
    mode = image.mode if image.mode in _PLAIN else _CONVERTED.get(image.mode)
    if mode is None:
        raise PictureError(f"its pixels are of the kind '{image.mode}'. Convert it to RGB of 8 or 16 bits")
    if transparent and mode in _WITH_ALPHA:
        return image.convert(_WITH_ALPHA[mode])
    return image if mode == image.mode else image.convert(mode)


def from_cmyk(image: Image.Image) -> Image.Image:
    """Turn inks into sRGB, by the profile if there is one that can be used."""
    profile = image.info.get("icc_profile")
    if profile:
        try:
            inks, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
            how = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
            return ImageCms.buildTransform(inks, srgb, image.mode, "RGB", *how).apply(image)
        except (ImageCms.PyCMSError, OSError, TypeError, ValueError) as error:
            log.warning("The profile of a CMYK picture cannot be used: %s", error)
    return image.convert("RGB")


def length(file: BinaryIO) -> int:
    """Bytes of a file, at whose end it stands then."""
    return file.seek(0, os.SEEK_END)


def _dpi(value: object) -> tuple[float, float] | None:
    if isinstance(value, tuple) and len(value) == 2 and all(float(side) > 0 for side in value):
        return float(value[0]), float(value[1])
    return None

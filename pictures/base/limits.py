"""What a picture file may take, asked before anything of it is decoded."""

from __future__ import annotations

import psutil

from ...hires.amounts import as_bytes
from .errors import PictureError

MAX_PIXELS = 2**29
"""Largest picture that is read as a whole: 23170x23170, 6.4 GB of memory as RGB."""

BEST_PACKING = 1032
"""Bytes that Deflate can make of one."""

_TAKEN_BY_PILLOW = 178_956_970  # pixels, unless somebody has changed its limit; core reads no more with its help
_LARGEST_PART = 2**22  # pixels of a tile that may reach beyond its picture


def check_picture(width: int, height: int, channels: int, value_size: int, packed: int) -> None:
    """Refuse (PictureError, "it …") a picture that is too large, or that claims to be.

    That is: more than `MAX_PIXELS`; more than Pillow takes, of a file (`packed` bytes) so small that nobody would miss
    them; or more than the free memory holds, a value having `value_size` bytes as it comes out of the file.
    """
    pixels = width * height
    if not 0 < pixels <= MAX_PIXELS:
        raise PictureError(f"it has {width}x{height} pixels; up to {MAX_PIXELS} in all can be read at once")
    if pixels > max(_TAKEN_BY_PILLOW, 8 * BEST_PACKING * packed):  # a drawing in black and white takes a bit for each
        raise PictureError(f"it claims to have {width}x{height} pixels, but is too small for that")
    check_memory(width, height, pixels * channels * (2 * value_size + 4))


def check_memory(width: int, height: int, needed: int) -> None:
    """Refuse (PictureError) a picture of this size if it takes more bytes than are free."""
    free = psutil.virtual_memory().available
    if needed > free:
        raise PictureError(
            f"it has {width}x{height} pixels, which take at least {as_bytes(needed)} of memory, and {as_bytes(free)} "
            "are free. Make room, or the picture smaller"
        )


def check_part(width: int, height: int, across: int, down: int) -> None:
    """Refuse (PictureError) a TIFF file whose tiles of `across` x `down` pixels are far larger than its picture."""
    largest = -(-width // 16) * 16 * (-(-height // 16) * 16)  # sides of tiles are multiples of 16
    if min(across, down) < 1 or across * down > max(largest, _LARGEST_PART):
        raise PictureError(f"it has {width}x{height} pixels, but its tiles {across}x{down}, which makes no sense")

"""The pixels of TIFF files that Pillow would cut down to 8 bits, does not know, or finds too large."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from ....hires.tiles.boxes import Box
from ...base.errors import PictureError
from ...base.lab import lab_to_srgb
from ...base.levels import in_range, upright
from . import tags
from .segments import UNPACKED_HERE, Segments
from .tags import CIELAB, CMYK, ICCLAB, TiffInfo, as_tuple

_PACKINGS = (*UNPACKED_HERE, tags.LZW, tags.PACKBITS, tags.LZMA, tags.ZSTD)
"""Those of bytes, whatever they mean."""

KEPT = (tags.WHITE_IS_ZERO, tags.BLACK_IS_ZERO, tags.RGB)
"""Photometric interpretations whose pixels `read_pixels` leaves in the colours that the profile is about."""

_LABS = (CIELAB, ICCLAB)
_COLOURS = {tags.WHITE_IS_ZERO: 1, tags.BLACK_IS_ZERO: 1, tags.RGB: 3, CMYK: 4, CIELAB: 3, ICCLAB: 3}
"""Channels by photometric interpretation."""


def is_taken(info: TiffInfo) -> bool:
    """Say whether `read_pixels` is for this file: Pillow takes 8 bits of anything but plain grey and RGB."""
    plain = info.compression in UNPACKED_HERE and info.photometric in KEPT
    fits = 0 <= info.channels - _COLOURS.get(info.photometric, 0) <= 1
    return info.bits > 8 or info.photometric in _LABS or info.number_kind != "u" or (info.bits == 8 and plain and fits)


def read_pixels(file: BinaryIO, info: TiffInfo) -> tuple[np.ndarray, str]:
    """Read the pixels of a file that `is_taken`, and what was assumed about them; see `in_range`.

    They are `(H, W, C)` uint8 or uint16, or float32 from 0 to 1; upright, 1 to 4 channels, straight alpha last if there
    is any, or the inks of a CMYK picture. Raises PictureError, "it …", if they are of a kind that cannot be read, or
    cut off. Damaged tags and packed data raise whatever they raise.
    """
    channels, photometric = info.channels, info.photometric
    colours, numbers = _COLOURS.get(photometric), info.number_type
    if colours is None or (photometric in (CMYK, *_LABS) and numbers.str[1:] not in ("u1", "u2")):
        raise PictureError(
            f"it has {info.bits} bits a channel, but is neither grey nor RGB, nor CMYK or LAB of 8 or 16. Convert it"
        )
    if not colours <= channels <= colours + 1:
        raise PictureError(f"it has {channels} channels; grey or RGB with one for transparency can be read")
    if info.compression not in _PACKINGS:
        raise PictureError(
            f"its {info.bits} bits a channel are packed by a method (number {info.compression}) that is not "
            "known. Save it with LZW or Deflate (ZIP)"
        )
    raw = Segments(file, info).read(Box(0, 0, *info.size))
    if photometric in _LABS:
        return upright(lab_to_srgb(raw[..., :3], photometric == ICCLAB), info.orientation), ""
    levels, note = in_range(raw)
    if photometric == tags.WHITE_IS_ZERO:
        levels = 1 - levels if levels.dtype.kind == "f" else ~levels
    extra = next(iter(as_tuple(info.tags.get(tags.EXTRA_CHANNELS, ()))), None)
    if channels > colours and (extra == tags.IGNORED or photometric == CMYK):
        levels = levels[..., :colours]
    elif channels > colours and extra == tags.MULTIPLIED:
        levels = _divided(levels)
    return upright(levels, info.orientation), note


def _divided(levels: np.ndarray) -> np.ndarray:
    """Take the alpha out of the colours that it was multiplied into."""
    is_float = levels.dtype.kind == "f"
    top, alpha = 1 if is_float else np.iinfo(levels.dtype).max, levels[..., -1:].astype(np.float64)
    colours = np.divide(levels[..., :-1] * float(top), alpha, out=np.zeros(levels[..., :-1].shape), where=alpha > 0)
    colours = (colours if is_float else colours.round()).clip(0, top).astype(levels.dtype)
    return np.concatenate([colours, levels[..., -1:]], axis=-1)

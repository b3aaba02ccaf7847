"""A picture as it lies in a file: pixels, and what else the file says."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from ..hires.errors import InputError

MAX_PIXELS = 2**29
"""Largest picture that is read as a whole: 23170x23170, 6.4 GB of memory as RGB."""

XMP = "XML:com.adobe.xmp"
"""Key of an XMP packet among the texts: the keyword that PNG has for it."""


class PictureError(InputError):
    """A picture file cannot be read or written. The text names the file and the reason."""


@dataclass(frozen=True)
class Picture:
    """A picture and what its file says about it."""

    pixels: torch.Tensor
    """`(H, W, C)` float32, 0 to 1; C is 1 grey, 2 grey with alpha, 3 RGB, 4 RGB with alpha. Alpha is straight."""

    depth: int = 8
    """8 or 16 bits a channel in the file; 16 where it has more, or floats."""

    icc: bytes | None = None
    """Colour profile; None means sRGB."""

    exif: bytes | None = None
    """EXIF block, starting with its byte order mark. Free of the orientation, which is applied to the pixels, and of
    what is kept as text."""

    text: dict[str, str] = field(default_factory=dict)
    """Texts by PNG's keywords: A1111's "parameters", ComfyUI's "prompt" and "workflow", `XMP`, "Comment", …"""

    dpi: tuple[float, float] | None = None
    """Pixels an inch, across and down; None if the file does not say."""

    note: str = ""
    """What was assumed about the file's numbers, for people: a sentence, or nothing."""


def from_levels(levels: np.ndarray) -> torch.Tensor:
    """Turn `(H, W, C)` uint8 or uint16 into float32, 0 to 1. `to_levels` gives back exactly the same levels.

    float32, which is from 0 to 1 already, stays as it is.
    """
    if levels.dtype == np.float32:
        return torch.from_numpy(levels)
    return torch.from_numpy(np.divide(levels, np.iinfo(levels.dtype).max, dtype=np.float32))


def to_levels(pixels: torch.Tensor, depth: int) -> np.ndarray:
    """Turn finite floats into uint8 or uint16 by rounding; what lies outside 0..1 is cut off."""
    levels = pixels.detach().to("cpu", torch.float32).clamp(0, 1).mul_(2**depth - 1).round_()
    return levels.numpy().astype(np.uint8 if depth == 8 else np.uint16)

"""A picture as it lies in a file: pixels, and what else the file says."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

PARAMETERS = "parameters"
"""Key of A1111's infotext among the texts."""

XMP = "XML:com.adobe.xmp"
"""Key of an XMP packet among the texts: the keyword that PNG has for it."""


@dataclass(frozen=True)
class FileFacts:
    """What a file says about its picture besides the pixels."""

    depth: int = 8
    """8 or 16 bits a channel; 16 where the file has more, or floats."""
    icc: bytes | None = None
    """Colour profile; None means sRGB."""
    exif: bytes | None = None
    """EXIF block, starting with its byte order mark. In a `Picture` free of the orientation, which is applied to the
    pixels, and of what is kept as text."""
    text: dict[str, str] = field(default_factory=dict)
    """Texts by PNG's keywords: A1111's `PARAMETERS`, ComfyUI's "prompt" and "workflow", `XMP`, "Comment", …"""
    dpi: tuple[float, float] | None = None
    """Pixels an inch, across and down; None if the file does not say."""


@dataclass(frozen=True)
class Picture:
    """A picture and what its file says about it."""

    pixels: torch.Tensor
    """`(H, W, C)` float32, 0 to 1; C is 1 grey, 2 grey with alpha, 3 RGB, 4 RGB with alpha. Alpha is straight."""
    facts: FileFacts = field(default_factory=FileFacts)
    note: str = ""
    """What was assumed about the file's numbers, for people: a sentence, or nothing."""


@dataclass(frozen=True)
class Timing:
    """How the frames of an animation follow each other."""

    durations: tuple[float, ...]
    """Milliseconds of each frame."""
    plays: int
    """How often all of it is shown; 0 for ever."""
    still: bool = False
    """Whether the first picture of the series is none of the frames, but for programs without animation."""

"""Pixels of 16 bits a channel, which Pillow cuts down to 8 bits: decoded by FFmpeg, through the host's PyAV."""

from __future__ import annotations

from typing import BinaryIO

import av
import av.error
import numpy as np

from ..base.errors import PictureError

_FORMATS = {"gray16": 1, "ya16": 2, "rgb48": 3, "rgba64": 4}


def decode(file: BinaryIO) -> np.ndarray:
    """Decode a PNG file of 16 bits a channel: `(H, W, C)` uint16, 1 to 4 channels, the last of 2 and of 4 being alpha.

    Raises PictureError, "it …", if it cannot be decoded.
    """
    try:
        file.seek(0)
        with av.open(file, "r", format="png_pipe") as pictures:
            frame = next(pictures.decode(video=0), None)
    except (av.error.FFmpegError, IndexError) as error:
        raise PictureError(f"it is damaged or too large for FFmpeg ({error.__class__.__name__})") from error
    if frame is None or frame.is_corrupt:
        raise PictureError("it is damaged: there are no complete pixels in it")
    name, order = frame.format.name[:-2], frame.format.name[-2:]
    channels = _FORMATS.get(name)
    if channels is None or order not in ("le", "be"):
        raise PictureError(f"its pixels have the unusual form '{frame.format.name}'")
    plane = frame.planes[0]
    rows = np.frombuffer(bytes(plane), np.uint8).reshape(-1, plane.line_size)
    rows = rows[: frame.height, : frame.width * channels * 2]
    levels = np.ascontiguousarray(rows).view("<u2" if order == "le" else ">u2")
    return levels.astype(np.uint16, copy=False).reshape(frame.height, frame.width, channels)

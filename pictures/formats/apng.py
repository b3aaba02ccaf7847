"""Animated PNG files, read with their depth and written frame by frame."""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from ..base.errors import PictureError
from ..base.picture import Timing
from .png import SIGNATURE, chunks, write_chunk

_NOTHING, _CLEAR, _RESTORE = 0, 1, 2  # what becomes of a frame before the next one
_SOURCE, _OVER = 0, 1  # a frame replaces what is below it, or is laid over it
_CONTROL = struct.Struct(">IIIIHHBB")
_MOST = 65535


def is_animated(file: BinaryIO) -> bool:
    """Look whether an open PNG file is an animation; no pixels are read. What is damaged is none."""
    file.seek(len(SIGNATURE))
    while True:
        length, kind = struct.unpack(">I4s", file.read(8).ljust(8, b"\0"))
        if kind in (b"acTL", b"IDAT", bytes(4)):
            return kind == b"acTL"
        file.seek(length + 4, io.SEEK_CUR)


def read_timing(file: BinaryIO) -> Timing:
    """Return how the frames of an animated PNG follow each other. Raises PictureError, "it …", if it is damaged."""
    claimed, plays, still, durations = 0, 0, False, []
    for kind, data in chunks(file):
        if kind == b"acTL":
            claimed, plays = struct.unpack(">II", data[:8])
        elif kind == b"IDAT" and not durations:
            still = True
        elif kind == b"fcTL":
            delay, parts = _CONTROL.unpack(data[4:26])[4:6]
            durations.append(1000 * delay / (parts or 100))
    if claimed != len(durations):
        raise PictureError(f"it is damaged: of {claimed} frames {len(durations)} are there")
    return Timing(tuple(durations), plays, still)


def read_frames(file: BinaryIO) -> Iterator[tuple[bytes, tuple[int, ...] | None]]:
    """Yield every frame as a PNG file of its own and its control numbers: width, height, x, y, delay (2), what becomes
    of it, how it is laid on. They are None for a picture that is no frame of the animation, but the first in the file.
    """
    header, shared, control, data = b"", io.BytesIO(), None, []

    def finished() -> Iterator[tuple[bytes, tuple[int, ...] | None]]:
        if data:
            size = struct.pack(">II", *control[:2]) if control else header[:8]
            out = io.BytesIO()
            out.write(SIGNATURE)
            write_chunk(out, b"IHDR", size + header[8:])
            out.write(shared.getvalue())
            write_chunk(out, b"IDAT", b"".join(data))
            write_chunk(out, b"IEND", b"")
            yield out.getvalue(), control

    for kind, content in chunks(file):
        if kind == b"IHDR":
            header = content
        elif kind in (b"PLTE", b"tRNS"):
            write_chunk(shared, kind, content)
        elif kind == b"fcTL":
            yield from finished()
            control, data = _CONTROL.unpack(content[4:26]), []
        elif kind == b"IDAT":
            data.append(content)
        elif kind == b"fdAT":
            data.append(content[4:])
    yield from finished()


class Canvas:
    """Where the frames of an animation are laid on each other."""

    def __init__(self, height: int, width: int) -> None:
        self._size = height, width
        self._levels: np.ndarray | None = None

    def show(self, part: np.ndarray, control: tuple[int, ...]) -> np.ndarray:
        """Lay a frame on, `(h, w, C)` uint8 or uint16, and return what is seen; for `control` see `read_frames`.

        Raises PictureError if it lies outside.
        """
        width, height, x, y, _, _, disposal, blending = control
        levels = self._levels
        first = levels is None
        if levels is None:
            levels = self._levels = np.zeros((*self._size, part.shape[-1]), part.dtype)
        place = levels[y : y + height, x : x + width]
        if place.shape != part.shape:
            raise PictureError(f"it is damaged: a frame of {width}x{height} at {x}, {y} is not inside the picture")
        before = place.copy() if disposal == _RESTORE and not first else np.zeros_like(place)
        place[:] = _over(part, place) if blending == _OVER and part.shape[-1] in (2, 4) else part
        seen = levels.copy()
        if disposal in (_CLEAR, _RESTORE):
            place[:] = before if disposal == _RESTORE else 0
        return seen


def _over(part: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Lay straight-alpha pixels over others."""
    top = np.iinfo(part.dtype).max
    alpha = part[..., -1:] / top
    rest = (1 - alpha) * (below[..., -1:] / top)
    both = alpha + rest
    colours = part[..., :-1] * alpha + below[..., :-1] * rest
    colours = np.divide(colours, both, out=np.zeros_like(colours), where=both > 0)
    return np.concatenate([colours, both * top], axis=-1).round().astype(part.dtype)


def write(file: BinaryIO, frames: Iterator[bytes], timing: Timing) -> None:
    """Write an animated PNG file of frames that are PNG files of one size and kind. What the first one says besides
    its pixels is kept. If there is a still picture, that one comes first."""
    sequence = itertools.count()
    file.write(SIGNATURE)
    for index, frame in enumerate(frames):
        control = b""
        if index or not timing.still:
            width, height = struct.unpack_from(">II", frame, len(SIGNATURE) + 8)
            delay = _delay(timing.durations[index - timing.still])
            control = _CONTROL.pack(width, height, 0, 0, *delay, _NOTHING, _SOURCE)
        for kind, data in chunks(io.BytesIO(frame)):
            if kind == b"IDAT":
                if control:
                    write_chunk(file, b"fcTL", struct.pack(">I", next(sequence)) + control)
                    control = b""
                if index:
                    write_chunk(file, b"fdAT", struct.pack(">I", next(sequence)) + data)
                else:
                    write_chunk(file, kind, data)
            elif index == 0 and kind != b"IEND":
                write_chunk(file, kind, data)
                if kind == b"IHDR":
                    write_chunk(file, b"acTL", struct.pack(">II", len(timing.durations), timing.plays))
    write_chunk(file, b"IEND", b"")


def _delay(duration: float) -> tuple[int, int]:
    """Return milliseconds as a fraction of a second with two numbers of 16 bits."""
    for parts in (1000, 100, 10):
        if duration * parts / 1000 <= _MOST:
            return round(duration * parts / 1000), parts
    return min(round(duration / 1000), _MOST), 1

"""Files that hold several pictures: the frames of an animation, the pages of a document."""

from __future__ import annotations

import io
import logging
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import torch
from PIL import Image

from .base.errors import PictureError, reading
from .base.exif import split_exif
from .base.levels import from_levels, to_levels, upright, with_channels
from .base.picture import Picture, Timing
from .formats import apng, png
from .formats.pillow import read_frames
from .formats.tiff import tags
from .formats.tiff.pages import find_pages
from .read import read_open, read_picture
from .source import MemorySource, Source, open_source

log = logging.getLogger("hires-fix")

Size = tuple[int, int]
"""Width and height in pixels."""

Parts = Iterator[AbstractContextManager[Source]]


@dataclass(frozen=True)
class Series:
    """The pictures of a file."""

    sizes: tuple[Size, ...]
    """Of each, upright. Those of an animation are the same."""
    timing: Timing | None
    """None for pages."""
    parts: Callable[[], Parts]
    """The pictures, in their order, to be opened one after another. All of an animation have the same channels.
    Raises PictureError."""

    def __len__(self) -> int:
        return len(self.sizes)


def find_series(path: Path, check: Callable[[], None] = lambda: None) -> Series | None:
    """Look for several pictures in a GIF, WebP, PNG, AVIF or TIFF file, or for one that is not where readers take the
    first from; None if there is nothing but the picture that `read_picture` reads.

    `check` is called at every frame; it may raise to cancel. Raises PictureError if the file cannot be read.
    """
    with reading(path), path.open("rb") as file:
        head = file.read(64)
        file.seek(0)
        if head.startswith(tags.SIGNATURES):
            return _pages(path, file)
        in_png = head.startswith(png.SIGNATURE) and apng.is_animated(file)
    if not in_png and not _is_animation(head):
        return None
    first = read_picture(path)  # before anything else: it refuses what is too large for the memory
    with reading(path):
        return _apng(path, first) if in_png else _animation(path, first, check)


def holds_another(path: Path) -> bool:
    """Whether a JPEG file holds another picture behind the one that is read: a preview, a depth map, a second view."""
    try:
        with path.open("rb") as file:
            if file.read(3) != b"\xff\xd8\xff":
                return False
            file.seek(0)
            with Image.open(file, formats=["JPEG", "MPO"]) as image:
                return getattr(image, "n_frames", 1) > 1
    except Exception as error:  # damaged in one of many ways, but it has been read
        log.debug("'%s' is not looked into: %s", path.name, error)
        return False


def _is_animation(head: bytes) -> bool:
    """By the first bytes of the file; whether a GIF has several frames they do not tell."""
    webp = head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and bool(head[20] & 2)
    length = struct.unpack_from(">I", head)[0] if head[4:8] == b"ftyp" else 0
    return head.startswith(b"GIF8") or webp or b"avis" in head[8 : min(length, len(head))]


def _pages(path: Path, file: BinaryIO) -> Series | None:
    pages = find_pages(file)
    if [page.number for page in pages] == [0]:
        return None
    sizes = []
    for page in pages:
        info = tags.read_info(file, page.place)
        sizes.append(info.size[::-1] if info.orientation >= 5 else info.size)

    def parts() -> Parts:
        for page in pages:
            yield open_source(path, page)

    return Series(tuple(sizes), None, parts)


def _apng(path: Path, first: Picture) -> Series | None:
    with path.open("rb") as file:
        timing = apng.read_timing(file)
        file.seek(0)
        header = png.read_info(file)
    if len(timing.durations) + timing.still < 2:
        return None
    turn = split_exif(header.facts.exif)[1]

    def frames() -> Iterator[torch.Tensor]:
        canvas = apng.Canvas(header.height, header.width)
        with path.open("rb") as file:
            for frame, control in apng.read_frames(file):
                picture = read_open(io.BytesIO(frame))
                part = to_levels(picture.pixels, picture.facts.depth)
                yield from_levels(upright(part if control is None else canvas.show(part, control), turn))

    return _of_frames(path, timing, first, frames)


def _animation(path: Path, first: Picture, check: Callable[[], None]) -> Series | None:
    """Look through an animation that Pillow reads: its frames' channels and times are known only at their turn."""
    durations, kinds, sizes, plays, turn = [], set(), set(), 0, 1
    with path.open("rb") as file:
        for levels, image in read_frames(file):
            check()
            if not durations:
                turn, plays = split_exif(image.info.get("exif"))[1], _plays(image)
            durations.append(float(image.info.get("duration", 0)))
            kinds.add(levels.shape[2])
            sizes.add(levels.shape[:2])
    if len(durations) < 2:
        return None
    if len(sizes) > 1:
        raise PictureError(f"its frames have different sizes ({', '.join(f'{w}x{h}' for h, w in sorted(sizes))})")
    colours, has_alpha = 3 if max(kinds) > 2 else 1, bool(kinds & {2, 4})

    def frames() -> Iterator[torch.Tensor]:
        with path.open("rb") as file:
            for levels, _ in read_frames(file):
                yield with_channels(from_levels(upright(levels, turn)), colours, has_alpha)

    return _of_frames(path, Timing(tuple(durations), plays), first, frames)


def _plays(image: Image.Image) -> int:
    """How often an animation is shown; 0 for ever."""
    loop = image.info.get("loop")
    if image.format != "GIF":
        return loop or 0
    if loop is None:
        return 1
    return loop + 1 if loop else 0  # a GIF tells how often it is repeated


def _of_frames(path: Path, timing: Timing, first: Picture, frames: Callable[[], Iterator[torch.Tensor]]) -> Series:
    """Make a series of pixels; all else is as in the first picture."""

    def parts() -> Parts:
        with reading(path):
            for pixels in frames():
                yield nullcontext(MemorySource(replace(first, pixels=pixels)))

    height, width, _ = first.pixels.shape
    return Series(((width, height),) * (len(timing.durations) + timing.still), timing, parts)

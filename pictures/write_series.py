"""Writing several pictures to one file: animations, and documents of several pages."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from .base.errors import writing
from .base.levels import to_levels
from .base.picture import Picture, Timing
from .formats import apng
from .formats.tiff.write import HEADER_LINK
from .write import PictureFormat, complete_or_absent, encode, write_page


def takes_series(format: PictureFormat, timing: Timing | None) -> bool:
    """Whether `write_series` can put an animation (`timing`) or pages (None) into one file of this format."""
    if timing is None:
        return format == "tiff"
    return format == "png" or (format == "webp" and not timing.still)


def write_series(
    path: Path,
    pictures: Iterator[Picture],
    timing: Timing | None,
    format: PictureFormat,
    quality: int,
    overwrite: bool = False,
) -> None:
    """Write a file with several pictures, in a format that `takes_series`. It appears complete or not at all.

    Of PNG and TIFF there is one picture in memory at a time, of WebP there are all, with 8 bits a channel. Of frames,
    as many as the timing has and of one size, depth and number of channels, what the first one says besides its pixels
    is kept; of pages (no timing) what each says. For quality and PictureError see `write_picture`.
    """
    with writing(path), complete_or_absent(path, overwrite) as file:
        if timing is None:
            link = HEADER_LINK
            for picture in pictures:
                link = write_page(file, picture, link)
        elif format == "png":
            apng.write(file, map(_as_png, pictures), timing)
        else:
            _write_webp(file, pictures, timing, quality)


def _as_png(picture: Picture) -> bytes:
    file = io.BytesIO()
    encode(file, picture, "png", 0)
    return file.getvalue()


def _write_webp(file: BinaryIO, pictures: Iterator[Picture], timing: Timing, quality: int) -> None:
    first = next(pictures)
    levels = (to_levels(picture.pixels, 8) for picture in pictures)
    frames = [Image.fromarray(each[..., 0] if each.shape[-1] == 1 else each) for each in levels]
    durations = [round(duration) for duration in timing.durations]
    more = {"duration": durations, "loop": timing.plays, "background": (0, 0, 0, 0), "method": 4}
    encode(file, first, "webp", quality, save_all=True, append_images=frames, **more)

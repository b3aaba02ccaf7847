"""Whether the result of a picture is there already."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from ..hires.sizes import SizeError
from . import tiff
from .folder_names import Task
from .folder_scan import printable
from .picture import PictureError
from .read import read_picture

Size = tuple[int, int]
"""Width and height in pixels."""


def find_result(task: Task, result_size: Callable[[int, int], Size]) -> Path | None:
    """Return the finished result of a picture, or None if it has to be made.

    Args:
        task: the picture.
        result_size: the size of the result for a width and height.

    Raises:
        InputError: something else is in its place, or the picture cannot be read.
    """
    found = next((path for path in (task.target, task.streamed) if path.exists()), None)
    if found is None:
        return None
    width, height = _stored_size(task.picture.path)
    expected = result_size(width, height)
    try:
        size = _stored_size(found)
    except PictureError as error:
        raise PictureError(f"in its place there is something that is no picture: {error}") from error
    # a picture that EXIF turns is stored lying on its side
    if size in (expected, _turned(result_size, height, width)):
        return found
    raise PictureError(
        f"its result would be {expected[0]}x{expected[1]}, but '{printable(found.name)}' is there already with "
        f"{size[0]}x{size[1]} pixels. Move that file, choose another file_name, or set existing to overwrite."
    )


def _turned(result_size: Callable[[int, int], Size], width: int, height: int) -> Size | None:
    try:
        return result_size(width, height)
    except SizeError:
        return None


def _stored_size(path: Path) -> Size:
    """Read the size from a file's first bytes."""
    try:
        with open(path, "rb") as file:
            if file.read(4) in tiff.SIGNATURES:
                file.seek(0)
                tags = tiff.read_info(file).tags
                return tags[tiff.WIDTH], tags[tiff.HEIGHT]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return image.size
    except Exception:  # every format has its own complaints; the reader finds the right words
        pixels = read_picture(path).pixels
        return pixels.shape[1], pixels.shape[0]

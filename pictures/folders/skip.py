"""Whether the result of a picture is there already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from ...hires.sizes.image_sizes import SizeError
from ..base.errors import PictureError
from ..base.picture import Timing
from ..formats.pillow import open_header
from ..formats.tiff import tags
from ..read import read_picture
from ..series import Series, Size, find_series
from .names import Task
from .scan import printable


def find_result(task: Task, result_size: Callable[[int, int], Size]) -> Path | None:
    """Return the finished result of a picture, the only one in its file, or None if it has to be made.

    `result_size` gives the size of the result for a width and height. Raises InputError if something else is in its
    place, or the picture cannot be read.
    """
    if _existing_result(task) is None:
        return None
    width, height = stored_size(task.picture.path)
    # a picture that EXIF turns is stored lying on its side
    return find_of_size(task, result_size(width, height), _turned(result_size, height, width))


def find_of_size(task: Task, expected: Size, other: Size | None = None) -> Path | None:
    """`find_result` for one that has the expected size, or another one that is right, too."""
    result = _existing_result(task)
    if result is None:
        return None
    size = _result_size(result)
    if size in (expected, other):
        return result
    raise _wrong_size(f"{expected[0]}x{expected[1]}", result, f"{size[0]}x{size[1]} pixels")


def find_series_result(task: Task, expected: Sequence[Size], timing: Timing | None) -> Path | None:
    """`find_result` for a file with several pictures whose result is one file, too; timing is None for pages."""
    if not task.target.exists():
        return None
    _result_size(task.target)
    series = find_series(task.target)
    sizes = series.sizes if series else (stored_size(task.target),)
    if sizes == tuple(expected) or (series and timing and sizes[0] == expected[0] and _merged(series, timing)):
        return task.target
    raise _wrong_size(_described(expected), task.target, _described(sizes))


def _merged(result: Series, timing: Timing) -> bool:
    """Whether equal frames that follow each other have become one, which WebP does: the times are the same."""
    return result.timing is not None and round(sum(result.timing.durations) - sum(timing.durations)) == 0


def _described(sizes: Sequence[Size]) -> str:
    width, height = sizes[0]
    return f"{width}x{height}" if len(sizes) == 1 else f"{len(sizes)} pictures of {width}x{height}"


def _existing_result(task: Task) -> Path | None:
    return next((path for path in (task.target, task.streamed) if path.exists()), None)


def _result_size(result: Path) -> Size:
    try:
        return stored_size(result)
    except PictureError as error:
        raise PictureError(f"in its place there is something that is no picture: {error}") from error


def _wrong_size(expected: str, result: Path, size: str) -> PictureError:
    return PictureError(
        f"its result would be {expected}, but '{printable(result.name)}' is there already with {size}. Move that file, "
        "choose another file_name, or set existing to overwrite."
    )


def _turned(result_size: Callable[[int, int], Size], width: int, height: int) -> Size | None:
    try:
        return result_size(width, height)
    except SizeError:
        return None


def stored_size(path: Path) -> Size:
    """Read the size from a file's first bytes, as it is stored: EXIF may turn it. Raises PictureError."""
    try:
        with open(path, "rb") as file:
            return size_in(file)
    except Exception:  # every format has its own complaints; the reader finds the right words
        pixels = read_picture(path).pixels
        return pixels.shape[1], pixels.shape[0]


def size_in(file: BinaryIO) -> Size:
    """`stored_size` of an open file at its start; whatever its format complains of is raised."""
    return tags.read_info(file).size if file.read(4) in tags.SIGNATURES else open_header(file).size

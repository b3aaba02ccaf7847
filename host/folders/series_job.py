"""Working on files that hold several pictures: animations, documents of several pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ...hires.sizes.image_sizes import Size
from ...pictures import Picture
from ...pictures.folders.names import Task
from ...pictures.folders.skip import find_of_size, find_series_result
from ...pictures.series import Series
from ...pictures.write import check_sides
from ...pictures.write_series import takes_series, write_series
from ..memory import free_main_memory
from .work import FileSettings, FileWork, OnProgress

_LARGEST_FILE = 2**32 - 2**24
"""Bytes of pixels that a TIFF file with several pages has room for."""

_CHANNELS = 4


def work_on_series(
    task: Task, series: Series, work: FileWork, settings: FileSettings, on_progress: OnProgress
) -> list[Path]:
    """Work on every picture of a file. Returns the results, none if all of them were there already.

    Animations stay animations as PNG and WebP, pages stay together as TIFF. In other formats, and where that does not
    fit the memory or the format, every picture gets a numbered file. Those that are there already are left alone.

    Raises:
        InputError, OSError: see `FileWork`.
    """
    sizes = [work.size(size) for size in series.sizes]
    if _fits_one_file(task, series, work, sizes):
        return _to_one_file(task, series, sizes, work, settings, on_progress)
    written, count = [], len(series)
    for index, (part, size) in enumerate(zip(series.parts(), sizes, strict=True)):
        own = task.part(index, count) if count > 1 else task
        if not settings.overwrite and find_of_size(own, size) is not None:
            work.tidy(own)
            continue
        with part as source:
            progress = partial(_of_all, on_progress, index, count)
            written.append(work.to_file(source, own, settings, progress))
    return written


def _to_one_file(
    task: Task, series: Series, sizes: Sequence[Size], work: FileWork, settings: FileSettings, on_progress: OnProgress
) -> list[Path]:
    count = len(series)
    parts = [task.part(index, count) for index in range(count)]
    if not settings.overwrite and find_series_result(task, sizes, series.timing) is not None:
        _tidy(work, parts)
        return []
    for size in set(sizes):
        check_sides(task.target.name, task.format, *size)
    task.target.parent.mkdir(parents=True, exist_ok=True)

    def pictures() -> Iterator[Picture]:
        for index, part in enumerate(series.parts()):
            with part as source:
                progress = partial(_of_all, on_progress, index, count)
                yield work.picture(source, parts[index], settings, progress)

    write_series(task.target, pictures(), series.timing, task.format, settings.quality, settings.overwrite)
    _tidy(work, parts)
    return [task.target]


def _tidy(work: FileWork, parts: Sequence[Task]) -> None:
    for part in parts:
        work.tidy(part)


def _fits_one_file(task: Task, series: Series, work: FileWork, sizes: Sequence[Size]) -> bool:
    if not takes_series(task.format, series.timing) or any(work.is_too_large(one, _CHANNELS) for one in series.sizes):
        return False
    levels = sum(width * height * _CHANNELS for width, height in sizes)
    if task.format == "webp":  # they are in memory together
        return levels <= free_main_memory()
    return task.format == "png" or 2 * levels <= _LARGEST_FILE


def _of_all(on_progress: OnProgress, index: int, count: int, part: float, preview: Any = None) -> None:
    on_progress((index + part) / count, preview)

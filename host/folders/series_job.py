"""Upscaling files that hold several pictures: animations, documents of several pages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import comfy.model_management
import torch

from ...hires.sizes.image_sizes import ImageSize
from ...pictures import Picture
from ...pictures.folders.names import Task
from ...pictures.folders.skip import find_of_size, find_series_result
from ...pictures.series import Series
from ...pictures.streams.journal import Journal
from ...pictures.write import check_sides
from ...pictures.write_series import takes_series, write_series
from .picture_job import FileSettings, OnProgress, Recipe, is_too_large, upscale_source, upscaled

_LARGEST_FILE = 2**32 - 2**24
"""Bytes of pixels that a TIFF file with several pages has room for."""

_CHANNELS = 4


def upscale_series(
    task: Task, series: Series, recipe: Recipe, settings: FileSettings, on_progress: OnProgress
) -> list[Path]:
    """Upscale every picture of a file.

    Animations stay animations as PNG and WebP, pages stay together as TIFF. In other formats, and where that does not
    fit the memory or the format, every picture gets a numbered file. Those that are there already are left alone.

    Args:
        task: the file, and where the result goes.
        series: what is in it.
        recipe: what is done to each of its pictures.
        settings: how the results are written.
        on_progress: hears of the progress.

    Returns:
        The results, empty if all of them were there already.

    Raises:
        InputError: see `upscale_file`.
        OSError: the disk does not take it.
    """
    sizes = [recipe.size(*size) for size in series.sizes]
    if _fits_one_file(task, series, sizes):
        return _to_one_file(task, series, sizes, recipe, settings, on_progress)
    written, count = [], len(series)
    for index, (part, size) in enumerate(zip(series.parts(), sizes, strict=True)):
        own = task.part(index, count) if count > 1 else task
        done = None if settings.overwrite else find_of_size(own, (size.width, size.height))
        if done is not None:
            Journal(own.streamed).discard()
            continue
        with part as source:
            progress = partial(_of_all, on_progress, index, count)
            written.append(upscale_source(source, own, recipe, settings, progress))
    return written


def _to_one_file(
    task: Task, series: Series, sizes: list[ImageSize], recipe: Recipe, settings: FileSettings, on_progress: OnProgress
) -> list[Path]:
    results, count = [(size.width, size.height) for size in sizes], len(series)
    if not settings.overwrite and find_series_result(task, results, series.timing) is not None:
        return []
    for size in set(results):
        check_sides(task.target.name, task.format, *size)
    task.target.parent.mkdir(parents=True, exist_ok=True)

    def pictures() -> Iterator[Picture]:
        for index, part in enumerate(series.parts()):
            with part as source:
                yield upscaled(source, recipe, settings, partial(_of_all, on_progress, index, count))

    write_series(task.target, pictures(), series.timing, task.format, settings.quality, settings.overwrite)
    return [task.target]


def _fits_one_file(task: Task, series: Series, sizes: list[ImageSize]) -> bool:
    if not takes_series(task.format, series.timing) or any(is_too_large(size, _CHANNELS) for size in sizes):
        return False
    levels = sum(size.width * size.height * _CHANNELS for size in sizes)
    if task.format == "webp":  # they are in memory together
        return levels <= comfy.model_management.get_free_memory(torch.device("cpu"))
    return task.format == "png" or 2 * levels <= _LARGEST_FILE


def _of_all(on_progress: OnProgress, index: int, count: int, part: float) -> None:
    on_progress((index + part) / count)

"""Upscaling files that hold several pictures: animations, documents of several pages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ...hires.plan.upscale import UpscalePlan, UpscaleRequest
from ...hires.sizes.image_sizes import Size
from ...pictures import Picture
from ...pictures.folders.names import Task
from ...pictures.folders.skip import find_of_size, find_series_result
from ...pictures.series import Series
from ...pictures.write import check_sides
from ...pictures.write_series import takes_series, write_series
from ...upscale_models import Upscaler
from ..memory import free_main_memory
from ..upscaling.pictures import OnProgress
from .picture_job import FileSettings, is_finished, is_too_large, upscale_source, upscaled

_LARGEST_FILE = 2**32 - 2**24
"""Bytes of pixels that a TIFF file with several pages has room for."""

_CHANNELS = 4


def upscale_series(
    task: Task, series: Series, request: UpscaleRequest[Upscaler], settings: FileSettings, on_progress: OnProgress
) -> list[Path]:
    """Upscale every picture of a file. Returns the results, none if all of them were there already.

    Animations stay animations as PNG and WebP, pages stay together as TIFF. In other formats, and where that does not
    fit the memory or the format, every picture gets a numbered file. Those that are there already are left alone.

    Raises:
        InputError: see `upscale_file`.
        OSError: the disk does not take it.
    """
    plans = [request.plan(size) for size in series.sizes]
    if _fits_one_file(task, series, plans):
        return _to_one_file(task, series, [plan.size for plan in plans], request, settings, on_progress)
    written, count = [], len(series)
    for index, (part, plan) in enumerate(zip(series.parts(), plans, strict=True)):
        own = task.part(index, count) if count > 1 else task
        if not settings.overwrite and is_finished(own, find_of_size(own, plan.size)):
            continue
        with part as source:
            progress = partial(_of_all, on_progress, index, count)
            written.append(upscale_source(source, own, request, settings, progress))
    return written


def _to_one_file(
    task: Task,
    series: Series,
    sizes: list[Size],
    request: UpscaleRequest[Upscaler],
    settings: FileSettings,
    on_progress: OnProgress,
) -> list[Path]:
    count = len(series)
    if not settings.overwrite and find_series_result(task, sizes, series.timing) is not None:
        return []
    for size in set(sizes):
        check_sides(task.target.name, task.format, *size)
    task.target.parent.mkdir(parents=True, exist_ok=True)

    def pictures() -> Iterator[Picture]:
        for index, part in enumerate(series.parts()):
            with part as source:
                yield upscaled(source, request, settings, partial(_of_all, on_progress, index, count))

    write_series(task.target, pictures(), series.timing, task.format, settings.quality, settings.overwrite)
    return [task.target]


def _fits_one_file(task: Task, series: Series, plans: list[UpscalePlan[Upscaler]]) -> bool:
    if not takes_series(task.format, series.timing) or any(is_too_large(plan, _CHANNELS) for plan in plans):
        return False
    levels = sum(plan.size[0] * plan.size[1] * _CHANNELS for plan in plans)
    if task.format == "webp":  # they are in memory together
        return levels <= free_main_memory()
    return task.format == "png" or 2 * levels <= _LARGEST_FILE


def _of_all(on_progress: OnProgress, index: int, count: int, part: float) -> None:
    on_progress((index + part) / count)

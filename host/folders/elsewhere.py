"""Pictures of a folder handed to workers: what can be, and what is made of their answers."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import comfy.model_management
from comfy.cli_args import args

from ...hires.errors import InputError
from ...hires.sizes.image_sizes import Size
from ...machines.handing_out import HandingOut
from ...machines.jobs import Plain, code_digest, job_of, settled_for_all
from ...machines.pool import Pool
from ...pictures.base.errors import writing
from ...pictures.folders.names import Task
from ...pictures.folders.skip import size_in, stored_size
from ...pictures.series import find_series
from ...pictures.streams.journal import Journal
from ...pictures.write import check_sides, complete_or_absent
from ...upscale_models import ModelUpscaler, plan_runs
from ..machines.meeting import MakeFragment, Meeting, crew_of, fragment_for
from ..upscaling.pictures import shared_runtimes
from .picture_job import Upscaling, is_too_large
from .work import FileSettings

MOST_BYTES = 2**29
"""Of a file that is sent."""

_CHANNELS = 4
_check = comfy.model_management.throw_exception_if_processing_interrupted


class Elsewhere:
    """The pictures of a job, upscaled by a pool."""

    def __init__(self, work: Upscaling, files: FileSettings, pool: Pool, fragment: Plain | None) -> None:
        """Look at the workers, send what they need, and let them help with what is done here.

        `fragment`: see `Meeting`.

        Raises:
            InputError: no worker can do this, or the upscaler cannot be sent.
        """
        self._request, self._files, self._pool = work.request, files, pool
        self._met = Meeting(pool, work.request.upscalers, _check, fragment)
        self._tiles = settled_for_all(work.request, partial(shared_runtimes, lambda part: _check()), files.depth)
        self._code = code_digest()
        self._handing = HandingOut(pool, "upscale", _check)
        work.helpers = self._met.helpers

    def results(self, tasks: Iterable[tuple[int, Task]]) -> Iterator[tuple[int, Task, Callable[[], Path] | None]]:
        """See `Crew`."""
        tasks, slots = list(tasks), self._handing.slots()
        missing = islice((task for _, task in tasks if self._is_missing(task)), slots)
        by_windows = slots if len(list(missing)) < slots else 0
        for handed in self._handing.results(tasks, partial(self._arguments, by_windows)):
            (index, task), answer = handed.item, handed.answer
            data = answer.get("data") if answer else None
            is_right = isinstance(data, bytes) and _size_of(data) in self._sizes(task)
            yield index, task, partial(self._write, task, data) if is_right and data else None

    def text(self) -> list[str]:
        """What each worker did, and what went otherwise than planned."""
        return self._met.text(self._handing)

    def _is_missing(self, task: Task) -> bool:
        return self._files.overwrite or not (task.target.exists() or task.streamed.exists())

    def _arguments(self, by_windows: int, item: tuple[int, Task]) -> tuple[Plain, str] | None:
        """What a worker gets; None for what is there already, needs the disk, or cannot be read: that is done here.

        `by_windows`: of how many windows on a picture is done here with all workers' help; 0 for none.
        """
        _, task = item
        _check()
        if self._met.upscalers is None:
            return None
        try:
            if not self._is_missing(task):
                return None
            if Journal(task.streamed).part.exists() or find_series(task.picture.path, _check) is not None:
                return None
            sizes = self._sizes(task)
            if any(is_too_large(size, _CHANNELS) for size in sizes) or task.picture.path.stat().st_size > MOST_BYTES:
                return None
            if by_windows and self._windows(stored_size(task.picture.path)) >= by_windows:
                return None
            for size in sizes:
                check_sides(task.target.name, task.format, *size)
            job = job_of(
                task.picture.path, self._request, self._met.upscalers, self._tiles, task.format, self._files.depth,
                self._files.quality, not args.disable_metadata,
            )  # fmt: skip
        except (InputError, OSError):
            return None
        return job, self._code

    def _sizes(self, task: Task) -> set[Size]:
        """What the result may have: EXIF may turn a picture."""
        width, height = stored_size(task.picture.path)
        return {self._request.plan(size).size for size in ((width, height), (height, width))}

    def _windows(self, source: Size) -> int:
        """How many windows a picture has."""
        jobs = zip(self._request.plan(source).jobs, next(iter(self._tiles.values())), strict=True)
        models = [(job, job.upscaler, tiles) for job, tiles in jobs if isinstance(job.upscaler, ModelUpscaler)]
        runs = [(run, tiles.size) for job, one, tiles in models for run in plan_runs(one, source, job.target, tiles)]
        return sum(run.count_tiles(size) for run, size in runs)

    def _write(self, task: Task, data: bytes) -> Path:
        task.target.parent.mkdir(parents=True, exist_ok=True)
        with writing(task.target), complete_or_absent(task.target, self._files.overwrite) as file:
            file.write(data)
        return task.target


@contextmanager
def crew_for(workers: str, work: Upscaling, files: FileSettings, make: MakeFragment) -> Iterator[Elsewhere | None]:
    """Those of that name, ready for a job; None for this device alone. `make`: the fragment of the upscalers.

    Raises: see `crew` and `Elsewhere`.
    """
    upscalers = work.request.upscalers
    with crew_of(workers, upscalers) as pool:
        yield Elsewhere(work, files, pool, fragment_for(workers, make, upscalers)) if pool else None


def _size_of(data: Any) -> Size | None:
    """Of a picture file; None if it is none."""
    try:
        return size_in(io.BytesIO(data))
    except Exception:  # every format has its own complaints
        return None

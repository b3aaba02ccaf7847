"""Pictures of a folder handed to workers: what can be, and what is made of their answers."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import comfy.model_management
from comfy.cli_args import args

from ...hires.errors import InputError
from ...hires.plan.upscale import UpscaleRequest
from ...hires.plan.warnings import counted
from ...hires.remaining_time import in_words
from ...hires.sizes.image_sizes import Size
from ...machines.handing_out import HandingOut
from ...machines.jobs import (
    CannotTravelError,
    ModelFile,
    Plain,
    code_digest,
    job_of,
    settled_for_all,
    upscaler_to_plain,
)
from ...machines.pool import Pool, PoolError
from ...pictures.base.errors import writing
from ...pictures.folders.names import Task
from ...pictures.folders.skip import size_in, stored_size
from ...pictures.series import find_series
from ...pictures.streams.journal import Journal
from ...pictures.write import check_sides, complete_or_absent
from ...upscale_models import Upscaler
from ..infotext.model_hashes import file_hash
from ..machines.crews import crew
from ..progress import show_text
from ..upscaling.pictures import shared_runtimes
from ..upscaling.upscalers import upscaler_path
from .picture_job import is_too_large
from .work import FileSettings

MOST_BYTES = 2**29
"""Of a file that is sent."""

_CHANNELS = 4
_check = comfy.model_management.throw_exception_if_processing_interrupted


class Elsewhere:
    """The pictures of a job, upscaled by a pool."""

    def __init__(self, request: UpscaleRequest[Upscaler], files: FileSettings, pool: Pool) -> None:
        """Look at the workers, and send what they need.

        Raises:
            InputError: no worker can do this, or the upscaler cannot be sent.
        """
        self._request, self._files = request, files
        self._models: dict[str, tuple[ModelFile, Path]] = {}
        try:
            self._upscalers = [upscaler_to_plain(one, self._file_of) for one in request.upscalers]
            found = list(self._models.values())
            self._remarks = pool.meet([file for file, _ in found], [path for _, path in found])
            show_text(f"{counted(pool.slots(), 'worker')} of '{pool.name}'")
        except CannotTravelError as error:
            raise InputError(
                f"{error}, so other workers cannot have it. Set workers to 'this device'.", "workers"
            ) from error
        except PoolError as error:
            raise InputError(str(error), "workers") from error
        self._tiles = settled_for_all(request, partial(shared_runtimes, lambda part: _check()), files.depth)
        self._code = code_digest()
        self._handing: HandingOut[tuple[int, Task]] = HandingOut(pool, "upscale", _check)

    def results(self, tasks: Iterable[tuple[int, Task]]) -> Iterator[tuple[int, Task, Callable[[], Path] | None]]:
        """See `Crew`."""
        for handed in self._handing.results(tasks, self._arguments):
            (index, task), answer = handed.item, handed.answer
            data = answer.get("data") if answer else None
            is_right = isinstance(data, bytes) and _size_of(data) in self._sizes(task)
            yield index, task, partial(self._write, task, data) if is_right and data else None

    def text(self) -> list[str]:
        """What each worker did, and what went otherwise than planned."""
        done = [
            f"{who}: {counted(tally.count, 'picture')} in {in_words(tally.seconds)}"
            for who, tally in sorted(self._handing.tallies.items())
        ]
        return [*done, *self._remarks, *self._handing.remarks]

    def _file_of(self, name: str) -> ModelFile | None:
        where = upscaler_path(name)
        if where is None:
            return None
        path = Path(where)
        file = ModelFile(path.name, file_hash(path), path.stat().st_size)
        self._models[name] = file, path
        return file

    def _arguments(self, item: tuple[int, Task]) -> tuple[Plain, str] | None:
        """What a worker gets; None for what is there already, needs the disk, or cannot be read: that is done here."""
        _, task = item
        _check()
        try:
            if not self._files.overwrite and (task.target.exists() or task.streamed.exists()):
                return None
            if Journal(task.streamed).part.exists() or find_series(task.picture.path, _check) is not None:
                return None
            sizes = self._sizes(task)
            if any(is_too_large(size, _CHANNELS) for size in sizes) or task.picture.path.stat().st_size > MOST_BYTES:
                return None
            for size in sizes:
                check_sides(task.target.name, task.format, *size)
            job = job_of(
                task.picture.path, self._request, self._upscalers, self._tiles, task.format, self._files.depth,
                self._files.quality, not args.disable_metadata,
            )  # fmt: skip
        except (InputError, OSError):
            return None
        return job, self._code

    def _sizes(self, task: Task) -> set[Size]:
        """What the result may have: EXIF may turn a picture."""
        width, height = stored_size(task.picture.path)
        return {self._request.plan(size).size for size in ((width, height), (height, width))}

    def _write(self, task: Task, data: bytes) -> Path:
        task.target.parent.mkdir(parents=True, exist_ok=True)
        with writing(task.target), complete_or_absent(task.target, self._files.overwrite) as file:
            file.write(data)
        return task.target


@contextmanager
def crew_for(workers: str, request: UpscaleRequest[Upscaler], files: FileSettings) -> Iterator[Elsewhere | None]:
    """Those of that name, ready for a job; None for this device alone. Raises: see `crew` and `Elsewhere`."""
    with crew(workers) as pool:
        yield Elsewhere(request, files, pool) if pool else None


def _size_of(data: Any) -> Size | None:
    """Of a picture file; None if it is none."""
    try:
        return size_in(io.BytesIO(data))
    except Exception:  # every format has its own complaints
        return None

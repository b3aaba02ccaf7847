"""Working on every picture of a folder, with the results in another one."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.utils

from ...hires.errors import InputError
from ...hires.plan.facts import FolderSearch
from ...hires.remaining_time import RemainingTime
from ...hires.sizes.image_sizes import Size
from ...pictures.folders.lock import only_job
from ...pictures.folders.names import Task, plan_names
from ...pictures.folders.report import Report
from ...pictures.folders.scan import printable
from ...pictures.folders.skip import find_result
from ...pictures.series import Series, find_series, holds_another
from ...pictures.source import open_source
from ...pictures.write import UNFINISHED, PictureFormat
from ..progress import show_text
from . import access as folder_access
from .series_job import work_on_series
from .work import Crew, FileSettings, FileWork, OnProgress

logger = logging.getLogger("hires-fix")

_STEPS = 1000  # of the progress bar for one picture
_STARTED = time.time()


@dataclass(frozen=True)
class FolderSettings:
    """Which pictures, and what the results are called."""

    search: FolderSearch

    pattern: str
    """Of the results' names, see `plan_names`."""

    format: PictureFormat | None
    """See `plan_names`."""


def work_on_folder(
    folder: FolderSettings, work: FileWork, files: FileSettings, crew: AbstractContextManager[Crew | None] | None = None
) -> Report:
    """Do something to the pictures of a folder, one after another, or by a crew that is called once there is something
    to do.

    Those whose result is there already are skipped, unless results are to be overwritten. What goes wrong with one is
    noted and the next one follows; only a cancel ends the job.

    Raises:
        InputError: a folder, a pattern or a setting that cannot be used at all.
        BaseException: the host's cancel; finished results stay, and the next job goes on after them.
    """
    check = comfy.model_management.throw_exception_if_processing_interrupted
    source, target, scan = folder_access.find(folder.search, check)
    tasks = plan_names(scan.pictures, target, folder.pattern, work.words, folder.format)
    report = Report(failed=scan.problems, passed_over=scan.passed_over)
    bar, remaining = comfy.utils.ProgressBar(max(1, len(tasks) * _STEPS)), RemainingTime()

    def on_progress(index: int, part: float, preview: Any = None) -> None:
        done = round((index + part) * _STEPS)
        bar.update_absolute(done, preview=preview)
        show_text(remaining.text(done, len(tasks) * _STEPS))
        check()

    _make(target)
    with only_job(target), crew if crew and tasks else nullcontext() as hands:
        for place, some in groupby(enumerate(tasks), lambda each: each[1].target.parent):
            problem = _misplaced(place, source, target)
            with ExitStack() as lock:
                problem = problem or _prepare(place, target, lock)
                if problem:
                    report.failed += [(task.picture.label, problem) for _, task in some]
                    continue
                for index, task, make in hands.results(some) if hands else ((*each, None) for each in some):
                    on_progress(index, 0.0)
                    _do(task, work, files, report, partial(on_progress, index), make)
        if hands:
            report.workers += hands.text()
    return report


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"'{printable(folder.name)}' cannot be made: {error.strerror}.", "output_folder") from error


def _do(
    task: Task,
    work: FileWork,
    files: FileSettings,
    report: Report,
    on_progress: OnProgress,
    make: Callable[[], Path] | None = None,
) -> None:
    """Do one picture file and note what became of it. `make` writes the result that a crew has made of a single one."""
    label = task.picture.label
    try:
        series = None if make else find_series(task.picture.path, lambda: on_progress(0.0))
        if make:
            places = [make()]
        elif series is None:
            places = _do_one(task, work, files, on_progress)
        else:
            places = work_on_series(task, series, work, files, on_progress)
    except (InputError, OSError) as error:
        reason = str(error) if isinstance(error, InputError) else f"{error.strerror or error}"
        logger.warning("'%s' was not %s: %s", label, work.done, reason)
        report.failed.append((label, reason))
    except Exception as error:  # one picture must not end the job, whatever is the matter with it
        logger.exception("'%s' was not %s.", label, work.done)
        report.failed.append((label, f"{type(error).__name__}: {error}"))
    else:
        (report.done if places else report.skipped).append(label)
        report.results += places
        if series is not None and len(series) > 1:
            report.notes.append((label, _places_text(task, series, places)))
        elif places and (task.renamed or places != [task.target]):
            report.notes.append((label, f"the result is '{printable(places[0].name)}'"))
        remark = work.remark()
        if remark:
            report.notes.append((label, remark))
        if holds_another(task.picture.path):
            report.in_part.append(label)


def _do_one(task: Task, work: FileWork, files: FileSettings, on_progress: OnProgress) -> list[Path]:
    """Return the result; nothing if it is there already."""

    def result_size(width: int, height: int) -> Size:
        return work.size((width, height))

    if not files.overwrite and find_result(task, result_size) is not None:
        work.tidy(task)
        return []
    with open_source(task.picture.path) as source:
        return [work.to_file(source, task, files, on_progress)]


def _places_text(task: Task, series: Series, places: list[Path]) -> str:
    """Say where the pictures of a file are."""
    count, kind = len(series), "frames" if series.timing else "pages"
    if places in ([], [task.target]) and task.target.exists():
        return f"all {count} {kind} are in '{printable(task.target.name)}'"
    first, last = (printable(task.part(index, count).target.name) for index in (0, count - 1))
    timing = ", without their timing" if series.timing else ""
    return f"its {count} {kind} are in files of their own, '{first}' to '{last}'{timing}"


def _misplaced(folder: Path, source: Path, target: Path) -> str:
    """Return why results cannot go there, or nothing."""
    if not folder_access.may_write(folder):
        return "its result would go to a place outside of the allowed folders, through a link."
    # with the results in a folder inside the one that is read, that one is not looked into
    if folder.resolve().is_relative_to(source) and not target.is_relative_to(source):
        return "its result would go into the folder that is read. Choose another output_folder."
    return ""


def _prepare(place: Path, target: Path, lock: ExitStack) -> str:
    """Make a folder of results ready and keep it; return why that is not possible, or nothing."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        if place != target:
            lock.enter_context(only_job(place))
    except InputError as error:
        return str(error)
    except OSError as error:
        return f"the folder of its result cannot be made: {error.strerror}."
    _remove_unfinished(place)
    return ""


def _remove_unfinished(folder: Path) -> None:
    """Remove what a killed job has left half written; not what another server may be writing just now."""
    try:
        for path in folder.glob(f"{UNFINISHED}*"):
            if path.stat().st_mtime < _STARTED:
                path.unlink()
    except OSError as error:
        logger.warning("The folder '%s' cannot be tidied: %s", folder, error)

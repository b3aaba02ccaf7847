"""Upscaling every picture of a folder into another one."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import comfy.model_management
import comfy.utils

from ..hires.errors import InputError
from ..pictures.folder_names import Task, plan_names
from ..pictures.folder_report import Report
from ..pictures.folder_scan import find_pictures, printable
from ..pictures.folder_skip import find_result
from ..pictures.stream_journal import Journal
from ..pictures.write import UNFINISHED, PictureFormat
from ..upscale_models import ModelUpscaler, RemainingTime, Upscaler
from . import folder_access
from .memory import tell
from .picture_job import FileSettings, OnProgress, Recipe, upscale_file

logger = logging.getLogger("hires-fix")

_STEPS = 1000  # of the progress bar for one picture
_STARTED = time.time()


@dataclass(frozen=True)
class FolderSettings:
    """Which pictures, and what the results are called."""

    source: str
    """See `folder_access.input_folder`."""

    target: str
    """See `folder_access.output_folder`."""

    pattern: str
    """Of the results' names, see `plan_names`."""

    include: str
    """Of the pictures' names, see `find_pictures`."""

    recursive: bool
    """Folders inside the input folder, too; the same folders are made in the output folder."""

    format: PictureFormat | None
    """See `plan_names`."""


def upscale_folder(folder: FolderSettings, recipe: Recipe, files: FileSettings) -> Report:
    """Upscale the pictures of a folder, one after another.

    Those whose result is there already are skipped, unless results are to be overwritten. What goes wrong with one is
    noted and the next one follows; only a cancel ends the job.

    Raises:
        InputError: a folder, a pattern or a setting that cannot be used at all.
        BaseException: the host's cancel; finished results stay, and the next job goes on after them.
    """
    source, target = folder_access.folders(folder.source, folder.target)
    check = comfy.model_management.throw_exception_if_processing_interrupted
    # results in a folder inside the one that is read must not be upscaled again
    scan = find_pictures(source, folder.include, folder.recursive, folder_access.may_read, target, check)
    values = {"scale": _scale(recipe.resize), "upscaler": _name(recipe.upscaler)}
    tasks = plan_names(scan.pictures, target, folder.pattern, values, folder.format)
    report = Report(failed=scan.problems)
    _make(target)
    for place in {task.target.parent for task in tasks}:
        _remove_unfinished(place)
    bar, remaining = comfy.utils.ProgressBar(max(1, len(tasks) * _STEPS)), RemainingTime()
    for index, task in enumerate(tasks):

        def on_progress(part: float, index: int = index) -> None:
            done = round((index + part) * _STEPS)
            bar.update_absolute(done)
            tell(remaining.text(done, len(tasks) * _STEPS))
            check()

        on_progress(0.0)
        problem = _misplaced(task, source, target)
        if problem:
            report.failed.append((task.picture.label, problem))
        else:
            _upscale(task, recipe, files, report, on_progress)
    return report


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"'{printable(folder.name)}' cannot be made: {error.strerror}.", "output_folder") from error


def _upscale(task: Task, recipe: Recipe, files: FileSettings, report: Report, on_progress: OnProgress) -> None:
    """Do one picture and note what became of it."""
    label = task.picture.label
    try:
        found = None if files.overwrite else find_result(task, recipe.result_size)
        if found is not None:
            Journal(task.streamed).discard()  # of a job that was killed at its very end
            report.skipped.append(label)
            return
        place = upscale_file(task, recipe, files, on_progress)
    except (InputError, OSError) as error:
        reason = str(error) if isinstance(error, InputError) else f"{error.strerror or error}"
        logger.warning("'%s' was not upscaled: %s", label, reason)
        report.failed.append((label, reason))
    except Exception as error:  # one picture must not end the job, whatever is the matter with it
        logger.exception("'%s' was not upscaled.", label)
        report.failed.append((label, f"{type(error).__name__}: {error}"))
    else:
        report.done.append(label)
        if task.renamed or place != task.target:
            report.notes.append((label, f"the result is '{printable(place.name)}'"))


def _misplaced(task: Task, source: Path, target: Path) -> str:
    """Return why the result cannot have its place, or nothing."""
    folder = task.target.parent
    if not folder_access.may_write(folder):
        return "its result would go to a place outside of the allowed folders, through a link."
    # with the results in a folder inside the one that is read, that one is not looked into
    if folder.resolve().is_relative_to(source) and not target.is_relative_to(source):
        return "its result would go into the folder that is read. Choose another output_folder."
    return ""


def _remove_unfinished(folder: Path) -> None:
    """Remove what a killed job has left half written; not what another server may be writing just now."""
    try:
        for path in folder.glob(f"{UNFINISHED}*"):
            if path.stat().st_mtime < _STARTED:
                path.unlink()
    except OSError as error:
        logger.warning("The folder '%s' cannot be tidied: %s", folder, error)


def _scale(resize: float | tuple[int, int]) -> str:
    return "{}x{}".format(*resize) if isinstance(resize, tuple) else f"{resize:g}"


def _name(upscaler: Upscaler) -> str:
    return Path(upscaler.name).stem if isinstance(upscaler, ModelUpscaler) else upscaler.name

"""Who can work on a job beside this process' own device."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import comfy.model_management
import folder_paths

from ...hires.errors import InputError
from ...hires.plan.upscale import THIS_DEVICE
from ...machines.entries import FILE, Entry, EntryError, read_entries
from ...machines.pool import Pool, PoolError
from ...machines.threads import ThreadPool
from ..ending import check_stage

logger = logging.getLogger("hires-fix")

ALONE, CARDS = THIS_DEVICE, "all graphics cards"
"""Names that are always there."""


def names() -> list[str]:
    """What an input can choose from. A file that cannot be read is told of in the log, and in a run that names it."""
    try:
        found = _entries()
    except InputError as error:
        logger.warning("%s", error)
        found = {}
    return [ALONE, CARDS, *(name for name in found if name not in (ALONE, CARDS))]


def check(name: str) -> None:
    """Refuse a name that nobody stands behind: a workflow can name workers, and not bring an address.

    Raises:
        InputError: it is not listed, or the list cannot be read.
    """
    if name not in (ALONE, CARDS):
        _entry(name)


@contextmanager
def crew(name: str, input_name: str = "workers") -> Iterator[Pool | None]:
    """The pool of that name while a job runs; None for this device alone.

    Raises:
        InputError: see `check`; also nobody answers there.
    """
    pool: Pool | None = None
    if name == CARDS:
        cards = comfy.model_management.get_all_torch_devices()
        if len(cards) > 1:
            pool = ThreadPool(name, cards, model_folders())
    elif name != ALONE:
        entry = _entry(name)
        from ...machines.dask_pool import open_pool  # nothing of Dask is loaded before

        try:
            pool = open_pool(entry, model_folders(), check_stage)
        except PoolError as error:
            raise InputError(str(error), input_name) from error
    try:
        yield pool
    finally:
        if pool is not None:
            pool.close()


def model_folders() -> list[str]:
    """Where upscale models are."""
    return [folder for folder in folder_paths.get_folder_paths("upscale_models") if Path(folder).is_dir()]


def _entry(name: str) -> Entry:
    entries = _entries()
    if name not in entries:
        listed = ", ".join(f"'{one}'" for one in entries) or "none"
        raise InputError(
            f"'{name}' is not among the workers of this machine ({listed}). Its owner lists them in {FILE} in "
            "ComfyUI's user folder; a workflow can only name them.",
            "workers",
        )
    return entries[name]


def _entries() -> dict[str, Entry]:
    try:
        return read_entries(Path(folder_paths.get_user_directory()))
    except EntryError as error:
        raise InputError(str(error), "workers") from error

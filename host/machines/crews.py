"""Who can work on a job beside this process' own device."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
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


def is_of_this_machine(name: str) -> bool:
    """Whether those of that name are started here, and see the same files. Raises InputError, see `check`."""
    return name in (ALONE, CARDS) or bool(_entry(name).processes)


@contextmanager
def crew(name: str, input_name: str = "workers", comfyui: Sequence[str] = ()) -> Iterator[Pool | None]:
    """The pool of that name while a job runs; None for this device alone.

    `comfyui`: for workers that need one, its folder and its arguments: each is then a process of its own.

    Raises:
        InputError: see `check`; also nobody answers there.
    """
    pool: Pool | None = None
    cards = comfy.model_management.get_all_torch_devices() if name == CARDS else []
    if name == CARDS and not comfyui and len(cards) > 1:
        pool = ThreadPool(name, cards, model_folders())
    elif name != ALONE and len(cards) != 1:
        entry = Entry(name, processes=len(cards)) if cards else _entry(name)
        from ...machines.dask_pool import open_pool  # nothing of Dask is loaded before

        try:
            pool = open_pool(entry, model_folders(), check_stage, comfyui)
        except PoolError as error:
            raise InputError(str(error), input_name) from error
    try:
        yield pool
    finally:
        if pool is not None:
            pool.close()


def own_comfyui() -> list[str]:
    """The folder of this ComfyUI and the arguments that it was started with."""
    return [str(Path(folder_paths.__file__).absolute().parent), *sys.argv[1:]]


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

"""What model files say of themselves before a run: the names and shapes of their tensors, upscalers' parts."""

from __future__ import annotations

import json
import logging
import os
import struct
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, TypeVar

import folder_paths

from ...hires.infotext.names import is_ldsr_file
from ...hires.plan import model_files
from ...hires.plan.facts import ModelFile
from ...upscale_models import ModelUpscaler
from ...upscale_models.models import ldsr_layout
from ...upscale_models.models.outline import outline_of
from ..upscaling.model_files import read_weights
from ..upscaling.upscalers import upscaler_path

T = TypeVar("T")

logger = logging.getLogger("hires-fix")

LONGEST_HEADER = 16_000_000
"""Bytes; read, it takes about ten times as much for a moment. Those of the largest diffusion models stay below one."""

MOST_FILES = 64
"""Files that are remembered."""

_TINY = ("taesd", "taesdxl", "taesd3", "taef1")
"""VAEs that core's loader puts together from several files, with cells of 8. Not taef2: its network has cells of 16, of
which ComfyUI 0.30.0's VAE object says 8."""

LARGEST_FILE = 1_000_000_000
"""Bytes of the largest file that an upscaler's outline is taken from: published ones stay below half of it."""

LONGEST_WAIT = 2.0
"""Seconds after which a file counts as unknown, because others are still being looked at."""

_WITH_HEADER = (".safetensors", ".sft")


class _Header(NamedTuple):
    """What is known by the names and shapes in a file."""

    latent_cell: int | None
    trained_side: int | None
    is_ldsr: bool
    is_sd_x4: bool
    work: float | None


_look = threading.Lock()
"""One look at a file at a time: however many ask, memory holds one file."""


def latent_cell(vae: ModelFile) -> int | None:
    """Pixels a side of a latent cell of a VAE or of that in a checkpoint; None if the file does not tell."""
    if vae.folder == "vae" and vae.name in _TINY:
        return 8
    header = _header_of(vae)
    return header.latent_cell if header else None


def trained_side(model: ModelFile) -> int | None:
    """Side of the square pictures that a diffusion model was trained on; None if the file does not tell."""
    header = _header_of(model)
    return header.trained_side if header else None


def upscaler_outline(name: str) -> ModelUpscaler | None:
    """An upscale model without its weights; None if the file is not there or cannot be used."""
    path = None if is_ldsr(name) else upscaler_path(name)
    return _one_at_a_time(_outline, path) if path else None


def is_ldsr(name: str) -> bool:
    """Whether an upscaler is one of LDSR: by its file, where that tells it without being loaded, else by its name."""
    path = upscaler_path(name)
    if path is None or not path.lower().endswith(_WITH_HEADER):
        return path is not None and is_ldsr_file(name)
    header = _one_at_a_time(_header, path)
    return header.is_ldsr if header else False


def is_sd_x4(model: ModelFile) -> bool:
    """Whether a diffusion model is the SD x4 upscaler, as far as its file tells."""
    header = _header_of(model)
    return header is not None and header.is_sd_x4


def work(model: ModelFile) -> float | None:
    """See `model_files.work_of`; None if the file does not tell."""
    header = _header_of(model)
    return header.work if header else None


def _header_of(file: ModelFile) -> _Header | None:
    path = folder_paths.get_full_path(file.folder, file.name)
    if path is None or not path.lower().endswith(_WITH_HEADER):
        return None
    return _one_at_a_time(_header, path)


def _one_at_a_time(look: Callable[[str, tuple[int, int]], T], path: str) -> T | None:
    if not _look.acquire(timeout=LONGEST_WAIT):
        return None
    try:
        return look(path, _version(path))
    finally:
        _look.release()


def _version(path: str) -> tuple[int, int]:
    """What changes when the file does."""
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


@lru_cache(MOST_FILES)
def _header(path: str, version: tuple[int, int]) -> _Header | None:
    """Only this is kept of the names and shapes in a file."""
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(LONGEST_HEADER, version[1]):
                return None
            header = json.loads(file.read(length))
        shapes = {name: tuple(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
        return _Header(
            model_files.latent_cell(shapes),
            model_files.trained_side(shapes),
            ldsr_layout.is_ldsr(shapes),
            model_files.is_sd_x4(shapes),
            model_files.work_of(shapes),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error, RecursionError) as error:
        logger.debug("no header in %s: %s", path, error)
        return None


@lru_cache(MOST_FILES)
def _outline(path: str, version: tuple[int, int]) -> ModelUpscaler | None:
    if version[1] > LARGEST_FILE:
        return None
    try:
        return outline_of(os.path.basename(path), read_weights(path))
    except Exception as error:  # every container, and every network, has its own complaints; the run will say them
        logger.debug("no outline of %s: %s", path, error)
        return None

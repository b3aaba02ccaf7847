"""What model files say of themselves before a run: the names and shapes of their tensors, upscalers' parts."""

from __future__ import annotations

import json
import logging
import os
import struct
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import folder_paths

from ...hires.plan import model_files
from ...hires.plan.facts import ModelFile
from ...upscale_models import ModelUpscaler
from ...upscale_models.models.outline import outline_of
from ..upscaling.model_files import read_weights

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

_look = threading.Lock()
"""One look at a file at a time: however many ask, memory holds one file."""


def latent_cell(vae: ModelFile) -> int | None:
    """Pixels a side of a latent cell of a VAE or of that in a checkpoint; None if the file does not tell."""
    if vae.folder == "vae" and vae.name in _TINY:
        return 8
    return _cell_and_side(vae)[0]


def trained_side(model: ModelFile) -> int | None:
    """Side of the square pictures that a diffusion model was trained on; None if the file does not tell."""
    return _cell_and_side(model)[1]


def upscaler_outline(name: str) -> ModelUpscaler | None:
    """An upscale model without its weights; None if the file is not there or cannot be used."""
    path = folder_paths.get_full_path("upscale_models", name)
    return _one_at_a_time(_outline, path) if path else None


def _cell_and_side(file: ModelFile) -> tuple[int | None, int | None]:
    """See `latent_cell` and `trained_side`."""
    path = folder_paths.get_full_path(file.folder, file.name)
    if path is None or not path.lower().endswith((".safetensors", ".sft")):
        return None, None
    return _one_at_a_time(_header, path) or (None, None)


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
def _header(path: str, version: tuple[int, int]) -> tuple[int | None, int | None]:
    """What is known by the names and shapes in a file; only this is kept of them."""
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(LONGEST_HEADER, version[1]):
                return None, None
            header = json.loads(file.read(length))
        shapes = {name: tuple(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
        return model_files.latent_cell(shapes), model_files.trained_side(shapes)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error, RecursionError) as error:
        logger.debug("no header in %s: %s", path, error)
        return None, None


@lru_cache(MOST_FILES)
def _outline(path: str, version: tuple[int, int]) -> ModelUpscaler | None:
    if version[1] > LARGEST_FILE:
        return None
    try:
        return outline_of(os.path.basename(path), read_weights(path))
    except Exception as error:  # every container, and every network, has its own complaints; the run will say them
        logger.debug("no outline of %s: %s", path, error)
        return None

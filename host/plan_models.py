"""What model files say of themselves before a run: the names and shapes of their tensors, upscalers' parts."""

from __future__ import annotations

import json
import logging
import os
import struct
from functools import lru_cache

import comfy.utils
import folder_paths

from ..hires import plan_files
from ..hires.plan_files import Shapes
from ..hires.plan_values import ModelFile
from ..upscale_models import ModelUpscaler
from ..upscale_models.outline import outline_of

logger = logging.getLogger("hires-fix")

LONGEST_HEADER = 100_000_000
"""Bytes; safetensors' own limit."""

MOST_FILES = 64
"""Files that are remembered."""

_TINY = ("taesd", "taesdxl", "taesd3", "taef1")
"""VAEs that core's loader puts together from several files, with cells of 8. Not taef2: its network has cells of 16, of
which ComfyUI 0.30.0's VAE object says 8."""


def latent_cell(vae: ModelFile) -> int | None:
    """Pixels a side of a latent cell of a VAE or of that in a checkpoint; None if the file does not tell."""
    if vae.folder == "vae" and vae.name in _TINY:
        return 8
    return plan_files.latent_cell(_shapes_of(vae))


def trained_side(model: ModelFile) -> int | None:
    """Side of the square pictures that a diffusion model was trained on; None if the file does not tell."""
    return plan_files.trained_side(_shapes_of(model))


def upscaler_outline(name: str) -> ModelUpscaler | None:
    """An upscale model without its weights; None if the file is not there or cannot be used."""
    path = folder_paths.get_full_path("upscale_models", name)
    return _outline(path, _version(path)) if path else None


def _shapes_of(file: ModelFile) -> Shapes:
    path = folder_paths.get_full_path(file.folder, file.name)
    return _shapes(path, _version(path)) if path and path.lower().endswith((".safetensors", ".sft")) else {}


def _version(path: str) -> tuple[int, int]:
    """What changes when the file does."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


@lru_cache(MOST_FILES)
def _shapes(path: str, version: tuple[int, int]) -> Shapes:
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > LONGEST_HEADER:
                return {}
            header = json.loads(file.read(length))
            return {name: tuple(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error, RecursionError) as error:
        logger.debug("no header in %s: %s", path, error)
        return {}


@lru_cache(MOST_FILES)
def _outline(path: str, version: tuple[int, int]) -> ModelUpscaler | None:
    try:
        return outline_of(os.path.basename(path), comfy.utils.load_torch_file(path, safe_load=True))
    except Exception as error:  # every container, and every network, has its own complaints; the run will say them
        logger.debug("no outline of %s: %s", path, error)
        return None

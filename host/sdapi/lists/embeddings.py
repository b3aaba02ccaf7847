"""Textual inversions as `/sdapi/v1/embeddings` lists them: those that fit the checkpoint in use, and the others."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import folder_paths

from ....hires.model_names import stem
from ...model_headers import read_header
from ...upscaling.model_files import UnreadableFileError, read_weights
from .model_lists import CHECKPOINTS, files

log = logging.getLogger("hires-fix")

_LARGEST = 2**26
"""Bytes of a file that is looked into."""

_TOKENS = (
    "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight",
    "cond_stage_model.model.token_embedding.weight",
    "conditioner.embedders.0.transformer.text_model.embeddings.token_embedding.weight",
    "conditioner.embedders.1.model.token_embedding.weight",
)
"""Tables of tokens in checkpoints of SD 1, SD 2 and SDXL, whose widths are those of embeddings."""

Shape = tuple[int, ...]


def embeddings(checkpoint: str | None) -> dict[str, dict[str, Any]]:
    """All embeddings; of a checkpoint whose text encoder is not known, all count as fitting."""
    wanted = _width(checkpoint)
    loaded, skipped = {}, {}
    for name, path in files("embeddings").items():
        found = _vectors(path)
        if found is None:
            continue
        count, width = found
        trained = {"step": None, "sd_checkpoint": None, "sd_checkpoint_name": None}
        entry = {**trained, "shape": width, "vectors": count}
        (loaded if wanted in (0, width) else skipped)[stem(name)] = entry
    return {"loaded": loaded, "skipped": skipped}


def _width(checkpoint: str | None) -> int:
    path = checkpoint and folder_paths.get_full_path(CHECKPOINTS, checkpoint)
    try:
        header = read_header(path) if path else {}
        return sum(int(header[name]["shape"][-1]) for name in _TOKENS if name in header)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        log.debug("The checkpoint '%s' has no readable header: %s", checkpoint, error)
        return 0


def _vectors(path: str) -> tuple[int, int] | None:
    """How many vectors a file has, and how wide: of SDXL both encoders' together. None if it has none."""
    try:
        status = os.stat(path)
        return _shape(path, (status.st_mtime_ns, status.st_size))
    except (OSError, ValueError, KeyError, TypeError, UnreadableFileError) as error:
        log.debug("The embedding '%s' cannot be read: %s", path, error)
        return None


@lru_cache(4096)
def _shape(path: str, version: tuple[int, int]) -> tuple[int, int] | None:
    header = read_header(path)
    shapes: Mapping[str, Shape] = {
        name: tuple(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__"
    }
    if not header and version[1] <= _LARGEST:
        weights = read_weights(path)
        held = weights.get("string_to_param", weights)
        shapes = {name: tuple(tensor.shape) for name, tensor in held.items() if hasattr(tensor, "shape")}
    found = [shape for shape in shapes.values() if shape]
    if not found:
        return None
    if {"clip_l", "clip_g"} <= shapes.keys():
        found = [shapes["clip_g"], shapes["clip_l"]]
        return _count(found[0]), found[0][-1] + found[1][-1]
    return _count(found[0]), found[0][-1]


def _count(shape: Shape) -> int:
    return shape[0] if len(shape) > 1 else 1

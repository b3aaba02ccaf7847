"""What stands at the head of safetensors files: names, shapes and remarks, without their weights."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

_LARGEST = 2**26
"""Bytes of a header that are read; those of checkpoints have some hundred thousand."""


def read_header(path: str) -> Mapping[str, Any]:
    """Tensor names with their "shape" and "dtype", and texts under `__metadata__`.

    Empty of a file of another kind. Remembered while the file stays as it is.

    Raises:
        OSError, ValueError: the file cannot be read, or is damaged.
    """
    if not path.endswith((".safetensors", ".sft")):
        return {}
    status = os.stat(path)
    return _header(path, (status.st_mtime_ns, status.st_size))


def remarks(header: Mapping[str, Any]) -> dict[str, str]:
    """The texts of a header."""
    found = header.get("__metadata__")
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


@lru_cache(1024)
def _header(path: str, version: tuple[int, int]) -> Mapping[str, Any]:
    with Path(path).open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        try:
            found = json.loads(opened.read(min(length, version[1], _LARGEST)))
        except RecursionError as error:
            raise ValueError("its header is no list of tensors") from error
    return found if isinstance(found, dict) else {}

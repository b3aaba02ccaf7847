"""SHA-256 of model files, by which A1111 and model sites tell models apart."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import BinaryIO

import comfy.model_management
import comfy.utils

_CHUNK = 2**24
_SHORT_START, _SHORT_LENGTH, _SHORT_DIGITS = 2**20, 2**16, 8

_known: dict[tuple[Path, bool, int, int], str] = {}


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file in hex digits.

    Worked out once in the life of the server while the file stays as it is: that takes one or two seconds for each
    GB, or as long as the disk needs. Shows progress on the node that runs, and can be cancelled there.

    Raises:
        OSError: the file cannot be read.
    """
    return _remembered(path, behind_header=False)


def lora_hash(path: Path) -> str:
    """Return what A1111 takes for the hash of a LoRA: see `file_hash`, of a safetensors file without its header.

    If the header says what it was when the LoRA was made (`sshs_model_hash`), that.
    """
    return _remembered(path, behind_header=path.suffix == ".safetensors")


def short_hash(path: Path) -> str:
    """Return the hash of its early days that A1111 still gives ControlNets: of a small part of the file.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        file.seek(_SHORT_START)
        return hashlib.sha256(file.read(_SHORT_LENGTH)).hexdigest()[:_SHORT_DIGITS]


def _remembered(path: Path, behind_header: bool) -> str:
    found = path.stat()
    key = path, behind_header, found.st_mtime_ns, found.st_size
    if key not in _known:
        with path.open("rb") as file:
            _known[key] = (_skip_header(file) if behind_header else "") or _sha256(file)
    return _known[key]


def _skip_header(file: BinaryIO) -> str:
    """Go to the tensors of a safetensors file; returns the hash that its header holds, if any."""
    header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return header.get("__metadata__", {}).get("sshs_model_hash", "")


def _sha256(file: BinaryIO) -> str:
    """Hash the rest of a file."""
    left = os.fstat(file.fileno()).st_size - file.tell()
    progress = comfy.utils.ProgressBar(max(1, -(-left // _CHUNK)))
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        comfy.model_management.throw_exception_if_processing_interrupted()
        digest.update(chunk)
        progress.update(1)
    return digest.hexdigest()

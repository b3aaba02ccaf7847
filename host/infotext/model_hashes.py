"""SHA-256 of model files, by which A1111 and model sites tell models apart."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from string import hexdigits
from typing import BinaryIO

import comfy.model_management
import comfy.utils

log = logging.getLogger("hires-fix")

_CHUNK = 2**24
_SHORT_START, _SHORT_LENGTH, _SHORT_DIGITS = 2**20, 2**16, 8
_SEARCH_LIMIT = 8 * 10**9
"""Bytes that a search takes the hash of: a few seconds."""

_known: dict[tuple[Path, bool, int, int], str] = {}


def file_hash(path: Path, show_progress: bool = True) -> str:
    """Return the SHA-256 of a file in hex digits.

    Worked out once in the life of the server while the file stays as it is: that takes one or two seconds for each
    GB, or as long as the disk needs. Shows progress on the node that runs, and can be cancelled there; outside of a
    run, `show_progress` must be False.

    Raises:
        OSError: the file cannot be read.
    """
    return _remembered(path, behind_header=False, show_progress=show_progress)


def known_hash(path: Path) -> str | None:
    """`file_hash`, if it was worked out already."""
    try:
        return _known.get(_key(path, behind_header=False))
    except OSError:
        return None


def lora_hash(path: Path, show_progress: bool = True) -> str:
    """Return what A1111 takes for the hash of a LoRA: see `file_hash`, of a safetensors file without its header.

    If the header says what it was when the LoRA was made (`sshs_model_hash`), that.
    """
    return _remembered(path, behind_header=path.suffix == ".safetensors", show_progress=show_progress)


def short_hash(path: Path) -> str:
    """Return the hash of its early days that A1111 still gives ControlNets: of a small part of the file. Raises
    OSError.
    """
    with path.open("rb") as file:
        file.seek(_SHORT_START)
        return hashlib.sha256(file.read(_SHORT_LENGTH)).hexdigest()[:_SHORT_DIGITS]


class HashSearch:
    """Finds files by the first digits of their hashes, outside of a run: shows no progress, and answers no cancel.

    Files whose hash is not known yet are hashed, the smallest first, until a limit of bytes is reached. What is
    hashed is remembered, so that a second search goes on where the first one ended.
    """

    def __init__(self, limit: int = _SEARCH_LIMIT) -> None:
        self._left = limit
        self.skipped: dict[Path, int] = {}
        """Files that were not looked at, and their bytes."""

    def find(self, paths: Iterable[Path], digits: str, of_lora: bool = False) -> Path | None:
        """Return the first of these files whose hash begins with the digits.

        Args:
            paths: files; what cannot be read is passed over.
            digits: at least eight in hex. Eight may also be A1111's old hash of a part of the file.
            of_lora: see `lora_hash`; the hash of the whole file counts, too.
        """
        digits = digits.lower()
        if len(digits) < _SHORT_DIGITS or set(digits) - set(hexdigits):
            return None
        files = sorted((size, path) for path in paths if (size := _size_of(path)) is not None)
        return next((path for size, path in files if self._has(path, size, digits, of_lora)), None)

    def _has(self, path: Path, size: int, digits: str, of_lora: bool) -> bool:
        kinds = (False, True) if of_lora and path.suffix == ".safetensors" else (False,)
        try:
            if len(digits) == _SHORT_DIGITS and not of_lora and short_hash(path) == digits:
                return True
            for behind_header in kinds:
                if _key(path, behind_header) not in _known:
                    if size > self._left:
                        self.skipped[path] = size
                        continue
                    self._left -= size
                if _remembered(path, behind_header, show_progress=False).startswith(digits):
                    return True
        except (OSError, ValueError) as error:
            log.info("The model file '%s' cannot be compared by its hash: %s", path, error)
        return False


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _key(path: Path, behind_header: bool) -> tuple[Path, bool, int, int]:
    found = path.stat()
    return path, behind_header, found.st_mtime_ns, found.st_size


def _remembered(path: Path, behind_header: bool, show_progress: bool = True) -> str:
    key = _key(path, behind_header)
    if key not in _known:
        with path.open("rb") as file:
            in_header = _skip_header(file) if behind_header else ""
            _known[key] = in_header or _sha256(file, _Progress(file) if show_progress else None)
    return _known[key]


def _skip_header(file: BinaryIO) -> str:
    """Go to the tensors of a safetensors file; returns the hash that its header holds, if any."""
    header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return header.get("__metadata__", {}).get("sshs_model_hash", "")


class _Progress:
    """On the node that runs, which may be cancelled meanwhile."""

    def __init__(self, file: BinaryIO) -> None:
        left = os.fstat(file.fileno()).st_size - file.tell()
        self._bar = comfy.utils.ProgressBar(max(1, -(-left // _CHUNK)))

    def step(self) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        self._bar.update(1)


def _sha256(file: BinaryIO, progress: _Progress | None) -> str:
    """Hash the rest of a file."""
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        if progress:
            progress.step()
        digest.update(chunk)
    return digest.hexdigest()

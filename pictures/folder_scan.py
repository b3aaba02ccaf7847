"""Finding the pictures in a folder."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from ..hires.errors import InputError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jfif", ".webp", ".tif", ".tiff", ".bmp", ".gif"})
"""What counts as a picture; other files are passed over."""

_RESOURCE_FORK = "._"


@dataclass(frozen=True)
class Found:
    """A picture."""

    path: Path

    folder: Path
    """Where it lies, from the scanned folder on."""

    @property
    def label(self) -> str:
        """Its path from the scanned folder on, for people."""
        return printable(self.folder / self.path.name)


@dataclass
class Scan:
    """What is in a folder."""

    pictures: list[Found] = field(default_factory=list)
    """In the order in which people count: 2 before 10."""

    problems: list[tuple[str, str]] = field(default_factory=list)
    """What cannot be looked at: path from the scanned folder on, and the reason."""


def find_pictures(
    folder: Path,
    include: str,
    recursive: bool,
    allowed: Callable[[Path], bool],
    leave_out: Path | None = None,
    check: Callable[[], None] = lambda: None,
) -> Scan:
    """Look for pictures.

    Args:
        folder: where to look.
        include: name patterns with `*`, `?` and `[…]`, separated by commas; small and capital letters are the same.
            A pattern with a slash is for the path from `folder` on.
        recursive: look into the folders inside it, too. Links are followed, but no folder is visited twice.
        allowed: whether links may lead to this place.
        leave_out: a folder that is not looked into.
        check: called at every folder; may raise to cancel.

    Raises:
        InputError: there is no such folder, or no pattern.
    """
    patterns = [_folded(part.strip()) for part in include.split(",") if part.strip()]
    if not patterns:
        raise InputError("there is no pattern; * stands for all pictures.", "include")
    if not folder.is_dir():
        raise InputError(
            f"there is no folder '{printable(folder.name)}'. Make it, or correct the name.", "input_folder"
        )
    scan = Scan()
    hidden = {_identity(leave_out)} if leave_out is not None and leave_out.is_dir() else set()
    _look_into(folder, Path(), _Search(patterns, recursive, allowed, hidden, check), scan)
    return scan


def natural_key(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key by which numbers inside names count as numbers: a2 before a10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    key = [(0, int(part), "") if part[0] in "0123456789" else (1, 0, _folded(part)) for part in parts]
    return key, name


def printable(path: Path | str) -> str:
    """A path as valid text with forward slashes: names may hold bytes that are no characters."""
    return os.fsencode(path).decode("utf-8", "replace").replace(os.sep, "/")


@dataclass(frozen=True)
class _Search:
    patterns: list[str]
    recursive: bool
    allowed: Callable[[Path], bool]
    visited: set[tuple[int, int]]
    check: Callable[[], None]

    def wants(self, name: str, path: Path) -> bool:
        if Path(name).suffix.lower() not in SUFFIXES or name.startswith(_RESOURCE_FORK):
            return False
        return any(fnmatchcase(_folded(printable(path) if "/" in p else name), p) for p in self.patterns)


def _look_into(folder: Path, inside: Path, search: _Search, scan: Scan) -> None:
    search.check()
    try:
        identity = _identity(folder)
        if identity in search.visited:
            return
        search.visited.add(identity)
        entries = sorted(_entries(folder), key=lambda entry: natural_key(entry.name))
    except OSError as error:
        scan.problems.append((printable(inside) + "/", f"the folder cannot be read: {error.strerror or error}."))
        return
    folders: list[os.DirEntry[str]] = []
    for entry in entries:
        if _is_folder(entry):
            folders.append(entry)
        elif search.wants(entry.name, inside / entry.name):
            problem = _problem(entry, search)
            if problem:
                scan.problems.append((printable(inside / entry.name), problem))
            else:
                scan.pictures.append(Found(Path(entry.path), inside))
    for entry in folders if search.recursive else ():
        if entry.is_symlink() and not search.allowed(Path(entry.path)):
            scan.problems.append((printable(inside / entry.name) + "/", _OUTSIDE))
        else:
            _look_into(Path(entry.path), inside / entry.name, search, scan)


_OUTSIDE = "it is a link to a place outside of the allowed folders."


def _problem(entry: os.DirEntry[str], search: _Search) -> str:
    path = Path(entry.path)
    if not path.exists():
        return "it is a link to something that is not there."
    if entry.is_symlink() and not search.allowed(path):
        return _OUTSIDE
    if not path.is_file():
        return "it is not a file."  # a pipe or a device: opening it could wait forever
    return ""


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from entries


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _identity(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()

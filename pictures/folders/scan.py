"""Finding the pictures in a folder."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from ...hires.errors import InputError
from ..formats.pillow import endings

_RESOURCE_FORK = "._"

NOT_A_PICTURE = "not a kind of picture that can be read"
NOT_RECURSIVE = "a folder, and recursive is off"
INNER_LINK = "a link to a folder that is looked into where it is"
"""Why something is passed over."""


@dataclass(frozen=True)
class FolderPicture:
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

    pictures: list[FolderPicture] = field(default_factory=list)
    """In the order in which people count: 2 before 10."""
    problems: list[tuple[str, str]] = field(default_factory=list)
    """What cannot be looked at: path from the scanned folder on, and the reason."""
    passed_over: list[tuple[str, str]] = field(default_factory=list)
    """All else that `include` asks for: path from the scanned folder on, and one of the reasons above."""


def find_pictures(
    folder: Path,
    include: str,
    recursive: bool,
    allowed: Callable[[Path], bool],
    leave_out: Path | None = None,
    check: Callable[[], None] = lambda: None,
) -> Scan:
    """Look for pictures. Raises InputError if there is no such folder, or no pattern.

    Args:
        folder: where to look.
        include: name patterns with `*`, `?` and `[…]`, separated by commas; small and capital letters are the same.
            A pattern with a slash is for the path from `folder` on.
        recursive: look into the folders inside it, too. Links to folders are not followed: those that stay inside the
            folder would show everything twice, the others lead out of it.
        allowed: whether links to files may lead to this place.
        leave_out: a folder that is not looked into.
        check: called at every folder; may raise to cancel.
    """
    patterns = [folded(part.strip()) for part in include.split(",") if part.strip()]
    if not patterns:
        raise InputError("there is no pattern; * stands for all pictures.", "include")
    if not os.path.isdir(folder):
        raise InputError(
            f"there is no folder '{printable(folder.name)}'. Make it, or correct the name.", "input_folder"
        )
    hidden = {_identity(leave_out)} if leave_out is not None and os.path.isdir(leave_out) else set()
    search = _Search(Path(os.path.realpath(folder)), patterns, recursive, allowed, hidden, check)
    return _look_into(folder, search)


def natural_key(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key by which numbers inside names count as numbers: a2 before a10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    key = [(0, int(part), "") if part[0] in "0123456789" else (1, 0, folded(part)) for part in parts]
    return key, name


def printable(path: Path | str) -> str:
    """A path as valid text with forward slashes: names may hold bytes that are no characters."""
    return os.fsencode(path).decode("utf-8", "replace").replace(os.sep, "/")


@dataclass(frozen=True)
class _Search:
    root: Path
    patterns: list[str]
    recursive: bool
    allowed: Callable[[Path], bool]
    visited: set[tuple[int, int]]
    check: Callable[[], None]

    def wants(self, name: str, path: Path) -> bool:
        return any(fnmatchcase(folded(printable(path) if "/" in p else name), p) for p in self.patterns)


def _look_into(root: Path, search: _Search) -> Scan:
    scan = Scan()
    waiting = [(root, Path())]  # what comes first at the end
    while waiting:
        folder, inside = waiting.pop()
        search.check()
        try:
            identity = _identity(folder)
            if identity in search.visited:
                continue
            search.visited.add(identity)
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: natural_key(entry.name))
        except OSError as error:
            scan.problems.append((printable(inside) + "/", f"the folder cannot be read: {error.strerror or error}."))
            continue
        folders = [entry for entry in entries if _is_folder(entry)]
        for entry in entries:
            if not _is_folder(entry) and search.wants(entry.name, inside / entry.name):
                _note_file(entry, inside, search, scan)
        for entry in reversed(folders):
            if _note_folder(entry, inside, search, scan):
                waiting.append((Path(entry.path), inside / entry.name))
    return scan


def _note_file(entry: os.DirEntry[str], inside: Path, search: _Search, scan: Scan) -> None:
    label, problem = printable(inside / entry.name), _problem(entry, search)
    if Path(entry.name).suffix.lower() not in endings() or entry.name.startswith(_RESOURCE_FORK):
        scan.passed_over.append((label, NOT_A_PICTURE))
    elif problem:
        scan.problems.append((label, problem))
    else:
        scan.pictures.append(FolderPicture(Path(entry.path), inside))


def _note_folder(entry: os.DirEntry[str], inside: Path, search: _Search, scan: Scan) -> bool:
    """Return whether to look into it."""
    label = printable(inside / entry.name) + "/"
    if search.recursive and not Path(os.path.realpath(entry.path)).is_relative_to(search.root):
        reason = "it is a link to a place outside of the folder that is read. Give that one as input_folder."
        scan.problems.append((label, reason))
    elif search.recursive and entry.is_symlink():
        scan.passed_over.append((label, INNER_LINK))
    elif search.recursive:
        return True
    elif not _is_visited(entry, search):
        scan.passed_over.append((label, NOT_RECURSIVE))
    return False


def _is_visited(entry: os.DirEntry[str], search: _Search) -> bool:
    try:
        return _identity(Path(entry.path)) in search.visited
    except OSError:
        return False


def _problem(entry: os.DirEntry[str], search: _Search) -> str:
    path = Path(entry.path)
    if not path.exists():
        return "it is a link to something that is not there."
    if entry.is_symlink() and not search.allowed(path):
        return "it is a link to a place outside of the allowed folders."
    if not path.is_file():
        return "it is not a file."  # a pipe or a device: opening it could wait forever
    return ""


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _identity(folder: Path) -> tuple[int, int]:
    stat = folder.stat()
    return stat.st_dev, stat.st_ino


def folded(text: str) -> str:
    """A name as a disk sees it that does not tell capital letters from small ones."""
    return unicodedata.normalize("NFC", text).casefold()

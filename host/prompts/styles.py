"""The tables of styles of this host."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import folder_paths

from ...hires.prompts.styles import Style, StyleError, find_styles, read_styles, styled

log = logging.getLogger("hires-fix")

NONE = "None"

_FILE, _FOLDER = "styles.csv", "styles"
_LARGEST = 2**24
"""Bytes of a table."""


def style_names() -> list[str]:
    """All styles, behind what stands for none."""
    return [NONE, *(name for name in known_styles() if name != NONE)]


def known_styles() -> dict[str, Style]:
    """The styles of all tables; of equal names, those of the first table. A table that cannot be read is a line in
    the log.
    """
    found: dict[str, Style] = {}
    for path in _tables():
        for name, style in _styles(str(path), _version(path)).items():
            found.setdefault(name, style)
    return found


def styles_version(names: Sequence[str | None]) -> str:
    """Changes when one of these styles does; when any table does, where a name is not known yet (None)."""
    told = [name for name in names if name is not None]
    if len(told) < len(names):
        return repr([(str(path), _version(path)) for path in _tables()])
    known = known_styles()
    return repr([known.get(name) for name in told])


def prompts_with_styles(pairs: Sequence[tuple[str, str]], names: Sequence[str]) -> list[str]:
    """Prompts and negative prompts with styles, one behind the other.

    Raises:
        StyleError: there is no such style, or a prompt gets too long.
    """
    wanted = [name for name in names if name != NONE]
    chosen = find_styles(wanted, known_styles() if wanted else {}, " and ".join(map(str, _places())))
    return [text for prompt, negative in pairs for text in styled(prompt, negative, chosen)]


def _places() -> list[Path]:
    user = Path(folder_paths.get_user_directory())
    models = Path(folder_paths.models_dir)
    return [user / "default" / _FILE, user / _FILE, models / _FILE, models / _FOLDER / "*.csv"]


def _tables() -> list[Path]:
    *files, several = _places()
    return [path for path in (*files, *sorted(several.parent.glob(several.name))) if path.is_file()]


def _version(path: Path) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


@lru_cache(64)
def _styles(path: str, version: tuple[int, int]) -> dict[str, Style]:
    try:
        if version[1] > _LARGEST:
            raise StyleError(f"it has {version[1]} bytes; up to {_LARGEST} are read")
        with open(path, encoding="utf-8-sig", errors="replace", newline="") as lines:
            return read_styles(lines)
    except (OSError, StyleError) as error:
        log.warning("The styles in %s are not read: %s", path, error)
        return {}

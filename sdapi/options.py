"""The settings of this server: what clients have set, what a job may set for itself, and the file that keeps them."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..pictures.write import complete_or_absent
from .errors import ApiError, failed, refused
from .option_table import CHECKPOINT, CHECKPOINT_HASH, DEFAULTS, EMPTY, PLACES, REFUSED

log = logging.getLogger("hires-fix")

_LONGEST = 10_000
"""Characters of a value as JSON."""

_SHOWN = 200
"""Characters of a value that are sent back."""

FindFile = Callable[[str], "str | None"]
"""The checkpoint that a client means, as the host lists it; None if there is none."""


class Options:
    """Values by A1111's names. Only those that are not at their default are kept; a file is complete or absent.

    `file`: where they are kept. `find_checkpoint`: see `FindFile`. `first_checkpoint`: what counts while none is set.
    May be used from several threads.
    """

    def __init__(
        self, file: Path, find_checkpoint: FindFile, first_checkpoint: Callable[[], str | None] = lambda: None
    ) -> None:
        self._file, self._find, self._first = file, find_checkpoint, first_checkpoint
        self._lock = threading.Lock()
        self._set = _read(file)

    def current(self) -> dict[str, Any]:
        """All settings. The checkpoint is a file as the host lists it, or None if there is none."""
        values = {**DEFAULTS, **self._set}
        values[CHECKPOINT] = values[CHECKPOINT] or self._first()
        return values

    def with_overrides(self, override_settings: Mapping[str, Any] | None) -> dict[str, Any]:
        """All settings for one job.

        Raises:
            ApiError: no such setting, a value that does not fit it, or one that cannot be carried out here.
        """
        return {**self.current(), **self._checked(override_settings or {}, is_of_job=True)}

    def set(self, changes: Mapping[str, Any]) -> None:
        """Set and keep values; all of them or, where one is refused, none.

        Raises:
            ApiError: see `with_overrides`; or they cannot be kept (OSError).
        """
        checked = self._checked(changes, is_of_job=False)
        with self._lock:
            values = {**self._set, **checked}
            values = {name: value for name, value in values.items() if not _same(value, DEFAULTS[name])}
            if values != self._set:
                try:
                    _write(self._file, values)
                except OSError as error:
                    raise failed("OSError", f"The settings cannot be kept: {error}.") from error
                self._set = values

    def _checked(self, changes: Mapping[str, Any], is_of_job: bool) -> dict[str, Any]:
        current = self.current()
        checked = {}
        for name, value in changes.items():
            if name not in DEFAULTS:
                raise failed("KeyError", repr(name[:_SHOWN]))
            if name == CHECKPOINT_HASH:
                continue  # what the listing says of the checkpoint
            if name == CHECKPOINT:
                if value not in (None, *EMPTY):
                    checked[name] = self._checkpoint(value)
            elif value is None and (is_of_job or DEFAULTS[name] is not None):
                continue  # not given
            elif not _same(value, current[name]):
                checked[name] = _value(name, value)
        return checked

    def _checkpoint(self, name: Any) -> str:
        found = self._find(name) if isinstance(name, str) else None
        if found is None:
            raise failed("RuntimeError", f"model {_shown(name)} not found")
        return found


def _value(name: str, value: Any) -> Any:
    """The value in the setting's type."""
    default = DEFAULTS[name]
    if name in PLACES:
        raise refused(403, f"The setting {name} names a folder: where files go is ComfyUI's to say, not a request's.")
    if name in REFUSED and not _same(value, default):
        raise failed(
            "ValueError", f"The setting {name} = {_shown(value)} cannot be carried out here, only {default!r}."
        )
    try:
        if len(json.dumps(value, allow_nan=False)) > _LONGEST:
            raise failed("ValueError", f"The value of the setting {name} is longer than {_LONGEST} characters.")
        return _converted(value, default)
    except (TypeError, ValueError, OverflowError):
        raise _unfit(name, value, default) from None


def _converted(value: Any, default: Any) -> Any:
    if isinstance(default, bool):
        if value in (True, False):
            return bool(value)
        raise ValueError
    if isinstance(default, (int, float)):
        number = float(value)
        if number != number or number in (float("inf"), float("-inf")):
            raise ValueError
        return int(number) if number == int(number) and isinstance(default, int) else number
    if isinstance(default, str) and isinstance(value, str):
        return value
    if isinstance(default, list) and isinstance(value, list):
        return value
    if default is None and (value is None or isinstance(value, str)):
        return value or None
    raise TypeError


def _unfit(name: str, value: Any, default: Any) -> ApiError:
    words = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}
    wanted = words.get(type(default), "a text or null")
    return failed("ValueError", f"The setting {name} is {wanted}, not {_shown(value)}.")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _same(value: Any, default: Any) -> bool:
    if default in (None, "None"):
        return value in (None, *EMPTY)
    return value == default and isinstance(value, bool) == isinstance(default, bool)


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {name: value for name, value in found.items() if name in DEFAULTS}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        log.warning("The settings of A1111's API in %s are not read, their defaults count: %s", file, error)
        return {}


def _write(file: Path, values: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with complete_or_absent(file, overwrite=True) as opened:
        opened.write(json.dumps(values, indent=1).encode("utf-8"))

"""The file that `--json` names: whether it can be is said before anything is measured, and it is complete or absent."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class ReportError(Exception):
    """There is nothing to measure, or nowhere to write to. The message is the whole explanation."""


def prepare(file: Path | None) -> None:
    """Make the folder; raises `ReportError` where no file can be written. Without a file there is nothing to do."""
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ReportError(f"There can be no folder {file.parent} for --json: {problem.strerror}.") from None
    if file.is_dir():
        raise ReportError(f"--json needs the name of a file, and {file} is a folder.")


def write(file: Path | None, result: dict[str, Any]) -> None:
    """Write it. Raises `ReportError`."""
    if file is None:
        return
    temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        os.replace(temporary, file)
    except OSError as problem:
        temporary.unlink(missing_ok=True)
        raise ReportError(f"{file} could not be written: {problem.strerror}.") from None

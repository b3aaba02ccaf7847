"""Generated files and generated parts of files: what is stale, and writing them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..mount import ROOT


class GenerateError(RuntimeError):
    """Something cannot be generated as things are. The message says what and why."""


def filled(name: str, text: str, part: str, content: str) -> str:
    """Return a text with new content between `<!-- part -->` and `<!-- /part -->`, else raise `GenerateError`."""
    before, found, rest = text.partition(f"<!-- {part} -->\n")
    _, closed, after = rest.partition(f"<!-- /{part} -->")
    if not found or not closed:
        raise GenerateError(f"{name} lacks the marks <!-- {part} --> and <!-- /{part} --> around its table")
    return f"{before}{found}\n{content}\n{closed}{after}"


def cell(text: str) -> str:
    """Text for a cell of a table: <angles> would be taken for HTML, | for the next cell, * for emphasis."""
    return re.sub(r"([*|])", r"\\\1", text).replace("<", "&lt;").replace("\n", " ")


def as_json(content: Mapping[str, Any]) -> str:
    """The text of a generated JSON file."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def stale(files: Mapping[Path, str], present: Iterable[Path] = ()) -> list[str]:
    """What differs from `files`, a line each; of the files `present`, those that nothing generates."""
    problems = []
    for path, text in files.items():
        if not path.is_file():
            problems.append(f"{path.relative_to(ROOT)} is missing")
        elif path.read_text(encoding="utf-8") != text:
            problems.append(f"{path.relative_to(ROOT)} is stale")
    return problems + [f"{path.relative_to(ROOT)} is made from nothing" for path in present if path not in files]


def write(files: Mapping[Path, str], present: Iterable[Path] = ()) -> None:
    """Write every file, and remove those `present` that nothing generates."""
    for path in present:
        if path not in files:
            path.unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")

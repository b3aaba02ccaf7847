"""What the editor shows of a folder's job: some of the results, and the report as a text that forms show, too."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import folder_paths

from ...pictures.folders.report import Report

_MOST, _LARGEST = 8, 20 * 2**20
"""Pictures, and bytes of each: a browser has to load them."""

_KNOWN = (".png", ".jpg", ".jpeg", ".webp")
"""What browsers show."""


def shown(report: Report) -> dict[str, Any]:
    """The text for the node; results in the output folder, the last first; the report as a temporary file."""
    text = report.text()
    pictures = [place for path in reversed(report.results) if (place := _place(path))][:_MOST]
    folder = Path(folder_paths.get_temp_directory())
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"hires-fix-report-{uuid.uuid4().hex[:12]}.txt"
    file.write_text(text, encoding="utf-8")
    reports = [{"filename": file.name, "subfolder": "", "type": "temp"}]
    # the first is what a form opens with
    parts = {"files": reports, "images": pictures} if report.failed else {"images": pictures, "files": reports}
    return {"text": (text,), **{name: places for name, places in parts.items() if places}}


def _place(path: Path) -> dict[str, str] | None:
    """Where the page finds a result; None if it cannot, or should not."""
    output = Path(folder_paths.get_output_directory()).resolve()
    path = path.resolve()
    if not path.is_relative_to(output) or path.suffix.lower() not in _KNOWN or path.stat().st_size > _LARGEST:
        return None
    inside = path.parent.relative_to(output)
    return {"filename": path.name, "subfolder": "/".join(inside.parts), "type": "output"}

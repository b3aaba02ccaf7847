"""What the editor shows of a folder's job: some of the results, and the report as a text that forms show, too."""

from __future__ import annotations

import logging
import uuid
from pathlib import Path
from typing import Any

import folder_paths

from ...pictures.folders.places import places
from ...pictures.folders.report import Report

log = logging.getLogger("hires-fix")


def shown(report: Report) -> dict[str, Any]:
    """The text for the node; results in the output folder, the last first; the report as a temporary file.

    What cannot be shown is left out: the work is done.
    """
    text = report.text()
    pictures = places(reversed(report.results), Path(folder_paths.get_output_directory()))
    reports = _as_file(text)
    # the first is what a form opens with
    parts = {"files": reports, "images": pictures} if report.failed else {"images": pictures, "files": reports}
    return {"text": (text,), **{name: found for name, found in parts.items() if found}}


def _as_file(text: str) -> list[dict[str, str]]:
    """The temporary file, as the host names it; none where it cannot be written."""
    folder = Path(folder_paths.get_temp_directory())
    file = folder / f"hires-fix-report-{uuid.uuid4().hex[:12]}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        log.warning("The report is not written as a file: %s", error)
        return []
    return [{"filename": file.name, "subfolder": "", "type": "temp"}]

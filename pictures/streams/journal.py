"""What an unfinished file is, so that its job can be taken up again after a kill."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..base.file_names import fitting
from .kept import KeptParts
from .pieces import Marks

log = logging.getLogger("hires-fix")

_VERSION = 1
_PART, _JOURNAL, _FRESH, _PARTS = ".part", ".part.json", ".part.json.new", ".part.windows"


class Journal:
    """The unfinished file of a target and the small JSON file beside it that says what is in it."""

    def __init__(self, target: Path) -> None:
        name = fitting(target.name, "", longer_by=len(_FRESH))
        self.part = target.with_name(name + _PART)
        """The unfinished file."""

        self.file = target.with_name(name + _JOURNAL)
        """The journal itself."""

        self._fresh, self._parts = target.with_name(name + _FRESH), target.with_name(name + _PARTS)

    def read(self, job: Mapping[str, Any]) -> Marks | None:
        """Return how far this very job has come, None if nothing of it can be used. What counts is on the disk."""
        try:
            noted = json.loads(self.file.read_text(encoding="utf-8"))
            if noted["version"] == _VERSION and noted["job"] == json.loads(json.dumps(job)) and self.part.is_file():
                return tuple(noted["marks"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.debug("No job to go on with: %s", error)
        return None

    def write(self, job: Mapping[str, Any], marks: Marks) -> None:
        """Replace the journal; it is on the disk afterwards, whole."""
        text = json.dumps({"version": _VERSION, "job": dict(job), "marks": list(marks)}, indent=1)
        with open(self._fresh, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._fresh, self.file)

    def kept(self, *numbers: int) -> KeptParts:
        """Parts of what is in no complete row yet, of one of several kinds. They are for a job that `read` knows."""
        return KeptParts(self._parts / "-".join(map(str, numbers)), self.part, is_synced=False)

    def discard(self) -> None:
        """Remove everything of an unfinished job."""
        self.file.unlink(missing_ok=True)
        shutil.rmtree(self._parts, ignore_errors=True)
        for path in (self._fresh, self.part):
            path.unlink(missing_ok=True)

"""Which windows of a picture were sampled in tiles because memory had run out."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

from ...hires.tiles.boxes import Box

log = logging.getLogger("hires-fix")

_NAME, _FRESH = "in-tiles.json", ".new"


class InTiles:
    """One small file in the folder of a job. A window that has to be drawn again is drawn as it was."""

    def __init__(self, folder: Path) -> None:
        """`folder`: for one job alone; it is there."""
        self._path = folder / _NAME
        self._sizes: dict[str, int] = {}
        """By the window's place, the pixels of its tiles."""
        try:
            noted = json.loads(self._path.read_text(encoding="utf-8"))
            self._sizes = {str(key): int(size) for key, size in noted.items()}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            log.debug("No windows are known to be in tiles: %s", error)

    def of(self, box: Box) -> int:
        """Return the pixels of the tiles that a window is sampled in; 0 for one piece."""
        return self._sizes.get(_key(box), 0)

    def note(self, box: Box, size: int) -> None:
        """Note it, before the window is drawn. A disk that does not take it only means that a restart tries anew."""
        self._sizes[_key(box)] = size
        fresh = self._path.with_name(_NAME + _FRESH)
        try:
            fresh.write_text(json.dumps(self._sizes), encoding="utf-8")
            os.replace(fresh, self._path)
        except OSError as error:
            log.warning("That a window is sampled in tiles is not noted for a restart: %s", error.strerror or error)

    @property
    def remark(self) -> str:
        """What there is to say of the result; nothing where all windows were sampled in one piece."""
        if not self._sizes:
            return ""
        count, smallest = len(self._sizes), min(self._sizes.values())
        return (
            f"memory ran out for {count} window{'s' if count > 1 else ''}, sampled in tiles of {smallest} pixels or "
            "more: the result differs from one made with more memory"
        )


def _key(box: Box) -> str:
    return f"{box.y0}-{box.x0}"

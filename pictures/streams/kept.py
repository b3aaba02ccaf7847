"""Parts of an unfinished result that took long to make, on the disk until the result no longer needs them."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import torch

from ...hires.tiles.boxes import Box

log = logging.getLogger("hires-fix")

_ENDING, _FRESH = ".npy", ".new"


class KeptParts:
    """One file for each part. A job that was killed finds those that were complete."""

    def __init__(self, folder: Path) -> None:
        """`folder`: for one job alone; it is there."""
        self._folder = folder
        self._is_full = False

    def get(self, box: Box) -> torch.Tensor | None:
        """Return the `(h, w, C)` float32 part that was kept for a box; None if there is none that can be read."""
        try:
            pixels = np.load(self._path(box))
        except (OSError, ValueError, EOFError) as error:
            log.debug("No part to go on with: %s", error)
            return None
        return torch.from_numpy(pixels) if pixels.shape[:2] == (box.height, box.width) else None

    def keep(self, box: Box, pixels: torch.Tensor) -> None:
        """Put a part on the disk. A disk that does not take it only means that it would have to be made again."""
        if self._is_full:
            return
        path = self._path(box)
        fresh = path.with_name(path.name + _FRESH)
        try:
            with open(fresh, "wb") as file:
                np.save(file, pixels.float().cpu().numpy())
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, path)
        except OSError as error:
            self._is_full = True
            log.warning("What is drawn is not kept for the case of a crash: %s", error.strerror or error)

    def forget_above(self, row: int) -> None:
        """Remove the parts that begin above this row of pixels."""
        for path in self._folder.glob(f"*{_ENDING}"):
            if int(path.name.partition("-")[0]) < row:
                path.unlink(missing_ok=True)

    def _path(self, box: Box) -> Path:
        return self._folder / f"{box.y0}-{box.x0}{_ENDING}"

"""Parts of an unfinished result that took long to make, on the disk until the result no longer needs them."""

from __future__ import annotations

import logging
import os
import shutil
import zlib
from pathlib import Path

import numpy as np
import torch

from ...hires.sizes.image_sizes import Size
from ...hires.tiles.boxes import Box

log = logging.getLogger("hires-fix")

_ENDING, _FRESH = ".npy", ".new"
_SUM = 4  # bytes behind the values


class KeptParts:
    """One file for each part. A job that was killed finds those that were complete."""

    def __init__(self, folder: Path, unfinished: Path | None = None, is_synced: bool = True) -> None:
        """`folder`: for one job alone; is made with the first part.

        Args:
            unfinished: the result; what it still takes of the disk is not taken by parts.
            is_synced: whether parts outlive a loss of power, too. It takes the time of the disk.
        """
        self._folder, self._unfinished, self._is_synced = folder, unfinished, is_synced
        self._is_full = False

    def get(self, box: Box, size: Size | None = None) -> torch.Tensor | None:
        """Return the `(h, w, C)` float32 part that was kept for a box; None if there is none that is whole.

        `size`: width and height of the part, if they are not those of the box.
        """
        width, height = size or (box.width, box.height)
        try:
            path = self._path(box)
            stored = np.lib.format.open_memmap(path, mode="r")  # takes no more memory than the file has bytes
            if stored.dtype != np.float32 or stored.ndim != 3 or stored.shape[:2] != (height, width):
                return None
            pixels = np.array(stored, order="C")
            with open(path, "rb") as file:
                file.seek(-_SUM, os.SEEK_END)
                is_whole = file.read() == _sum_of(pixels)
        except (OSError, ValueError) as error:
            log.debug("No part to go on with: %s", error)
            return None
        return torch.from_numpy(pixels) if is_whole else None

    def keep(self, box: Box, pixels: torch.Tensor) -> None:
        """Put a part on the disk. A disk that does not take it only means that it would have to be made again."""
        if self._is_full:
            return
        path = self._path(box)
        fresh = path.with_name(path.name + _FRESH)
        values = np.ascontiguousarray(pixels.detach().float().cpu().numpy())
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._check_room(values.nbytes)
            with open(fresh, "wb") as file:
                np.lib.format.write_array(file, values)
                file.write(_sum_of(values))
                if self._is_synced:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(fresh, path)
        except OSError as error:
            self._is_full = True
            log.warning("What is made is not kept for the case of a crash: %s", error.strerror or error)

    def forget_above(self, row: int) -> None:
        """Remove the parts that begin above this row of pixels."""
        for path in self._folder.glob(f"*{_ENDING}"):
            if int(path.name.partition("-")[0]) < row:
                path.unlink(missing_ok=True)

    def _check_room(self, size: int) -> None:
        if self._unfinished is None:
            return
        state = self._unfinished.stat()
        # files with holes take their room as they are written
        taken = state.st_blocks * 512 if hasattr(state, "st_blocks") else state.st_size
        if shutil.disk_usage(self._folder).free < size + max(0, state.st_size - taken):
            raise OSError("the disk has only as much room as the result needs")

    def _path(self, box: Box) -> Path:
        return self._folder / f"{box.y0}-{box.x0}{_ENDING}"


def _sum_of(values: np.ndarray) -> bytes:
    return zlib.crc32(values.data).to_bytes(_SUM, "little")

"""The EXIF orientation, applied to the pixels."""

from __future__ import annotations

import numpy as np


def upright(levels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn and mirror `(H, W, C)` as the EXIF orientation 1 to 8 asks; 5 to 8 exchange height and width."""
    if orientation >= 5:
        levels = levels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        levels = levels[::-1]
    if orientation in (2, 3, 6, 7):
        levels = levels[:, ::-1]
    return levels

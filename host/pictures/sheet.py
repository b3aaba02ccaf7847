"""Sheets of pictures, in the memory there is."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ...hires import memory
from ...hires.sheet.axes import Axes
from ...hires.sheet.drawing import cell_size, check_pictures, draw_sheet, sheet_size
from ..memory import check_memory


def sheet_of(images: Sequence[torch.Tensor], axes: Axes) -> torch.Tensor:
    """Draw the sheet of these pictures; see `draw_sheet`.

    Raises:
        InputError: see `check_pictures`; or the sheet needs more main memory than is free.
    """
    pictures = check_pictures(images, axes)
    width, height = size = sheet_size(axes, cell_size(pictures))
    check_memory(
        f"{len(axes.pairs)} pictures would become a sheet of {width}x{height} pixels",
        memory.pictures(size, len(pictures[0])),
        "images",
    )
    return draw_sheet(pictures, axes)

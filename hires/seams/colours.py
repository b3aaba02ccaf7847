"""Whether tiles differ in colour as a whole, which fading hides from every line."""

from __future__ import annotations

import torch

from .lines import Excess
from .meetings import Meetings

_SETS = 400
_CELLS = 8
"""Tiles are looked at in cells: this many of them to the side of a core, which has as many pixels at least."""


def tile_offset(change: torch.Tensor, columns: Meetings, rows: Meetings) -> Excess | None:
    """The spread of the mean changes of the tiles' cores over that of as many boxes of their size anywhere.

    The rank is that among 400 sets of such boxes, always the same ones for a size. The change is `(B, H, W, C)`. None
    for one tile, and for tiles of which less than 8 pixels lie beside their overlaps.
    """
    count = len(columns.cores) * len(rows.cores)
    width, height = (min(stop - start for start, stop in axis.cores) for axis in (columns, rows))
    cell = min(width, height) // _CELLS
    if count < 2 or not cell:
        return None
    cells = torch.nn.functional.avg_pool2d(change.movedim(-1, 1).float(), cell)
    across, down = width // cell, height // cell
    means = torch.nn.functional.avg_pool2d(cells, (down, across), stride=1)  # of every box: (B, C, places, places)

    def places(axis: Meetings, length: int, most: int) -> torch.Tensor:
        middles = torch.tensor([(start + stop) / 2 for start, stop in axis.cores])
        return (middles / cell - length / 2).round().long().clamp(0, most - 1)

    x, y = places(columns, across, means.shape[3]), places(rows, down, means.shape[2])
    own = _spread(means[:, :, y][:, :, :, x].flatten(2), correction=0)
    generator = torch.Generator().manual_seed(0)
    sets = []
    for _ in range(_SETS):
        down_at = torch.randint(means.shape[2], (count,), generator=generator)
        across_at = torch.randint(means.shape[3], (count,), generator=generator)
        # a grid misses less of a picture's large shapes than chance does: hence the correction of one sample
        sets.append(_spread(means[:, :, down_at, across_at], correction=1))
    usual = float(torch.tensor(sets).median())
    p = (1 + sum(value >= own for value in sets)) / (1 + len(sets))
    return Excess(own / usual if usual else 1.0, p)


def _spread(means: torch.Tensor, correction: int) -> float:
    """Root of the variance over the last dimension of `(B, C, N)`, averaged over the others."""
    return float(means.var(-1, correction=correction).mean().sqrt())

"""How each run of a model is cut: the plan that a job follows, and that is counted before it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ...hires.sizes.image_sizes import Size
from ...hires.sizes.runs import model_runs
from ...hires.tiles.boxes import plan_rows
from ...hires.tiles.settings import TileSettings
from ..models.reach import reach_of
from ..models.runtime import Runtime
from ..models.spandrel_model import ModelUpscaler
from .automatic import foresee, overlap_of, smallest_window

MOST_SUPPORT = 16
"""Input pixels that tiles may be widened by for a resize of their results."""


@dataclass(frozen=True)
class RunPlan:
    """One run of a model over a picture."""

    size: Size
    """Of what goes in."""

    scale: int
    """Factor of the model."""

    overlap: int
    """Of the tiles, in input pixels, where they are not resized."""

    align: int
    """See `Reach`."""

    resized_to: Size | None = None
    """The size that the result is brought to, tile by tile; None for none."""

    @property
    def enlarged(self) -> Size:
        """What the model makes of the size."""
        return self.size[0] * self.scale, self.size[1] * self.scale

    @property
    def result(self) -> Size:
        return self.resized_to or self.enlarged

    @property
    def shared(self) -> int:
        """Overlap of the tiles in input pixels, with what a resize needs beyond it."""
        return self.overlap + (_widening(self.enlarged, self.resized_to, self.scale) if self.resized_to else 0)

    def window(self, tile: int) -> int:
        """Side of the windows for this tile size."""
        return smallest_window(tile, self.shared, self.align)

    def count_tiles(self, tile: int) -> int:
        """How many times the model runs with this tile size."""
        # one axis at a time: very small tiles of a large picture are very many
        width, height = self.size
        columns = plan_rows(width, 1, self.window(tile), self.shared, self.align)[0]
        return len(columns) * len(plan_rows(1, height, self.window(tile), self.shared, self.align))

    def inside(self, size: Size) -> RunPlan:
        """The same run, without a resize, over one of its windows as if that were a picture."""
        return replace(self, size=size, resized_to=None)


def plan_runs(upscaler: ModelUpscaler, size: Size, target: Size, tiles: TileSettings) -> list[RunPlan]:
    """Plan the runs of a model on the way to a size; see `model_runs`.

    A last run that does not end on the target is resized tile by tile where that is exact: its result is the target
    then. Where it is not, one resize of the whole picture has to follow.
    """
    reach, scale = reach_of(upscaler), upscaler.scale
    overlap = overlap_of(upscaler, tiles)
    runs = [RunPlan(one, scale, overlap, reach.align) for one in model_runs(*size, scale, *target)]
    is_exact = reach.exact and bool(runs) and runs[-1].enlarged != target
    if is_exact and _widening(runs[-1].enlarged, target, scale) <= MOST_SUPPORT:
        runs[-1] = replace(runs[-1], resized_to=target)
    return runs


def count_tiles(
    upscaler: ModelUpscaler, source: Size, target: Size, tiles: TileSettings, runtime: Runtime
) -> int | None:
    """Count what `upscale_to` runs on one picture if memory does not make it choose smaller tiles on the way.

    0 if the model (see `foresee`) is not run; None if the size of automatic tiles cannot be foreseen.
    """
    runs = plan_runs(upscaler, source, target, tiles)
    if not runs:
        return 0
    settled = foresee(upscaler, target[0] * target[1], tiles, runtime)
    return None if settled is None else sum(run.count_tiles(settled.size) for run in runs)


def _widening(size: Size, target: Size, scale: int) -> int:
    """Input pixels beyond its own that a tile needs for a Lanczos resize, in the axis that needs more."""
    ratio = max(side / wanted for side, wanted in zip(size, target, strict=True))
    # three lobes, the boundary that moves to a whole target pixel, and rounding
    return math.ceil((3 * max(1.0, ratio) + ratio + 1) / scale)

"""How many tiles a picture will be cut into, without running the model."""

from __future__ import annotations

from ...hires.sizes.image_sizes import MAX_PICTURE_SIDE
from ...hires.sizes.runs import a1111_runs, model_runs
from ...hires.tiles.boxes import plan_rows
from ..eight_bit_model import EightBitModel
from ..models.reach import reach_of
from ..models.spandrel_model import ModelUpscaler
from ..runtime import CpuRuntime, Runtime
from .engine import Size, TileSettings, foreseen_tile, smallest_window
from .model_run import CroppedRun, widening


def count_tiles(
    upscaler: ModelUpscaler, source: Size, target: Size, tiles: TileSettings, runtime: Runtime
) -> int | None:
    """Count what `upscale_to` runs on one picture if memory does not make it choose smaller tiles on the way.

    Args:
        upscaler: may be an outline; has to be one where the size of the tiles is automatic.
        source: size of the picture.
        target: size to reach.
        tiles: how to cut.
        runtime: the host's devices and memory.

    Returns:
        0 if the model is not run; None if the size of automatic tiles cannot be foreseen.
    """
    sizes = model_runs(*source, upscaler.scale, *target)
    if not sizes:
        return 0
    reach = reach_of(upscaler)
    overlap = reach.overlap if tiles.overlap < 0 else tiles.overlap
    size = tiles.size or foreseen_tile(upscaler, target[0] * target[1], tiles.precision, runtime)
    if size is None:
        return None
    tile = smallest_window(size, overlap, reach.align)
    count = 0
    for width, height in sizes:
        shared, result = overlap, (width * upscaler.scale, height * upscaler.scale)
        is_last = (width, height) == sizes[-1]
        if reach.exact and is_last and result != target and CroppedRun.can_resize(result, target, upscaler.scale):
            shared += widening(result, target, upscaler.scale)
        window = smallest_window(tile, shared, reach.align)
        # one axis at a time: very small tiles of a large picture are very many
        columns = len(plan_rows(width, 1, window, shared, reach.align)[0])
        rows = len(plan_rows(1, height, window, shared, reach.align))
        count += columns * rows
    return count


def count_a1111_tiles(upscaler: ModelUpscaler, source: Size, factor: float, tiles: TileSettings) -> int:
    """Count the tiles of one picture with A1111's numbers.

    Args:
        upscaler: may be an outline.
        source: size of the picture.
        factor: how much larger it gets.
        tiles: see `EightBitModel`.

    Returns:
        0 if the model is not run.

    Raises:
        InputError: an overlap that is as large as the tile.
    """
    model = EightBitModel(upscaler, CpuRuntime(), tiles)
    return sum(model.count_tiles(size) for size in a1111_runs(upscaler.scale, source, factor, MAX_PICTURE_SIDE))

"""Diffusion models as upscalers: what the nodes that make them say, and what those behind them need for their plans."""

from __future__ import annotations

from ..graph.reader import Node
from ..sizes.diffusion import redraw_windows, seedvr2_windows, x4_windows
from ..tiles.windows import CONTEXT, OVERLAP, check_overlap, plan_windows
from .badge import Badge, badge
from .facts import DiffusionRun, Facts, ModelFile, TiledModel, UpscalerFile
from .tiles import GRIDS

_WIDE = 2**16
"""Pixels a side of a picture that no window covers."""

_CELL = 8

_FROM_TILED_MODEL = (
    "The model comes from Tiled Model, and this node cuts pictures itself. Connect the model before it, and set "
    "tile_size and overlap here."
)


@badge("HiresFixDiffusionUpscaler")
def _diffusion_upscaler(node: Node, facts: Facts) -> Badge:
    if node.incoming("model", TiledModel):
        return Badge(text="stops with an error", warning=_FROM_TILED_MODEL)
    model, steps, cfg = node.incoming("model", ModelFile), node.whole("steps"), node.number("cfg")
    tile, overlap, factor = node.whole("tile_size"), node.whole("overlap"), node.number("factor")
    if model is None or steps is None or cfg is None or tile is None or overlap is None or factor is None:
        return Badge()
    check_overlap(tile, overlap)
    calls = steps * (1 if cfg == 1 else 2)
    if facts.is_sd_x4(model):
        windows = x4_windows(tile, overlap)
        run = DiffusionRun(windows, calls, steps, facts.work(model))
        side = windows.tile * windows.scale
        return Badge((_file(run),), f"4 times as large, in parts of up to {side} pixels")
    trained = facts.trained_side(model)
    side = tile or (int(CONTEXT * trained) if trained else 0)
    if not side:
        return Badge()
    shared = round(side * OVERLAP) if overlap < 0 else overlap
    columns = plan_windows(_WIDE, _WIDE, side, shared, GRIDS.get(trained, GRIDS[None])).columns
    windows = redraw_windows(columns[0].length, columns[0].stop - columns[1].start, _CELL, factor)
    run = DiffusionRun(windows, calls, steps, facts.work(model), bool(tile))
    return Badge((_file(run),), f"redraws in windows of up to {side} pixels")


@badge("HiresFixSeedVR2Upscaler")
def _seedvr2_upscaler(node: Node, facts: Facts) -> Badge:
    model, tile, overlap = node.incoming("model", ModelFile), node.whole("tile_size"), node.whole("overlap")
    if tile is None or overlap is None:
        return Badge()
    windows = seedvr2_windows(tile, overlap)
    run = DiffusionRun(windows, 1, 1, facts.work(model) if model else None)
    return Badge((_file(run),), f"restores in windows of up to {windows.tile} pixels")


def _file(run: DiffusionRun) -> UpscalerFile:
    return UpscalerFile("", run.windows.scale, 1, diffusion=run)

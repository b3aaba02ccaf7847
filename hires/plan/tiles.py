"""Pictures in parts: how many tiles there are, what is sampled at once; a model in tiles keeps large ones cheap.

Diffusion models as upscalers see them in parts, too.
"""

from __future__ import annotations

from dataclasses import replace

from ..errors import InputError
from ..graph.reader import Node
from ..sampling.steps import STEPS_RULES, StepsRule
from ..sizes.diffusion import X4_GRID, X4_SCALE, redraw_windows, seedvr2_windows, x4_windows
from ..sizes.image_sizes import A1111_CELL, Size
from ..tile_plan.plan import NO_ENCODER, TilePlan
from ..tile_plan.text import read_plan
from ..tile_plan.tiles import places_of, side_by_side, spared, summary
from ..tiles.grid import tile_grid
from ..tiles.layout import TileLayout
from ..tiles.windows import CONTEXT, OVERLAP, Windows, check_overlap, plan_windows
from .badge import STOPS, Badge, badge, cells_of
from .facts import DiffusionRun, Facts, Latents, ModelFile, Pictures, TiledModel, UpscalerFile
from .model_files import EARLY_SIDE, LATER_SIDE
from .steps import plan_second_pass
from .upscale import FolderPlan, UpscaleRequest, by_workers, folder_of, numbers_of
from .warnings import counted, size_text, too_long

_GRIDS = {EARLY_SIDE: 64, LATER_SIDE: 32, None: 16}
"""Pixels that a network works on together, which tiles begin and end with: SD 1 and 2, SDXL, transformers."""

_MOST_CELLS = 2**22
"""Cells of 8 pixels of a picture for which a badge works out what a plan leaves: 16384 pixels a side."""

_STRONG = 0.5
"""Denoising strength from which on a window no longer keeps to what it sees."""


_WIDE = 2**16
"""Pixels a side of a picture that no window covers."""

_CELL = 8

_FROM_TILED_MODEL = (
    "The model comes from Tiled Model, and this node cuts pictures itself. Connect the model before it, and set "
    "tile_size and overlap here."
)


@badge("HiresFixTiledModel")
def _tiled_model(node: Node, facts: Facts) -> Badge:
    model = node.incoming("model", ModelFile)
    asked, overlap = node.whole("tile_size"), node.whole("overlap")
    if asked is None or overlap is None:
        return Badge((TiledModel(model),))
    try:
        check_overlap(asked, overlap)
    except InputError as error:
        return Badge((TiledModel(model),), STOPS, str(error))
    trained = facts.trained_side(model) if model else None
    side = asked or (int(CONTEXT * trained) if trained else 0)
    tiled = TiledModel(model, side, round(side * OVERLAP) if overlap < 0 else overlap, bool(asked))
    return Badge((tiled,), f"tiles of up to {side} pixels" if side else None)


def in_tiles(node: Node, size: Size, facts: Facts) -> str | None:
    """Say in how many tiles a second pass sees a latent; None for one, and where that is not known.

    `size`: pixels of its picture where its cells have 8.
    """
    tiled = node.incoming("model", TiledModel)
    if tiled is None or not tiled.side:
        return None
    trained = facts.trained_side(tiled.model) if tiled.model else None
    grids = [_GRIDS[trained]] if trained in _GRIDS else list(_GRIDS.values())
    if tiled.model and facts.is_sd_x4(tiled.model):
        grids, size = [X4_SCALE * X4_GRID], (size[0] // _CELL * X4_SCALE, size[1] // _CELL * X4_SCALE)
    try:
        counts = {plan_windows(*size, tiled.side, tiled.overlap, grid).count for grid in grids}
    except InputError:  # the run says it, of its own cells
        return None
    if len(counts) != 1 or counts == {1}:
        return None
    return f"in {'' if tiled.is_sure else 'about '}{counted(counts.pop(), 'tile')}"


@badge("HiresFixTilePlan")
def _tile_plan(node: Node, facts: Facts) -> Badge:
    """What it saves, where the tiles are known before the run: those of a model are not."""
    out = (node.incoming("model", object),)
    text, pictures = node.text("plan"), node.incoming("image", Pictures)
    side, fade = node.whole("tile_size"), node.whole("fade")
    if text is None or pictures is None or side is None or fade is None:
        return Badge(out)
    windows, cell = side_by_side(pictures.size, side)
    places = places_of(windows, cell, pictures.size, None if node.has("mask") else 0)
    try:
        rules = read_plan(text, replace(places, tiles=None) if node.has("model") else places)
    except InputError as error:
        return Badge(out, STOPS, str(error))
    if node.has("positive") and not node.has("clip") and any(rule.words is not None for rule in rules):
        return Badge(out, STOPS, NO_ENCODER)
    if node.has("model") or node.has("mask") or node.number("skip_flat") != 0:
        return Badge(out)
    plan = TilePlan(pictures.size, rules, fade=fade)
    return Badge((*out, None, plan), summary(plan, windows))


def too_long_for(node: Node, size: Size, facts: Facts) -> str | None:
    """Warn of a second pass that will take very long; `node`: the one that samples."""
    if node.incoming("model", TiledModel):
        return None
    model = node.incoming("model", ModelFile)
    return too_long(size, facts.trained_side(model) if model else None)


@badge("HiresFixSplitTiles")
def _split(node: Node, facts: Facts) -> Badge:
    pictures, numbers = node.incoming("image", Pictures), numbers_of(node)
    width, height, overlap = node.whole("tile_width"), node.whole("tile_height"), node.whole("overlap")
    if pictures is None or numbers is None or width is None or height is None or overlap is None:
        return Badge()
    grid = tile_grid(pictures.size, (width, height), overlap, numbers == "A1111")
    layout = TileLayout(grid, pictures.count, numbers == "A1111")
    return Badge((Pictures(grid.tile, layout.count), layout), _tiles_text(layout))


@badge("HiresFixEncodeTiles")
def _encode(node: Node, facts: Facts) -> Badge:
    layout, batch_size, cells = node.incoming("layout", TileLayout), node.whole("batch_size"), cells_of(node, facts)
    if layout is None or batch_size is None or batch_size < 1 or len(cells) != 1:
        return Badge()
    batches = -(-layout.grid.count // batch_size) * layout.pictures
    (width, height), cell = layout.grid.tile, cells[0]
    size = -(-width // cell) * cell, -(-height // cell) * cell
    latents = Latents(size, min(batch_size, layout.grid.count))
    return Badge((latents,), f"{_tiles_text(layout)}, {batches} batches" if batches > 1 else None)


@badge("HiresFixCombineTiles")
def _combine(node: Node, facts: Facts) -> Badge:
    layout, tiles = node.incoming("layout", TileLayout), node.incoming("tiles", Pictures)
    if layout is None or tiles is None or tiles.size[0] % layout.grid.tile[0]:
        return Badge()
    factor = tiles.size[0] // layout.grid.tile[0]
    width, height = layout.grid.picture
    made = Pictures((width * factor, height * factor), layout.pictures)
    return Badge((made,), size_text(made.size))


@badge("HiresFixPutRegionsBack")
def _put_back(node: Node, facts: Facts) -> Badge:
    pictures = node.incoming("image", Pictures)
    return Badge((pictures,), size_text(pictures.size)) if pictures else Badge()


def _tiles_text(layout: TileLayout) -> str:
    return f"{counted(layout.count, 'tile')} of {size_text(layout.grid.tile)}"


@badge("HiresFixTiledRedraw")
def _tiled_redraw(node: Node, facts: Facts) -> Badge:
    folder, strength, steps = folder_of(node, facts), node.number("denoising_strength"), _steps_of(node)
    side, overlap = node.whole("tile_size"), node.whole("overlap")
    if side is None or overlap is None:
        return Badge()
    check_overlap(side, overlap)
    model = node.incoming("model", ModelFile)
    trained = facts.trained_side(model) if model else None
    side = side or (int(CONTEXT * trained) if trained else 0)
    if folder is None:
        return Badge()
    words = [folder.text]
    size = _only_size(node, facts, folder)
    if side and size:
        shared = overlap if overlap >= 0 else round(side * OVERLAP)
        grid = _GRIDS.get(trained, max(_GRIDS.values()))
        across, down, common, multiple = (-(-pixels // A1111_CELL) for pixels in (*size, shared, grid))
        windows = plan_windows(across, down, max(1, side // A1111_CELL), common, multiple)
        words = [f"{folder.text} = {size_text(size)}", *_windows_text(node, windows, steps)]
    elif side:
        words += [f"windows of up to {side} pixels", *([] if steps is None else [counted(steps, "step") + " each"])]
    held = node.has("control_net")
    warning = folder.warning or (None if strength is None or held else _too_strong(strength))
    return Badge(text=", ".join(words) + by_workers(node), warning=warning)


def _windows_text(node: Node, windows: Windows, steps: int | None) -> list[str]:
    """How many windows of a picture Tiled Redraw samples, in how many steps in all."""
    plan = node.incoming("plan", TilePlan)
    cells = windows.columns[-1].stop * windows.rows[-1].stop
    is_open = node.has("plan") and (plan is None or cells > _MOST_CELLS)
    share = 1.0
    told = [f"{'up to' if is_open else 'about'} {counted(windows.count, 'window')}"]
    if plan is not None and plan.changes_strength and not is_open:
        left, saved = spared(plan, windows)
        share -= saved
        told.append(f"{left} left as they were" if left else "none left as it was")
        told.append(f"{saved:.0%} less work")
    if steps is not None:
        told.append(f"{'up to ' if is_open else ''}{counted(round(windows.count * steps * share), 'step')}")
    return told


def _steps_of(node: Node) -> int | None:
    """Steps of a window of Tiled Redraw."""
    sampler, scheduler, steps = node.text("sampler_name"), node.text("scheduler"), node.whole("steps")
    strength, rule = node.number("denoising_strength"), node.text("steps_rule", STEPS_RULES[0])
    if sampler is None or scheduler is None or steps is None or strength is None or rule is None:
        return None
    known: StepsRule = "img2img" if rule == "img2img" else "hires fix"
    return plan_second_pass(sampler, scheduler, steps, strength, 0, known).steps


def _only_size(node: Node, facts: Facts, folder: FolderPlan) -> Size | None:
    """Size of the result of the only picture that is asked for by its name."""
    search, crop, limit = folder.search, node.flag("upscaling_crop"), node.whole("max_side", 0)
    if folder.count != 1 or search.recursive or any(mark in search.include for mark in "*?[,") or crop is None:
        return None
    size = facts.picture_size(f"{search.input_folder}/{search.include}".lstrip("/"))
    if size is None or limit is None:
        return None
    return UpscaleRequest(UpscalerFile(""), folder.resize, crop, limit).plan(size).size


def _too_strong(strength: float) -> str | None:
    if strength < _STRONG:
        return None
    return (
        f"At a denoising strength of {strength:g} every window may draw the prompt's subject. Use 0.2 to 0.35, or "
        "connect a tile ControlNet to control_net."
    )


@badge("HiresFixDiffusionUpscaler")
def _diffusion_upscaler(node: Node, facts: Facts) -> Badge:
    if node.incoming("model", TiledModel):
        return Badge(text=STOPS, warning=_FROM_TILED_MODEL)
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
    columns = plan_windows(_WIDE, _WIDE, side, shared, _GRIDS.get(trained, _GRIDS[None])).columns
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

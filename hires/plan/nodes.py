"""The lines that the pack's nodes show before a run, and their warnings."""

from __future__ import annotations

from .. import memory
from ..graph.reader import Node
from ..sizes.image_sizes import MAX_SIDE, SizeError, image_size, target_size
from ..sizes.stages import MOST_STAGES, REDRAW, is_redrawn, redraw_strengths, stage_sizes
from .quiet import QUIET
from .rule import CELLS, Answer, Rule, agreed, cells_of
from .steps import planned_steps
from .values import Facts, FolderSearch, Latents, ModelFile, Pictures, Size, Steps, Target, UpscaleJob, UpscalerFile
from .warnings import as_text, no_pictures, other_size, senseless_strength, too_large_for_memory, too_long

_ARROW = " \u2192 "  # escaped: readers that take files for their system's code page must not stumble over the pack's


def _target_size(node: Node, facts: Facts) -> Answer:
    cells = cells_of(node, facts)
    source: tuple[int | None, int | None] = node.whole("width"), node.whole("height")
    if node.has("latent"):
        latents = node.incoming("latent", Latents)
        if latents is None or not node.has("vae") or any(side % cell for side in latents.size for cell in cells):
            return Answer()
        source = latents.size
    width, height = source
    scale, x, y = node.number("hr_scale"), node.whole("hr_resize_x"), node.whole("hr_resize_y")
    if width is None or height is None or scale is None or x is None or y is None:
        return Answer()
    plan = target_size(width, height, scale, x, y, cells[0])
    try:
        size = agreed([target_size(width, height, scale, x, y, cell).size for cell in cells])
    except SizeError:  # only with the larger cells
        size = None
    if size is None:
        return Answer()
    target = Target((width, height), (plan.up_width, plan.up_height), size)
    return Answer((target, *size), _way((width, height), size))


def _latent_upscale(node: Node, facts: Facts) -> Answer:
    target, latents = node.incoming("target", Target), node.incoming("latent", Latents)
    if target is None:
        return Answer()
    larger = target.size[0] * target.size[1] > target.source[0] * target.source[1]
    out = Latents(target.size, latents.count if latents else 1, is_blurry=larger)
    return Answer((out,), _way(target.source, target.size), _mismatch(target, latents, CELLS))


def _pixel_upscale(node: Node, facts: Facts) -> Answer:
    target, latents = node.incoming("target", Target), node.incoming("latent", Latents)
    if target is None:
        return Answer()
    pictures = node.incoming("image", Pictures) if node.has("image") else latents
    upscaler, count = node.incoming("upscaler", UpscalerFile), latents.count if latents else 1
    numbers = node.text("numbers", "exact")
    tiles = ""
    if pictures and numbers:
        (width, height), (up_width, up_height) = pictures.size, target.up
        factor = max(up_width / width, up_height / height) if numbers == "A1111" else None
        tiles = _tiles(node, facts, [upscaler], pictures.size, target.up, factor)
    warning = _mismatch(target, latents, cells_of(node, facts)) or too_large_for_memory(
        target.size,
        count,
        facts.free_memory(),
        memory.between_passes(target.up, target.size, count, numbers == "A1111"),
    )
    out = Latents(target.size, count), Pictures(target.size, count)
    return Answer(out, _way(target.source, target.size) + tiles, warning)


def _renoise(node: Node, facts: Facts) -> Answer:
    latents, strength = node.incoming("latent", Latents), node.number("denoising_strength")
    out = Latents(latents.size, latents.count) if latents else None
    steps, own_steps = node.whole("steps"), node.whole("hr_second_pass_steps")
    sampler, scheduler = node.text("sampler_name"), node.text("scheduler")
    if strength is None or steps is None or own_steps is None or sampler is None or scheduler is None:
        return Answer((out,))
    planned = planned_steps(sampler, scheduler, steps, strength, own_steps)
    warning = senseless_strength(strength, bool(latents and latents.is_blurry))
    if planned is None:
        return Answer((out,), warning=warning)
    text = f"{planned.run} of {planned.schedule} steps" if planned.run else "no steps: the picture stays as it is"
    return Answer((out, planned), text, warning)


def _second_sampling(node: Node, facts: Facts) -> Answer:
    latents, steps = node.incoming("latent", Latents), node.incoming("sigmas", Steps)
    words = [_counted(steps.run, "step")] if steps else []
    if latents is None:
        return Answer(text=words[0] if words else None)
    model = node.incoming("model", ModelFile)
    is_run = steps is None or steps.run > 0
    warning = (too_long(latents.size, facts.trained_side(model) if model else None) if is_run else None) or (
        too_large_for_memory(latents.size, latents.count, facts.free_memory())
    )
    return Answer((latents,), " at ".join([*words, as_text(latents.size)]), warning)


def _upscale_image(node: Node, facts: Facts) -> Answer:
    pictures, resize = node.incoming("image", Pictures), _resize(node)
    crop, limit = node.flag("upscaling_crop"), node.whole("max_side", 0)
    visibility, numbers = node.number("extras_upscaler_2_visibility", 0.0), node.text("numbers", "exact")
    if pictures is None or resize is None or crop is None or limit is None or visibility is None or numbers is None:
        return Answer()
    upscalers = [node.incoming("upscaler", UpscalerFile)]
    if visibility > 0 and node.has("upscaler_2"):
        upscalers.append(node.incoming("upscaler_2", UpscalerFile))
    source = pictures.size
    factor: float | None = None
    if numbers == "A1111":
        if upscalers[0] is None:
            return Answer()
        factor, up, size = facts.extras_size(source, resize, crop, limit)
        needed = memory.enlarged_as_a1111(up, size, pictures.count)
        if upscalers[0].name == "None":
            factor, size, upscalers, needed = None, source, [], 0
    else:
        if limit and not isinstance(resize, tuple):
            resize = min(resize, limit / max(source))
        plan = image_size(*source, resize, crop)
        up, size = (plan.up_width, plan.up_height), (plan.width, plan.height)
        needed = memory.enlarged(size, pictures.count, upscalers=len(upscalers))
    tiles = _tiles(node, facts, upscalers, source, up, factor)
    warning = too_large_for_memory(size, pictures.count, facts.free_memory(), needed)
    return Answer((Pictures(size, pictures.count),), _way(source, size) + tiles, warning)


def _upscale_folder(node: Node, facts: Facts) -> Answer:
    source, target, include = node.text("input_folder"), node.text("output_folder"), node.text("include")
    recursive, resize = node.flag("recursive"), _resize(node)
    if source is None or target is None or include is None or recursive is None or resize is None:
        return Answer()
    count = facts.pictures_in(FolderSearch(source, target, include, recursive))
    if count is None:
        return Answer()
    size = as_text(resize) if isinstance(resize, tuple) else f"{resize:g}×"
    warning = None if count else no_pictures(include)
    return Answer(text=f"{_counted(count, 'picture')}{_ARROW}{size}", warning=warning)


def _multi_stage(node: Node, facts: Facts) -> Answer:
    pictures, resize, crop = node.incoming("image", Pictures), _resize(node), node.flag("upscaling_crop")
    stages = node.whole("stages")
    if pictures is None or resize is None or crop is None or stages is None or not 0 <= stages <= MOST_STAGES:
        return Answer()
    target = image_size(*pictures.size, resize, crop, MAX_SIDE)
    out = (Pictures((target.width, target.height), pictures.count),)
    upscaler = node.incoming("upscaler", UpscalerFile)
    scale = facts.upscaler_scale(upscaler) if upscaler and not stages else 1
    if scale is None or (upscaler is None and not stages):
        return Answer(out, _way(pictures.size, out[0].size))
    sizes = stage_sizes(pictures.size, (target.up_width, target.up_height), stages, scale)
    sizes[-1] = out[0].size
    text = f"{_way(pictures.size, *sizes)} in {_counted(len(sizes), 'stage')}"
    strengths = _strengths(node, len(sizes))
    needed = memory.staged(sizes, strengths, pictures.count)
    warning = too_large_for_memory(out[0].size, pictures.count, facts.free_memory(), needed)
    return Answer(out, text, warning or _redraw_warning(node, facts, sizes, strengths))


def _strengths(node: Node, stages: int) -> list[float]:
    """Of the redraws, as far as they are known."""
    none = [0.0] * stages
    if not is_redrawn([name for name in REDRAW if node.has(name)]):
        return none
    strength, falloff = node.number("denoising_strength"), node.number("strength_falloff")
    redraw_last = node.flag("redraw_last")
    if strength is None or falloff is None or redraw_last is None:
        return none
    return redraw_strengths(stages, strength, falloff, redraw_last)


def _redraw_warning(node: Node, facts: Facts, sizes: list[Size], strengths: list[float]) -> str | None:
    model = node.incoming("model", ModelFile)
    trained = facts.trained_side(model) if model else None
    return next(
        (
            warning
            for size, redraw in zip(reversed(sizes), reversed(strengths), strict=True)
            if redraw > 0 and (warning := too_long(size, trained))
        ),
        None,
    )


def _mismatch(target: Target, latents: Latents | None, cells: tuple[int, ...]) -> str | None:
    """Warn where the latent is not of the target's first pass, whatever the cell."""
    if latents is None:
        return None
    fits = any(latents.size == tuple(side // cell * cell for side in target.source) for cell in cells)
    return None if fits else other_size(target.source, latents.size)


def _resize(node: Node) -> float | Size | None:
    mode = node.text("resize_mode")
    if mode == "scale by":
        return node.number("upscaling_resize")
    width, height = node.whole("upscaling_resize_w"), node.whole("upscaling_resize_h")
    return (width, height) if mode == "scale to" and width is not None and height is not None else None


def _tiles(
    node: Node, facts: Facts, upscalers: list[UpscalerFile | None], source: Size, target: Size, factor: float | None
) -> str:
    tile, overlap = node.whole("tile_size"), node.whole("tile_overlap")
    if tile is None or overlap is None or None in upscalers:
        return ""
    if factor is not None and factor <= 1:  # A1111 runs no upscaler for a size that is not larger
        return ""
    jobs = [UpscaleJob(one, source, target, tile, overlap, factor) for one in upscalers if one]
    said = [words for words in map(facts.tiles, jobs) if words]
    return f", {' + '.join(dict.fromkeys(said))}" if said else ""


def _way(*sizes: Size) -> str:
    return _ARROW.join(map(as_text, sizes))


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


RULES: dict[str, Rule] = {
    **QUIET,
    "HiresFixTargetSize": _target_size,
    "HiresFixLatentUpscale": _latent_upscale,
    "HiresFixPixelUpscale": _pixel_upscale,
    "HiresFixRenoise": _renoise,
    "HiresFixSecondSampling": _second_sampling,
    "HiresFixUpscaleImage": _upscale_image,
    "HiresFixUpscaleFolder": _upscale_folder,
    "HiresFixMultiStageUpscale": _multi_stage,
}
"""By class name. Of a node that is not here nothing is known."""

"""From the first pass to the second: Target Size, Latent Upscale and Pixel Upscale."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic

from .. import memory
from ..graph.reader import Node
from ..sampling.menus import NONE
from ..sizes.extras import covering_factor
from ..sizes.image_sizes import Size, SizeError, TargetSize, target_size
from ..tiles.settings import TileSettings
from .badge import CELLS, Badge, agreed, badge, cells_of
from .facts import Facts, Latents, Pictures, U, UpscalerFile, UpscalerJob
from .upscale import Numbers, UpscalePlan, numbers_of, runs_of, tiles_of, tiles_text, upscaler_before
from .warnings import other_size, too_large_for_memory, way_text


@dataclass(frozen=True)
class PixelUpscaleRequest(Generic[U]):
    """What is asked of Pixel Upscale."""

    upscaler: U

    target: TargetSize
    """Only its sizes count here, not its cells."""

    tiles: TileSettings = field(default_factory=TileSettings)
    numbers: Numbers = "exact"

    def plan(self, source: Size, count: int) -> UpscalePlan[U]:
        """Plan what becomes of decoded pictures, or of those that come in their place; frames of clips count each."""
        up, size, is_a1111 = self.target.up, self.target.size, self.numbers == "A1111"
        factor = covering_factor(source, up) if is_a1111 else None
        runs = factor is None or (factor > 1 and self.upscaler.name != NONE)
        jobs = (UpscalerJob(self.upscaler, source, up, self.tiles, factor),) if runs else ()
        needed = memory.between_passes(up, size, count, is_a1111, [run for job in jobs for run in runs_of(job)])
        return UpscalePlan(source, up, size, jobs, needed)


@badge("HiresFixTargetSize")
def _target_size(node: Node, facts: Facts) -> Badge:
    cells = cells_of(node, facts)
    source: tuple[int | None, int | None] = node.whole("width"), node.whole("height")
    if node.has("latent"):
        latents = node.incoming("latent", Latents)
        if latents is None or not node.has("vae") or any(side % cell for side in latents.size for cell in cells):
            return Badge()
        source = latents.size
    width, height = source
    scale, x, y = node.number("hr_scale"), node.whole("hr_resize_x"), node.whole("hr_resize_y")
    if width is None or height is None or scale is None or x is None or y is None:
        return Badge()
    target = target_size(width, height, scale, x, y, cells[0])
    try:
        size = agreed([target_size(width, height, scale, x, y, cell).size for cell in cells])
    except SizeError:  # only with the larger cells
        size = None
    return Badge((target, *size), way_text(target.source, size)) if size else Badge()


@badge("HiresFixLatentUpscale")
def _latent_upscale(node: Node, facts: Facts) -> Badge:
    target, latents = node.incoming("target", TargetSize), node.incoming("latent", Latents)
    if target is None:
        return Badge()
    larger = target.size[0] * target.size[1] > target.source[0] * target.source[1]
    out = Latents(target.size, latents.count if latents else 1, is_blurry=larger)
    return Badge((out,), way_text(target.source, target.size), _mismatch(target, latents, CELLS))


@badge("HiresFixPixelUpscale")
def _pixel_upscale(node: Node, facts: Facts) -> Badge:
    target, latents = node.incoming("target", TargetSize), node.incoming("latent", Latents)
    if target is None:
        return Badge()
    pictures = node.incoming("image", Pictures) if node.has("image") else latents
    upscaler, tiles, count = upscaler_before(node, facts), tiles_of(node), latents.count if latents else 1
    numbers = numbers_of(node)
    request = PixelUpscaleRequest(upscaler or UpscalerFile(""), target, tiles or TileSettings(), numbers or "exact")
    plan = request.plan(pictures.size if pictures else target.source, count)
    text = way_text(target.source, target.size)
    if pictures and upscaler and tiles and numbers:
        text += tiles_text(plan, facts)
    warning = _mismatch(target, latents, cells_of(node, facts)) or too_large_for_memory(
        target.size, count, facts.free_memory(), plan.needed
    )
    return Badge((Latents(target.size, count), Pictures(target.size, count)), text, warning)


def _mismatch(target: TargetSize, latents: Latents | None, cells: tuple[int, ...]) -> str | None:
    """Warn where the latent is not of the target's first pass, whatever the cell."""
    if latents is None:
        return None
    fits = any(latents.size == tuple(side // cell * cell for side in target.source) for cell in cells)
    return None if fits else other_size(target.source, latents.size)

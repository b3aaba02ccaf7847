"""Multi-Stage Upscale: the size after each stage, how much it is redrawn, and where its prompts' places go."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from .. import memory
from ..graph.reader import Node
from ..sizes.image_sizes import MAX_SIDE, ImageSize, Size, image_size
from ..sizes.regions import Move
from ..sizes.stages import MOST_STAGES, REDRAW, is_redrawn, redraw_strengths, stage_sizes
from .badge import Badge, badge
from .facts import Facts, Pictures
from .tiles import too_long_for
from .upscale import resize_of, upscaler_before
from .warnings import counted, too_large_for_memory, way_text


@dataclass(frozen=True)
class StagesPlan:
    """What becomes of pictures."""

    source: Size

    sizes: list[Size]
    strengths: list[float]
    """Denoising strength after each stage; 0: not redrawn."""

    needed: int
    """Bytes of main memory without which it stops."""

    @property
    def text(self) -> str:
        return f"{way_text(self.source, *self.sizes)} in {counted(len(self.sizes), 'stage')}"

    def moves(self, cell: int) -> list[Move]:
        """From the picture that came in to each stage: places in prompts count its latent cells of `cell` pixels."""
        (width, height), moves = self.source, []
        move = Move(height / cell, width / cell)
        for size in self.sizes:
            # each stage covers its size and cuts around the centre
            up = image_size(width, height, size, True, MAX_SIDE)
            width, height = size
            top, left = (up.up_height - height) // 2 / cell, (up.up_width - width) // 2 / cell
            move = move.then((up.up_height / cell, up.up_width / cell), top, left, (height / cell, width / cell))
            moves.append(move)
        return moves


@dataclass(frozen=True)
class StagesRequest:
    """What is asked of Multi-Stage Upscale."""

    resize: float | Size
    crop: bool
    stages: int
    """See `image_size` and `stage_sizes`."""

    connected: Collection[str]
    """Inputs that something is connected to: stages are redrawn if all of `REDRAW` is there."""

    denoising_strength: float
    strength_falloff: float
    redraw_last: bool
    """See `redraw_strengths`."""

    def target(self, source: Size) -> ImageSize:
        """Size of the result. The sides of its stages are inputs of nodes. Raises SizeError."""
        return image_size(*source, self.resize, self.crop, MAX_SIDE)

    def plan(self, source: Size, scale: int, count: int = 1, channels: int = 3) -> StagesPlan:
        """Plan the stages of a batch; `scale`: of the upscaler, if the number of stages is left to it.

        Raises InputError as `is_redrawn`, `image_size` and `redraw_strengths` do.
        """
        redrawn, target = is_redrawn(self.connected), self.target(source)
        sizes = stage_sizes(source, (target.up_width, target.up_height), self.stages, scale)
        sizes[-1] = target.width, target.height
        strengths = [0.0] * len(sizes)
        if redrawn:
            falling = self.denoising_strength, self.strength_falloff
            strengths = redraw_strengths(len(sizes), *falling, self.redraw_last)
        return StagesPlan(source, sizes, strengths, memory.staged(sizes, strengths, count, channels))


@badge("HiresFixMultiStageUpscale")
def _multi_stage(node: Node, facts: Facts) -> Badge:
    pictures, resize, crop = node.incoming("image", Pictures), resize_of(node), node.flag("upscaling_crop")
    stages = node.whole("stages")
    if pictures is None or resize is None or crop is None or stages is None or not 0 <= stages <= MOST_STAGES:
        return Badge()
    connected = [name for name in REDRAW if node.has(name)]
    strength, falloff = node.number("denoising_strength"), node.number("strength_falloff")
    redraw_last = node.flag("redraw_last")
    if strength is None or falloff is None or redraw_last is None:
        # nothing is known of the redraws; that some of their inputs are missing is
        connected = [] if is_redrawn(connected) else connected
        strength, falloff, redraw_last = 0.0, 0.0, False
    request = StagesRequest(resize, crop, stages, connected, strength, falloff, redraw_last)
    target = request.target(pictures.size)
    out = (Pictures((target.width, target.height), pictures.count),)
    upscaler = None if stages else upscaler_before(node, facts)
    scale = upscaler.scale if upscaler else None
    if scale is None and not stages:
        return Badge(out, way_text(pictures.size, out[0].size))
    plan = request.plan(pictures.size, scale or 1, pictures.count)
    warning = too_large_for_memory(out[0].size, pictures.count, facts.free_memory(), plan.needed)
    return Badge(out, plan.text, warning or _redraw_warning(node, facts, plan))


def _redraw_warning(node: Node, facts: Facts, plan: StagesPlan) -> str | None:
    stages = zip(reversed(plan.sizes), reversed(plan.strengths), strict=True)
    warnings = (too_long_for(node, size, facts) for size, strength in stages if strength > 0)
    return next(filter(None, warnings), None)

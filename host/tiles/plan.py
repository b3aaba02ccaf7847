"""Making a plan of a picture from what Tile Plan is given."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from comfy_execution.graph_utils import ExecutionBlocker

from ...hires import memory
from ...hires.errors import InputError
from ...hires.images.checks import check_image
from ...hires.tile_plan.drawing import draw_plan
from ...hires.tile_plan.flat import flat_tiles
from ...hires.tile_plan.plan import Rule, TilePlan
from ...hires.tile_plan.text import read_plan, write_plan
from ...hires.tile_plan.tiles import places_of, side_by_side, summary
from ..memory import check_memory
from .layout import model_windows
from .plan_prompts import Conditioning, planned_prompt
from .planned import planned_model


class Planned(NamedTuple):
    """A plan, and what people see of it."""

    plan: TilePlan
    text: str
    summary: str
    drawing: torch.Tensor
    """`(1, h, w, 3)`, 0 to 1."""


def tile_plan(
    image: torch.Tensor,
    text: str,
    skip_flat: float,
    fade: int,
    tile_size: int,
    model: Any = None,
    masks: torch.Tensor | None = None,
) -> Planned:
    """Make a plan of a picture `(B, H, W, C)`. Its text comes back with what was measured as lines of its own.

    Args:
        skip_flat: skip tiles with less detail than this, see `hires.tile_plan.flat.detail`; 0 for none. Lines of the
            text go over that.
        fade: see `TilePlan`.
        tile_size: of tiles that lie side by side, where there is no model, in pixels.
        model: a tiled MODEL, whose windows the tiles then are; one that is not tiled has one.
        masks: `(M, h, w)` or `(h, w)`.

    Raises:
        InputError: names the line of the text, or what else cannot be used.
    """
    check_image(image, "image")
    height, width = image.shape[1:3]
    check_memory(
        f"a plan of a picture of {width}x{height} pixels is made", memory.pictures((width, height), 1, 4), "image"
    )
    size = width, height
    windows, cell = side_by_side(size, tile_size) if model is None else model_windows(model, width, height)
    masks = None if masks is None else _checked(masks)
    places = places_of(windows, cell, size, 0 if masks is None else len(masks))
    asked, tiles = read_plan(text, places), places.tiles or ()
    flat = flat_tiles(image, tiles, skip_flat)
    rules = (*(Rule(tiles[number], 0.0) for number, _ in flat), *asked)
    plan = TilePlan(size, rules, masks, fade)
    saved = summary(plan, windows)
    notes = [saved]
    if flat:
        found = ", ".join(f"{number + 1} ({value:.1f})" for number, value in flat[:20])
        more = f" and {len(flat) - 20} more" if len(flat) > 20 else ""
        notes.append(f"flat, with their detail: tiles {found}{more}")
    return Planned(plan, write_plan(rules, places, notes), saved, draw_plan(image, plan, tiles))


def carried_out(plan: TilePlan, model: Any, positive: Conditioning | None, clip: Any) -> tuple[Any, Any]:
    """Return MODEL and prompt as a sampler needs them; what is not connected keeps the nodes behind it from running.

    Raises:
        InputError: see `planned_prompt`.
    """
    return (
        _missing("model") if model is None else planned_model(model, plan),
        _missing("positive") if positive is None else planned_prompt(positive, plan, clip),
    )


def _missing(name: str) -> ExecutionBlocker:
    return ExecutionBlocker(f"Tile Plan: nothing is connected to its input '{name}', so it has no {name} to hand on.")


def _checked(masks: torch.Tensor) -> torch.Tensor:
    masks = masks[None] if masks.ndim == 2 else masks
    if masks.ndim != 3 or not masks.numel() or not bool(torch.isfinite(masks).all()):
        raise InputError(
            f"the mask has shape {tuple(masks.shape)} or values that are NaN or infinite; masks of (count, height, "
            "width) are needed.",
            "mask",
        )
    return masks.detach().to("cpu", torch.float32)

"""The whole latent that a model is asked to denoise, and how it is cut for that model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import comfy.model_management
import comfy.utils
import torch

from ...hires.errors import InputError
from ...hires.plan.model_files import EARLY_SIDE, LATER_SIDE
from ...hires.tiles.boxes import Box
from ...hires.tiles.windows import CONTEXT, OVERLAP, Blending, Windows, check_overlap, plan_windows
from ..latents.codec import cell_of_model
from .errors import TiledModelError

_SMALLER = (CONTEXT, 1.25, 1.0, 0.75)
"""Tried one after the other where memory is short."""

_LEAST = 0.5
"""Of the side that a model was trained at: smaller windows are taken only where they are asked for."""

_STEP = 0.75
"""Of the longest side, where memory has run out for a window: a little more than half its area."""

_EARLY_TEXT_WIDTHS = (768, 1024)
"""Of SD 1 and 2."""


@dataclass(frozen=True)
class TileRequest:
    """What Tiled Model is asked for, in pixels."""

    size: int
    """Longest side of a window; 0 for one that suits the model."""

    overlap: int
    """What neighbours share at the least; -1 for a third of a window."""

    blending: Blending
    at_once: int
    """Windows in one call of the model; 0 for what the memory has room for."""

    is_fixed: bool = False
    """Fail where memory runs out for a window, in place of going on with smaller ones."""

    def __post_init__(self) -> None:
        check_overlap(self.size, self.overlap)


@dataclass(frozen=True)
class Canvas:
    """A latent `(B, C, H, W)` or `(B, C, T, H, W)` as one call of the model brings it."""

    latent: torch.Tensor

    @property
    def width(self) -> int:
        return self.latent.shape[-1]

    @property
    def height(self) -> int:
        return self.latent.shape[-2]

    @property
    def batch(self) -> int:
        return self.latent.shape[0]

    @property
    def box(self) -> Box:
        return Box(0, 0, self.width, self.height)


def cut(values: torch.Tensor, box: Box) -> torch.Tensor:
    """Cut a box out of the last two dimensions: a view."""
    return values[..., box.y0 : box.y1, box.x0 : box.x1]


def rows(tensors: Sequence[torch.Tensor], batch: int) -> torch.Tensor:
    """Put what belongs to several windows into one batch, window after window; `batch`: pictures in each."""
    return torch.cat([comfy.utils.repeat_to_batch_size(tensor, batch) for tensor in tensors])


def windows_for(model: Any, shape: torch.Size | list[int], request: TileRequest) -> Windows:
    """Plan the windows of a canvas, in latent cells; `model`: the host's BaseModel.

    Depends on the size of the device's memory, not on what is free of it: the same job gives the same picture.

    Raises:
        TiledModelError: latents that are no pictures, or an overlap that leaves nothing of a tile.
    """
    if len(shape) not in (4, 5):
        raise TiledModelError(
            f"the latent has {len(shape)} dimensions, {tuple(shape)}: sound, a shape in space, or several latents in "
            "one such as a clip with its sound. Only pictures and clips can be tiled; connect the model itself."
        )
    try:
        return windows_of(model, shape, request)
    except InputError as error:
        raise TiledModelError(str(error)) from error


def windows_of(model: Any, shape: Sequence[int], request: TileRequest) -> Windows:
    """`windows_for` of a latent of pictures. Raises InputError for an overlap that leaves nothing of a tile."""
    cell, multiple = cell_of_model(model), _grid(model.diffusion_model)
    tile = request.size or _automatic_side(model, shape)
    overlap = round(tile * OVERLAP) if request.overlap < 0 else request.overlap
    try:
        return plan_windows(shape[-1], shape[-2], max(1, tile // cell), -(-overlap // cell), multiple, request.blending)
    except InputError as error:
        raise InputError(
            f"tiles of {tile} pixels that share {overlap}, in latent cells of {cell} pixels: {error}", error.input_name
        ) from error


def with_smaller_windows(model: Any, windows: Windows, request: TileRequest) -> TileRequest | None:
    """Ask for the next smaller windows, where there is no memory for one of these; None where they are the smallest.

    What neighbours share stays as asked, up to half a window. `windows` in latent cells.
    """
    cell, multiple = cell_of_model(model), _grid(model.diffusion_model)
    longest = max(windows.columns[0].length, windows.rows[0].length)
    least = -(-int(trained_side(model) * _LEAST) // (cell * multiple)) * multiple
    side = max(least, int(longest * _STEP) // multiple * multiple)
    if side >= longest:
        return None
    return replace(request, size=side * cell, overlap=min(request.overlap, side * cell // 2))


def _automatic_side(model: Any, shape: Sequence[int]) -> int:
    """Pixels: for the model's context as long as memory has room for, half of the device's at most."""
    trained, cell = trained_side(model), cell_of_model(model)
    room = float(comfy.model_management.get_total_memory()) / 2  # type: ignore[arg-type]

    def needed(side: int) -> float:
        return model.memory_required([2 * shape[0], *shape[1:-2], *(min(cells, side // cell) for cells in shape[-2:])])

    sides = [int(trained * factor) for factor in _SMALLER]
    return next((side for side in sides if needed(side) <= room), sides[-1])


def trained_side(model: Any) -> int:
    """Side of the square pictures that a diffusion model was trained on, in pixels."""
    return EARLY_SIDE if model.model_config.unet_config.get("context_dim") in _EARLY_TEXT_WIDTHS else LATER_SIDE


def _grid(network: torch.nn.Module) -> int:
    """Latent cells that a network works on together: it shrinks the latent so often, or takes it in such patches."""
    levels = getattr(network, "channel_mult", None)
    if levels is not None:
        return 2 ** (len(levels) - 1)
    patch = getattr(network, "patch_size", getattr(network, "patch_spatial", None))
    if isinstance(patch, (tuple, list)):
        patch = patch[-1]
    return patch if isinstance(patch, int) and patch > 0 else 8

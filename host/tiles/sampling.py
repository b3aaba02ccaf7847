"""What one sampling of a tiled model holds on to between its calls."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import torch

from ...hires.tiles.boxes import Box
from ...hires.tiles.windows import Window
from . import conds
from .canvas import Canvas, TileRequest
from .conds import Cond
from .controls import Controls
from .patches import PicturePatches

_KEPT = 64
"""Conditionings whose windows are kept; some guiders make new ones for every call."""


class Room:
    """What there has been memory for so far: as was asked until some call ran out of it."""

    def __init__(self, request: TileRequest) -> None:
        self.request = request
        self.at_once = request.at_once
        """Windows in one call of the model; 0: memory has not been asked yet."""


class Sampling:
    """What is made once for a sampling: windows of its conditioning, ControlNets and patches."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.controls, self.patches = Controls(), PicturePatches()
        self._conds: dict[int, tuple[Cond, dict[tuple[Any, ...], conds.Crop]]] = {}
        self._weights: dict[tuple[Box, torch.device, torch.dtype], torch.Tensor] = {}

    def go_on_with(self, request: TileRequest) -> None:
        """Take other windows from here on, one at a time: everything is cut anew."""
        self.room.request, self.room.at_once = request, 1
        self.controls = Controls()
        self.patches.forget_windows()
        self._conds.clear()
        self._weights.clear()

    def cond(self, cond: Cond, group: Sequence[Window], canvas: Canvas, model: Any) -> conds.Crop:
        """Cut a conditioning to one window or to several of one size."""
        if id(cond) not in self._conds:
            if len(self._conds) >= _KEPT:
                self._conds.clear()
            self._conds[id(cond)] = (cond, {})
        found = self._conds[id(cond)][1]
        key = (canvas.batch, *(window.box for window in group))
        if key not in found:
            crops = [conds.crop(cond, window.box, canvas, model, self.controls) for window in group]
            crop = conds.batched(crops, canvas.batch, self.controls)
            # what goes by the id of a prompt must not take one window for another
            found[key] = crop._replace(cond={**crop.cond, "uuid": uuid.uuid4()})
        return found[key]

    def weights(self, window: Window, like: torch.Tensor) -> torch.Tensor:
        """The window's, where the latent is."""
        key = (window.box, like.device, like.dtype)
        if key not in self._weights:
            self._weights[key] = window.weights.to(like)
        return self._weights[key]

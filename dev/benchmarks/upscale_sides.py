"""The two sides of the upscale benchmark, and what both are compared with. Needs the host's modules."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from comfy_extras.nodes_upscale_model import ImageUpscaleWithModel
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from ...hires.plan.upscale import UpscaleRequest
from ...host.upscaling.pictures import upscale_image
from ...host.upscaling.runtime import HostRuntime, patcher_of
from ...upscale_models import Precision, TileSettings, from_state_dict, settle_tiles
from ...upscale_models.on_cpu.dense_blocks import Trunk
from ..host.real_host import core_nodes
from .pillow_resize import lanczos
from .upscale_jobs import AUTO, CHAINNER, CORE, EXACT, FAST, UNTILED, Job

CORE_TILE = 512
"""Longest side that core's node puts through a model in one piece."""

CORNER = 16
"""Side of the part of a picture that a side is warmed up with: small, so that it leaves no memory to reuse."""

OURS: dict[str, Precision] = {AUTO: AUTO, EXACT: EXACT, FAST: FAST}

_CHAINNER_TILE, _CHAINNER_OVERLAP = 512, 16


class Sides:
    """One job with its model loaded: the very same for both sides."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.picture = job.picture()
        self._upscaler = from_state_dict(job.name, job.make().state_dict())
        self._patcher = patcher_of(self._upscaler)

    def warm_up(self, *ways: str) -> None:
        """Bring the model to its device, and do every such way on a corner."""
        whole, self.picture = self.picture, self.picture[:, :CORNER, :CORNER].contiguous()
        for way in ways:
            self.way(way)()
        self.picture = whole

    def way(self, name: str) -> Callable[[], torch.Tensor]:
        """Core, or the pack in one of its precisions."""
        others = {CORE: self._core, CHAINNER: self._chainner, UNTILED: self.untiled}
        return others.get(name) or (lambda: self._ours(TileSettings(precision=OURS[name])))

    def convolving(self, name: str) -> float:
        """Do the job in a way, and return the CPU time that the convolutions take, those of dense blocks as a whole."""
        seconds, depth = 0.0, 0

        def begin(module: torch.nn.Module, _: object) -> None:
            nonlocal seconds, depth
            if isinstance(module, (torch.nn.Conv2d, Trunk)):
                seconds -= 0 if depth else time.process_time()
                depth += 1

        def end(module: torch.nn.Module, _: object, __: object) -> None:
            nonlocal seconds, depth
            if isinstance(module, (torch.nn.Conv2d, Trunk)):
                depth -= 1
                seconds += 0 if depth else time.process_time()

        hooks = register_module_forward_pre_hook(begin), register_module_forward_hook(end)
        try:
            self.way(name)()
        finally:
            for hook in hooks:
                hook.remove()
        return seconds

    def bare(self, tile: int) -> None:
        """The model alone on as many pixels, in float32, in tiles of this size."""
        for picture in self.picture:
            for rows in picture.split(tile):
                for part in rows.split(tile, dim=1):
                    self._model(part)

    @property
    def own_tile(self) -> int:
        """The size of tile that the pack chooses for itself."""
        return settle_tiles(self._upscaler, *self._target(), TileSettings(precision=EXACT), HostRuntime()).size

    def untiled(self) -> torch.Tensor:
        """The model on every whole picture, in float32, resized as a whole."""
        whole = torch.stack([self._model(picture) for picture in self.picture])
        return whole if self.job.size == (whole.shape[2], whole.shape[1]) else lanczos(whole, *self.job.size)

    def _ours(self, tiles: TileSettings) -> torch.Tensor:
        """The pack's Upscale Image."""
        return upscale_image(self.picture, UpscaleRequest(self._upscaler, self._target(), True, tiles=tiles))

    def _core(self) -> torch.Tensor:
        """Core's Upscale Image (using Model), and its Upscale Image where the model makes more than is wanted."""
        result = ImageUpscaleWithModel.execute(self._upscaler.descriptor, self.picture).args[0]
        if (result.shape[2], result.shape[1]) == self._target():
            return result
        return core_nodes().ImageScale().upscale(result, "lanczos", *self._target(), "disabled")[0]

    def _chainner(self) -> torch.Tensor:
        """As chaiNNer's Upscale Image node splits a picture where tiles of 512 are chosen.

        In even parts of at most that many pixels a side, each with 16 more around it; planes one after the other.
        """
        batch, height, width, channels = self.picture.shape
        factor = self._upscaler.scale
        result = torch.empty(batch, height * factor, width * factor, channels)
        for index, picture in enumerate(self.picture):
            for y0, y1 in _even_parts(height):
                for x0, x1 in _even_parts(width):
                    top, left = max(0, y0 - _CHAINNER_OVERLAP), max(0, x0 - _CHAINNER_OVERLAP)
                    part = picture[top : y1 + _CHAINNER_OVERLAP, left : x1 + _CHAINNER_OVERLAP]
                    planes = part.movedim(-1, 0)[None].contiguous().to(self._patcher.load_device)
                    made = self._upscaler.descriptor(planes)[0].movedim(0, -1)
                    rows = slice((y0 - top) * factor, (y1 - top) * factor)
                    columns = slice((x0 - left) * factor, (x1 - left) * factor)
                    result[index, y0 * factor : y1 * factor, x0 * factor : x1 * factor] = made[rows, columns]
        return result if self.job.factor == factor else lanczos(result, *self._target())

    def _target(self) -> tuple[int, int]:
        return self.picture.shape[2] * self.job.factor, self.picture.shape[1] * self.job.factor

    def _model(self, picture: torch.Tensor) -> torch.Tensor:
        pixels = picture.movedim(-1, 0)[None].to(self._patcher.load_device)
        return self._upscaler.descriptor(pixels)[0].movedim(0, -1).to(picture.device)


def _even_parts(side: int) -> list[tuple[int, int]]:
    count = math.ceil(side / _CHAINNER_TILE)
    length = math.ceil(side / count)
    return [(start, min(side, start + length)) for start in range(0, side, length)]

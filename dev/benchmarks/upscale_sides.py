"""The two sides of the upscale benchmark, and what both are compared with. Needs the host's modules."""

from __future__ import annotations

from collections.abc import Callable

import torch
from comfy_extras.nodes_upscale_model import ImageUpscaleWithModel

from nodes import ImageScale

from ...host.upscaling.pixels import upscale_image
from ...host.upscaling.runtime import HostRuntime, patcher_of
from ...upscale_models import TileSettings, from_state_dict, settle_tiles
from ..fixtures.pillow_resize import lanczos
from .upscale_jobs import AUTO, CORE, EXACT, Job

CORE_TILE = 512
"""Longest side that core's node puts through a model in one piece."""


class Sides:
    """One job with its model loaded: the very same for both sides."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.picture = job.picture()
        self._upscaler = from_state_dict(job.name, job.make().state_dict())
        self._patcher = patcher_of(self._upscaler)

    def warm_up(self, *ways: str) -> None:
        """Bring the model to its device, and do every such way on a corner."""
        whole, self.picture = self.picture, self.picture[:, :64, :64].contiguous()
        for way in ways:
            self.way(way)()
        self.picture = whole

    def way(self, name: str) -> Callable[[], torch.Tensor]:
        """Core, or the pack in one of its precisions."""
        return {
            CORE: self._core,
            AUTO: lambda: self._ours(TileSettings()),
            EXACT: lambda: self._ours(TileSettings(precision=EXACT)),
        }[name]

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

    @property
    def core_is_untiled(self) -> bool:
        """Whether core does the same as `untiled`, so that it need not be done twice."""
        return max(self.job.width, self.job.height) <= CORE_TILE and self.job.factor == self._upscaler.scale

    def _ours(self, tiles: TileSettings) -> torch.Tensor:
        """The pack's Upscale Image."""
        return upscale_image(self.picture, self._upscaler, self._target(), True, tiles)

    def _core(self) -> torch.Tensor:
        """Core's Upscale Image (using Model), and its Upscale Image where the model makes more than is wanted."""
        result = ImageUpscaleWithModel.execute(self._upscaler.descriptor, self.picture).args[0]
        if (result.shape[2], result.shape[1]) == self._target():
            return result
        return ImageScale().upscale(result, "lanczos", *self._target(), "disabled")[0]

    def _target(self) -> tuple[int, int]:
        return self.picture.shape[2] * self.job.factor, self.picture.shape[1] * self.job.factor

    def _model(self, picture: torch.Tensor) -> torch.Tensor:
        pixels = picture.movedim(-1, 0)[None].to(self._patcher.load_device)
        return self._upscaler.descriptor(pixels)[0].movedim(0, -1).to(picture.device)

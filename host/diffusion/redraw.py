"""Any diffusion model for pictures as an upscaler: pictures are enlarged, and redrawn at a low strength."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from ...hires.graph.passthrough import DIFFUSION_UPSCALER
from ...hires.sizes.diffusion import redraw_windows
from ...hires.tiles.boxes import Box
from ...upscale_models import OnPart, Upscaler
from ..redraw.request import RedrawRequest
from ..redraw.window import OnSmaller, draw_window, no_smaller
from .part import DiffusionUpscaler

_WIDE = 2**16
"""Pixels a side of a picture that no window covers."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RedrawUpscaler(DiffusionUpscaler):
    """Draws windows as Tiled Redraw does: same windows, same noise, prompts and hints cut to the window."""

    request: RedrawRequest
    on_smaller: OnSmaller = lambda _: None
    """See `draw_window`."""

    name = DIFFUSION_UPSCALER

    @classmethod
    def of(cls, request: RedrawRequest, factor: float, origin: str, before: Upscaler | None) -> RedrawUpscaler:
        """Check the request, and lay the windows. Raises InputError, see `RedrawRequest.check`."""
        request.check()
        columns = request.bands((_WIDE, _WIDE)).columns
        shared = columns[0].stop - columns[1].start
        windows = redraw_windows(columns[0].length, shared, request.cell, factor)
        return cls(origin=origin, before=before, windows=windows, request=request)

    @property
    def numbers(self) -> dict[str, Any]:
        """See `DiffusionUpscaler`."""
        return {**self.request.words, "factor": self.windows.factor}

    @property
    def drawn_with(self) -> tuple[Any, list[Any]]:
        """See `DiffusionUpscaler`."""
        return self.request.model, [self.request.positive, self.request.negative]

    def without_smaller_parts(self) -> RedrawUpscaler:
        """See `PlacedUpscaler`."""
        return replace(self, on_smaller=no_smaller)

    def draw(self, pixels: torch.Tensor, place: Box, on_part: OnPart) -> torch.Tensor:
        """See `DiffusionUpscaler`. Where memory runs out, a window is sampled in tiles, see `draw_window`."""

        def on_step(index: int, denoised: torch.Tensor, latent: torch.Tensor, total: int) -> None:
            on_part((index + 1) / (total + 1))  # encoding and decoding count as a step together

        drawn = draw_window(
            self.request, place, self.size_of(place), pixels.movedim(0, -1), on_step, 0, self.on_smaller
        )
        return drawn.movedim(-1, 0)

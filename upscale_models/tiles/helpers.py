"""Others who do windows, as those who hand them out see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch

from ...hires.sizes.image_sizes import Size
from ...hires.tiles.boxes import Box
from ...hires.tiles.settings import Precision
from ..models.placed import PlacedUpscaler
from ..models.spandrel_model import ModelUpscaler
from .keep import Keep

Hear = Callable[[torch.Tensor], None]


class Handed(Protocol):
    """A window that somebody else has been given."""

    def answer(self) -> torch.Tensor | None:
        """Wait for what is kept of the result, on the CPU; None if it has to be done here. May raise to cancel."""
        ...


class Helpers(Protocol):
    """Others who run upscalers on windows, each with its own copy of them."""

    def room(self) -> int:
        """How many windows may be on their way; changes as helpers come and go."""
        ...

    def hand(
        self,
        upscaler: ModelUpscaler,
        precision: Precision,
        pixels: torch.Tensor,
        keep: Keep,
        hear: Hear | None = None,
        depth: int = 0,
    ) -> Handed:
        """Let one run a model on `(N, H, W, C)`, in float32, or in half precision where that is right.

        Args:
            hear: gets what is kept of the result as soon as it is there, while other answers are waited for.
            depth: bits that values may be rounded to already, 8 or 16; 0 for none.
        """
        ...

    def hand_placed(
        self, upscaler: PlacedUpscaler, size: Size, pixels: torch.Tensor, place: Box, hear: Hear | None = None
    ) -> Handed:
        """Let one do `PlacedUpscaler.run`, for a picture of this size; the answer is what that returns, all of it."""
        ...

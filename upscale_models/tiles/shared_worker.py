"""A model whose tiles are run by others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

from ...hires.tiles.boxes import Box
from ...hires.tiles.settings import Precision
from ..models.spandrel_model import ModelUpscaler
from .keep import Keep
from .worker import NoRoomError, Worker


class Handed(Protocol):
    """A window that somebody else has been given."""

    def answer(self) -> torch.Tensor | None:
        """Wait for what is kept of the result, on the CPU; None if it has to be done here. May raise to cancel."""
        ...


class Helpers(Protocol):
    """Others who run models on windows, each with its own copy of them."""

    def room(self) -> int:
        """How many windows may be on their way; changes as helpers come and go."""
        ...

    def hand(self, upscaler: ModelUpscaler, precision: Precision, pixels: torch.Tensor, keep: Keep) -> Handed:
        """Let one run a model on `(N, H, W, C)`, in float32, or in half precision where that is right."""
        ...


class SharedWorker:
    """A model at work by the hands of helpers: a `TileWorker`. What they cannot do, this process' own worker does."""

    def __init__(self, own: Worker, helpers: Helpers, count: int) -> None:
        """`own` settles tiles and precision, for all. `count`: of the pictures that will go in."""
        self._own, self._helpers = own, helpers
        self.work = own.work
        self.together = own.together * min(2 * helpers.room(), -(-count // own.together))
        """Pictures that should go in at once: enough for all helpers, also where each is one window."""

    @property
    def tile(self) -> int:
        return self._own.tile

    @property
    def ahead(self) -> int:
        return max(1, self._helpers.room() * self._own.together // self.together)

    def start(self, pixels: torch.Tensor, keep: Keep, place: Box, share: float) -> _Windows:
        """See `TileWorker`."""
        return _Windows(self._own, self._helpers, pixels.split(self._own.together), keep, place, share)

    def go_on_in_float32(self, reason: str) -> None:
        """See `TileWorker`."""
        self._own.go_on_in_float32(reason)

    def step_down(self, failed: Box) -> None:
        """See `TileWorker`."""
        self._own.step_down(failed)

    def prepare(self) -> None:
        """See `TileWorker`."""
        self._own.prepare()


class _Windows:
    """The same window of several pictures: `Coming`."""

    def __init__(
        self, own: Worker, helpers: Helpers, parts: Sequence[torch.Tensor], keep: Keep, place: Box, share: float
    ) -> None:
        self._own, self._keep, self._place, self._share = own, keep, place, share
        self._handed = [(part, helpers.hand(own.upscaler, own.precision, part, keep)) for part in parts]

    def wait(self) -> torch.Tensor | None:
        results = []
        for pixels, handed in self._handed:
            result = handed.answer()
            if result is None:
                arrival = self._own.start(pixels, self._keep, self._place, self._share / len(self._handed))
                if arrival is None:
                    raise NoRoomError
                result = arrival.wait()
                if result is None:
                    return None
            results.append(result.to(self._own.target))
        return results[0] if len(results) == 1 else torch.cat(results)

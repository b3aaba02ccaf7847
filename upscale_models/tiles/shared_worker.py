"""An upscaler whose tiles are run by others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

import torch

from ...hires.sizes.image_sizes import Size
from ...hires.tiles.boxes import Box
from .helpers import Handed, Hear, Helpers
from .keep import Keep
from .worker import Coming, NoRoomError, TileWorker


class OwnWorker(TileWorker, Protocol):
    """A `TileWorker` of this process, of which windows can be handed out."""

    target: torch.device
    """Where results are wanted."""

    together: int
    """Pictures that go in at once."""

    def hand(
        self, helpers: Helpers, pixels: torch.Tensor, keep: Keep, place: Box, hear: Hear | None, depth: int
    ) -> Handed:
        """Hand out what `start` would do. `hear`, `depth`: see `Helpers`."""
        ...


class KeptWindows(Protocol):
    """What was made of the windows of a run, from an earlier process on until their rows are done."""

    def get(self, box: Box, size: Size) -> torch.Tensor | None:
        """Return what was kept for the window at this place, `(h, w, C)` float32 of that size, or None."""
        ...

    def keep(self, box: Box, pixels: torch.Tensor) -> None:
        """Keep `(h, w, C)` for the window at this place."""
        ...

    def forget_above(self, row: int) -> None:
        """Let go of the windows that begin above this row."""
        ...


class SharedWorker:
    """An upscaler at work by the hands of helpers: a `TileWorker`. What they cannot do, its own worker here does."""

    def __init__(
        self, own: OwnWorker, helpers: Helpers, count: int, kept: KeptWindows | None = None, depth: int = 0
    ) -> None:
        """`own` settles tiles and precision, for all. `count`: of the pictures that will go in. `kept`: for one run
        over one picture. `depth`: see `Helpers`."""
        self._own, self._helpers, self._kept, self._depth = own, helpers, kept, depth
        self._count, self._planned = count, own.tile
        self.work = own.work
        self.together = own.together * min(2 * helpers.room(), -(-count // own.together))
        """Pictures that should go in at once: enough for all helpers, also where each is one window."""

    def of_run(self, kept: KeptWindows | None, depth: int) -> SharedWorker:
        """The same for a run over one picture, in which nothing that came back has to be made again."""
        return SharedWorker(self._own, self._helpers, self._count, kept, depth)

    @property
    def tile(self) -> int:
        return self._own.tile

    @property
    def ahead(self) -> int:
        return max(1, self._helpers.room() * self._own.together // self.together)

    def start(self, pixels: torch.Tensor, keep: Keep, place: Box, share: float) -> Coming:
        """See `TileWorker`."""
        # once tiles are smaller than planned, a place does not say any more what is made of it
        kept = self._kept if self._own.tile == self._planned else None
        found = kept.get(place, (keep.covered.width, keep.covered.height)) if kept else None
        if found is not None and found.shape[-1] == pixels.shape[-1]:
            return _Found(found[None].to(self._own.target))
        hear = partial(_keep_first, kept, place) if kept else None
        parts = pixels.split(self._own.together)
        return _Windows(self._own, self._helpers, parts, keep, place, share, hear, self._depth)

    def go_on_in_float32(self, reason: str) -> None:
        """See `TileWorker`."""
        self._own.go_on_in_float32(reason)

    def step_down(self, failed: Box) -> None:
        """See `TileWorker`."""
        self._own.step_down(failed)

    def prepare(self) -> None:
        """See `TileWorker`."""
        self._own.prepare()


class _Found:
    """A window that was made before: `Coming`."""

    def __init__(self, result: torch.Tensor) -> None:
        self._result = result

    def wait(self) -> torch.Tensor:
        return self._result


class _Windows:
    """The same window of several pictures: `Coming`."""

    def __init__(
        self,
        own: OwnWorker,
        helpers: Helpers,
        parts: Sequence[torch.Tensor],
        keep: Keep,
        place: Box,
        share: float,
        hear: Hear | None,
        depth: int,
    ) -> None:
        self._own, self._keep, self._place, self._share, self._hear = own, keep, place, share, hear
        self._handed = [(part, own.hand(helpers, part, keep, place, hear, depth)) for part in parts]

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
                if self._hear is not None:
                    self._hear(result)
            results.append(result.to(self._own.target))
        return results[0] if len(results) == 1 else torch.cat(results)


def _keep_first(kept: KeptWindows, place: Box, results: torch.Tensor) -> None:
    """Keep what is made of the only picture."""
    kept.keep(place, results[0])

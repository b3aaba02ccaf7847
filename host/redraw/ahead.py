"""Windows that others draw, handed out before it is their turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

import torch

from ...hires.sizes.image_sizes import Size
from ...hires.tiles.boxes import Box


class Given(Protocol):
    """A window that somebody else has been given."""

    def answer(self) -> torch.Tensor | None:
        """Wait for it, `(h, w, C)` float32; None if it has to be drawn here. May raise to cancel."""
        ...

    def drop(self) -> None:
        """Nobody waits for it any more."""
        ...


class Drawers(Protocol):
    """Others who draw windows."""

    def room(self) -> int:
        """How many windows may be on their way; changes as they come and go."""
        ...

    def give(
        self,
        box: Box,
        size: Size,
        pixels: torch.Tensor,
        channels: int,
        tiles: int,
        hear: Callable[[torch.Tensor], None],
    ) -> Given:
        """Let one draw a window with so many channels; see `draw_window`.

        `hear` gets it as soon as it is there, while others are waited for.
        """
        ...


class Ahead:
    """The windows of one picture in the order in which they are needed. Those on their way are all that is held."""

    def __init__(self, drawers: Drawers, boxes: Iterable[Box], give: Callable[[Box], Given]) -> None:
        """`boxes`: what is left to draw; `give` reads one and hands it out."""
        self._drawers, self._boxes, self._give = drawers, iter(boxes), give
        self._given: deque[tuple[Box, Given]] = deque()

    def take(self, box: Box) -> torch.Tensor | None:
        """Wait for a window; None if it has to be drawn here."""
        while not self._given or len(self._given) < self._drawers.room():
            following = next(self._boxes, None)
            if following is None:
                break
            self._given.append((following, self._give(following)))
        if not self._given or self._given[0][0] != box:
            return None
        return self._given.popleft()[1].answer()

    def close(self) -> None:
        """Let go of what is on its way."""
        for _, given in self._given:
            given.drop()
        self._given.clear()

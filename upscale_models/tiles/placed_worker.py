"""A `PlacedUpscaler` at work on the windows of a job."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import NoReturn

import torch

from ...hires.sizes.image_sizes import Size
from ...hires.sizes.runs import model_runs
from ...hires.tiles.boxes import Box
from ...hires.tiles.settings import TileSettings
from ..models.errors import UpscalerError, UpscalerMemoryError
from ..models.placed import PlacedUpscaler, checked
from ..models.runtime import Runtime
from .automatic import smallest_window
from .helpers import Handed, Hear, Helpers
from .keep import Keep
from .run_plan import RunPlan
from .transfer import Arrival
from .worker import Work

logger = logging.getLogger("hires-fix")


def plan_placed_runs(upscaler: PlacedUpscaler, size: Size, target: Size, tiles: TileSettings) -> list[RunPlan]:
    """Plan the one run on the way to a size, or none: see `model_runs`."""
    runs = model_runs(*size, upscaler.scale, *target, most=upscaler.most_runs)
    overlap = settle_placed(upscaler, tiles).overlap
    return [RunPlan(upscaler.input_size(size, target), upscaler.scale, overlap, upscaler.align) for _ in runs]


def settle_placed(upscaler: PlacedUpscaler, tiles: TileSettings) -> TileSettings:
    """Settings without automatic numbers, as `settle` makes them for models."""
    overlap = upscaler.overlap if tiles.overlap < 0 else tiles.overlap
    return TileSettings(smallest_window(tiles.size or upscaler.tile, overlap, upscaler.align), overlap, tiles.precision)


class PlacedWorker:
    """Runs the upscaler on one picture after another: an `OwnWorker`."""

    ahead = together = 1

    def __init__(
        self,
        upscaler: PlacedUpscaler,
        size: Size,
        runtime: Runtime,
        tiles: TileSettings,
        work: Work,
        target: torch.device,
    ) -> None:
        """`size`: of the pictures that go in. `target`: where results are wanted."""
        self._asked, self._size, self._upscaler = upscaler, size, upscaler.for_picture(size)
        self._runtime, self.target = runtime, target
        settled = settle_placed(upscaler, tiles)
        self._smallest = smallest_window(1, settled.overlap, upscaler.align)
        self.tile = settled.size
        self.work = work

    def start(self, pixels: torch.Tensor, keep: Keep, place: Box, share: float) -> Arrival | None:
        """See `TileWorker`. A grey picture goes in as three equal channels, and their mean comes back."""
        count, height, width, channels = pixels.shape
        results = []
        try:
            for index, picture in enumerate(_planes(pixels)):
                done = partial(self._report, index, share / count)
                result = checked(self._upscaler, self._upscaler.run(picture, place, done), (width, height))
                results.append(result)
            arrival = Arrival(_kept(torch.stack(results), channels, keep), self.target)
        except Exception as error:
            if not self._runtime.is_out_of_memory(error):
                raise
            return None
        self.work.is_ahead(share)
        return arrival

    def hand(
        self, helpers: Helpers, pixels: torch.Tensor, keep: Keep, place: Box, hear: Hear | None, depth: int
    ) -> Handed:
        """See `OwnWorker`."""
        finish = partial(_kept, channels=pixels.shape[-1], keep=keep)
        heard = None if hear is None else lambda made: hear(finish(made[None]))
        return _HandedWindow(helpers.hand_placed(self._asked, self._size, _planes(pixels)[0], place, heard), finish)

    def prepare(self) -> None:
        """See `TileWorker`: each run brings its own models."""

    def _report(self, index: int, share: float, part: float) -> None:
        self.work.report(share * (index + min(1.0, part)))

    def go_on_in_float32(self, reason: str) -> NoReturn:
        """See `TileWorker`: what it computes in is its own concern."""
        raise UpscalerError(f"'{self._upscaler.name}' failed: {reason}. Use another upscaler.", "upscaler")

    def step_down(self, failed: Box) -> None:
        """See `TileWorker`."""
        side = max(failed.width, failed.height)
        smaller = max(self._smallest, side // 2)
        if smaller >= side:
            raise UpscalerMemoryError(
                f"'{self._upscaler.name}' ran out of memory on {self._runtime.device} with a window of only "
                f"{failed.width}x{failed.height} pixels. Free memory (other models, other programs) or use a smaller "
                "upscaler.",
                "upscaler",
            )
        self.tile = smaller
        logger.warning(
            "'%s' ran out of memory with a window of %dx%d pixels; going on with %d.",
            self._upscaler.name, failed.width, failed.height, smaller,
        )  # fmt: skip


class _HandedWindow:
    """A window that somebody else has been given: `Handed`."""

    def __init__(self, handed: Handed, finish: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self._handed, self._finish = handed, finish

    def answer(self) -> torch.Tensor | None:
        made = self._handed.answer()
        return None if made is None else self._finish(made[None])


def _planes(pixels: torch.Tensor) -> torch.Tensor:
    """What goes in for `(N, H, W, C)`: `(N, 3, H, W)`."""
    return pixels.detach().to("cpu", torch.float32).movedim(-1, 1).clamp(0, 1).expand(-1, 3, -1, -1)


def _kept(made: torch.Tensor, channels: int, keep: Keep) -> torch.Tensor:
    """What is kept of results `(N, 3, H, W)` for pictures of so many channels."""
    made = made.float().clamp(0, 1)
    made = made.mean(1, keepdim=True) if channels == 1 else made
    return keep(made.movedim(1, -1))

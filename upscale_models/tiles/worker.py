"""A model at work: tiles that fit the memory, and what is done when one does not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

import torch

from ...hires.sizes.image_sizes import Size
from ...hires.tiles.boxes import Box
from ...hires.tiles.settings import TileSettings
from ..models.errors import UpscalerMemoryError
from ..models.precision import bears, give_up_half_precision
from ..models.reach import Reach, reach_of
from ..models.runtime import Runtime
from ..models.spandrel_model import ModelUpscaler
from .automatic import BYTES_PER_PIXEL, SMALLEST_TILE, settle, smallest_window
from .transfer import Arrival, float32_kept, send, side_stream
from .working_memory import measured

logger = logging.getLogger("hires-fix")


class Work:
    """How much of a job is done, in pixels that go into the upscaler."""

    def __init__(self, total: int, runtime: Runtime) -> None:
        self._total = total
        self._runtime = runtime
        self._done = self._ahead = 0.0

    def add(self, pixels: float) -> None:
        """Report that these are done, too. May raise to cancel."""
        self._done += pixels
        self._ahead = max(0.0, self._ahead - pixels)
        self._runtime.progress(min(self._total, round(self._done + self._ahead)), self._total)

    def report(self, pixels: float) -> None:
        """Tell of these, a part of a tile, on the way through it. May raise to cancel."""
        self._runtime.progress(min(self._total, int(self._done + self._ahead + pixels)), self._total)

    def is_ahead(self, pixels: float) -> None:
        """Know that these, a whole tile, are done, and will be added once they have arrived."""
        self._ahead += pixels

    def skip(self, pixels: float) -> None:
        """Count these as done without a report."""
        self._done += pixels


class UnseenWork(Work):
    """That of an upscaler before another, whose own work is all that is shown. May raise to cancel, too."""

    def __init__(self, seen: Work) -> None:
        self._seen = seen

    def add(self, pixels: float) -> None:
        self._seen.report(0)

    def report(self, pixels: float) -> None:
        self._seen.report(0)

    def is_ahead(self, pixels: float) -> None:
        pass

    def skip(self, pixels: float) -> None:
        pass


class TileWorker(Protocol):
    """An upscaler at work on a job. Keeps what all its runs share: the tile size, which only goes down."""

    tile: int
    work: Work

    def start(
        self, pixels: torch.Tensor, keep: Callable[[torch.Tensor], torch.Tensor], place: Box, share: float
    ) -> Arrival | None:
        """Run the upscaler once on `(N, H, W, C)`, which is not changed.

        `keep` takes what is wanted of the `(N, H * scale, W * scale, C)` that comes out: returned on its way to
        `target`, or None if there is not enough memory. `place`: of this tile in the picture. `share`: the work that
        the caller will count for it.
        """
        ...

    def go_on_in_float32(self, reason: str) -> None:
        """Give up half precision because of what happened in a tile. Raises UpscalerError if it was float32 already."""
        ...

    def step_down(self, failed: Box) -> None:
        """Lower the tile size after this window did not fit the memory. Raises UpscalerMemoryError at the smallest."""
        ...

    def prepare(self) -> None:
        """Bring the model to its device, where that is not done by each start."""
        ...


class Worker:
    """One model at work on a job: a `TileWorker`."""

    def __init__(
        self,
        upscaler: ModelUpscaler,
        runtime: Runtime,
        tiles: TileSettings,
        pixels: int,
        largest: Size,
        count: int,
        work: Work,
        target: torch.device,
    ) -> None:
        """Choose and prepare the model, which comes in float32.

        `pixels`: of a result, after the last run. `largest`: size of the largest pictures that will go in, `count` of
        them. `target`: where results are wanted.
        """
        self._float32 = upscaler
        self._runtime = runtime
        self._largest = largest
        self._side = side_stream(runtime.device)
        self._is_exact = tiles.precision == "float32"
        self._upscaler, settled = settle(upscaler, pixels, tiles, runtime)
        self.target = target
        self.work = work
        self.reach: Reach = reach_of(upscaler)
        self.overlap = settled.overlap
        self.tile = settled.size
        fitting = self.tile**2 // (largest[0] * largest[1])
        self.together = max(1, min(runtime.pictures_at_once(), fitting, count))
        """Pictures that should go in at once."""

        self.prepare()

    @property
    def scale(self) -> int:
        return self._upscaler.scale

    def start(
        self, pixels: torch.Tensor, keep: Callable[[torch.Tensor], torch.Tensor], place: Box, share: float
    ) -> Arrival | None:
        """See `TileWorker`; a model does not ask for the place."""
        upscaler = self._upscaler
        try:
            if upscaler is not self._float32 and not bears(upscaler, self._float32, pixels, self._runtime.device):
                upscaler = self._float32
            planes = send(pixels, self._runtime.device, upscaler.dtype, self.reach.exact)
            with float32_kept(self._runtime.device, self._is_exact):
                made = upscaler.apply(planes)
            return Arrival(keep(made.movedim(1, -1)), self.target, self._side)
        except Exception as error:
            if self._runtime.is_out_of_memory(error):
                return None
            if upscaler is self._float32:
                raise
            reason = str(error)
        # some networks have parts for certain sizes that were never made for half precision
        self.go_on_in_float32(reason)
        return self.start(pixels, keep, place, share)

    def go_on_in_float32(self, reason: str) -> None:
        """See `TileWorker`."""
        if self._upscaler is self._float32:
            raise self._upscaler.not_numbers()
        logger.warning("'%s' goes on in float32, because in half precision: %s", self._upscaler.name, reason)
        give_up_half_precision(self._float32)
        self._upscaler = self._float32
        self.prepare()

    def step_down(self, failed: Box) -> None:
        """See `TileWorker`."""
        side = max(failed.width, failed.height)
        floor = smallest_window(SMALLEST_TILE, self.overlap, self.reach.align)
        smaller = max(floor, side // 2)
        if smaller >= side:
            raise UpscalerMemoryError(
                f"'{self._upscaler.name}' ran out of memory on {self._runtime.device} with a tile of only "
                f"{failed.width}x{failed.height} pixels. Free memory (other models, other programs) or use a smaller "
                "upscale model.",
                "upscaler",
            )
        self.tile = smaller
        logger.warning(
            "'%s' ran out of memory with a tile of %dx%d pixels; going on with %d.",
            self._upscaler.name, failed.width, failed.height, self.tile,
        )  # fmt: skip
        self.prepare()

    def prepare(self) -> None:
        """See `TileWorker`."""
        width, height = (min(side, self.tile) for side in self._largest)
        per_pixel = measured(self._upscaler) or self.scale * BYTES_PER_PIXEL
        if self._upscaler is not self._float32:
            self._runtime.prepare(self._float32, 0)  # for the samples, and for tiles that need it
        self._runtime.prepare(self._upscaler, int(self.together * width * height * per_pixel))


def allocate(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device, runtime: Runtime) -> torch.Tensor:
    """Return memory for a result, or say that there is none."""
    try:
        return torch.empty(shape, dtype=dtype, device=device)
    except Exception as error:
        if not runtime.is_out_of_memory(error):
            raise
        raise UpscalerMemoryError(
            f"no memory for a result of shape {shape} in {dtype} on {device}. "
            "Ask for a smaller size or fewer pictures at once."
        ) from error

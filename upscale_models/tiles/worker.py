"""A model at work: tiles that fit the memory, and what is done when one does not."""

from __future__ import annotations

import logging
from typing import Protocol

import torch

from ...hires.sizes.image_sizes import Size
from ...hires.tiles.boxes import Box
from ...hires.tiles.settings import Precision, TileSettings
from ..models.errors import UpscalerMemoryError
from ..models.precision import fastest_for, give_up, halves_of
from ..models.reach import Reach, reach_of
from ..models.runtime import Runtime
from ..models.spandrel_model import ModelUpscaler
from ..on_cpu.fast_convolutions import is_fast, with_fast_convolutions
from ..on_cpu.strips import with_strips
from .automatic import BYTES_PER_PIXEL, SMALLEST_TILE, number_format, settle, smallest_window
from .helpers import Handed, Hear, Helpers
from .keep import Keep
from .transfer import Arrival, float32_kept, send, side_stream
from .working_memory import known_footprint

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


class NoRoomError(Exception):
    """Found out late: a tile does not fit the memory."""


class Coming(Protocol):
    """What was started, and is on its way."""

    def wait(self) -> torch.Tensor | None:
        """Return the values where they are wanted, or None if there are NaN among them.

        Raises:
            NoRoomError: there was not enough memory.
        """
        ...


class TileWorker(Protocol):
    """An upscaler at work on a job. Keeps what all its runs share: the tile size, which only goes down."""

    work: Work

    @property
    def tile(self) -> int: ...

    @property
    def ahead(self) -> int:
        """How many tiles may be on their way while another is started; 0 where none is computed meanwhile."""
        ...

    def start(self, pixels: torch.Tensor, keep: Keep, place: Box, share: float) -> Coming | None:
        """Run the upscaler once on `(N, H, W, C)`, which is not changed.

        Returns what is wanted of the result, on its way to `target`, or None if there is not enough memory. `place`: of
        this tile in the picture. `share`: the work that the caller will count for it.
        """
        ...

    def go_on_in_float32(self, reason: str) -> None:
        """Give up half precision, in the way that it was used, because of what happened in a tile.

        Raises UpscalerError if it was float32 already.
        """
        ...

    def step_down(self, failed: Box) -> None:
        """Lower the tile size after this window did not fit the memory. Raises UpscalerMemoryError at the smallest."""
        ...

    def prepare(self) -> None:
        """Bring the model to its device, where that is not done by each start."""
        ...


class Worker:
    """One model at work on a job: an `OwnWorker`."""

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
        self.upscaler = upscaler
        """In float32."""

        self._plain = with_strips(upscaler, runtime.device)
        self.precision: Precision = tiles.precision
        fast = tiles.precision != "float32"
        self._full = with_fast_convolutions(self._plain, runtime.device) if fast else self._plain
        self._tries_halves = tiles.precision == "auto"
        self._halves: list[ModelUpscaler] = []
        """Copies in half precision that tiles of this job went through."""

        self._runtime = runtime
        self._largest = largest
        self._side = side_stream(runtime.device)
        self.ahead = 0 if runtime.device.type == "cpu" else 1
        settled = settle(upscaler, pixels, tiles, runtime)
        self._format = number_format(upscaler, tiles.precision, runtime)
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
        return self._plain.scale

    def start(self, pixels: torch.Tensor, keep: Keep, place: Box, share: float) -> Arrival | None:
        """See `TileWorker`; a model does not ask for the place."""
        upscaler = self._full
        try:
            if self._tries_halves:
                upscaler = fastest_for(pixels, self._plain, self._full, self._runtime)
            if upscaler is not self._full and upscaler not in self._halves:
                self._halves.append(upscaler)
            planes = send(pixels, self._runtime.device, upscaler.dtype, self.reach.exact and not is_fast(upscaler))
            with float32_kept(self._runtime.device, self.precision == "float32"):
                made = upscaler.apply(planes)
            return Arrival(keep(made.movedim(1, -1)), self.target, self._side)
        except Exception as error:
            if self._runtime.is_out_of_memory(error):
                return None
            if upscaler is self._plain:
                raise
            reason = str(error)
        if upscaler is self._full:
            logger.warning("'%s' goes on without fast convolutions, because of them: %s", upscaler.name, reason)
            self._full = self._plain
            return self.start(pixels, keep, place, share)
        # some networks have parts for certain sizes that were never made for half precision
        self.go_on_in_float32(reason)
        return self.start(pixels, keep, place, share)

    def hand(
        self, helpers: Helpers, pixels: torch.Tensor, keep: Keep, place: Box, hear: Hear | None, depth: int
    ) -> Handed:
        """See `OwnWorker`; a model does not ask for the place."""
        return helpers.hand(self.upscaler, self.precision, pixels, keep, hear, depth)

    def go_on_in_float32(self, reason: str) -> None:
        """See `TileWorker`."""
        if not self._halves and self._full is not self._plain:
            logger.warning("'%s' goes on without fast convolutions, because with them: %s", self._plain.name, reason)
            self._full = self._plain
        elif not self._halves:
            raise self._plain.not_numbers()
        for half in self._halves:
            logger.warning("'%s' goes on without %s, because in half precision: %s", half.name, half.dtype, reason)
            give_up(self._plain, half)
        self._halves.clear()
        self.prepare()

    def step_down(self, failed: Box) -> None:
        """See `TileWorker`."""
        side = max(failed.width, failed.height)
        floor = smallest_window(SMALLEST_TILE, self.overlap, self.reach.align)
        smaller = max(floor, side // 2)
        if smaller >= side:
            raise UpscalerMemoryError(
                f"'{self._plain.name}' ran out of memory on {self._runtime.device} with a tile of only "
                f"{failed.width}x{failed.height} pixels. Free memory (other models, other programs) or use a smaller "
                "upscale model.",
                "upscaler",
            )
        self.tile = smaller
        logger.warning(
            "'%s' ran out of memory with a tile of %dx%d pixels; going on with %d.",
            self._plain.name, failed.width, failed.height, self.tile,
        )  # fmt: skip
        self.prepare()

    def prepare(self) -> None:
        """See `TileWorker`."""
        width, height = (min(side, self.tile) for side in self._largest)
        found = known_footprint(self.upscaler, self._format)
        needed = int(self.together * width * height * (found.peak if found else self.scale * BYTES_PER_PIXEL))
        for half in halves_of(self._plain) if self._tries_halves else ():
            self._runtime.prepare(half, needed)
        self._runtime.prepare(self._full, needed)


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

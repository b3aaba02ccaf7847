"""Bringing pictures to an exact size with any upscaler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch

from ...hires.images.checks import check_channels, check_image, check_size
from ...hires.sizes.image_sizes import Size
from ...hires.tiles.boxes import Box
from ...hires.tiles.resize_parts import LanczosParts
from ...hires.tiles.settings import TileSettings
from ..models.classical import LANCZOS, ClassicalUpscaler
from ..models.placed import PlacedUpscaler
from ..models.runtime import CpuRuntime, Runtime
from ..models.spandrel_model import ModelUpscaler
from ..models.upscaler import Upscaler
from .automatic import settle
from .helpers import Helpers
from .model_run import CroppedRun, FeatheredRun
from .placed_worker import PlacedWorker, plan_placed_runs, settle_placed
from .resize_run import PART, ResizeRun
from .run_plan import RunPlan, plan_runs
from .shared_worker import KeptWindows, OwnWorker, SharedWorker
from .sources import Block, Channels, Pictures, PictureSource, Single, Stack, Stage, Strip, shared
from .worker import TileWorker, UnseenWork, Work, Worker, allocate

_CPU = torch.device("cpu")

_TILE_BEFORE = 512
"""Pixels a side of the tiles of an upscaler that enlarges before another."""


def upscale_to(
    image: torch.Tensor,
    upscaler: Upscaler,
    width: int,
    height: int,
    tiles: TileSettings | None = None,
    runtime: Runtime | None = None,
    window: Box | None = None,
    helpers: Helpers | None = None,
) -> torch.Tensor:
    """Bring every picture of a batch to exactly this size in pixels.

    A model runs as often as `model_runs` says; where that does not end on the size, one Lanczos resize does. Without
    a run it is that resize alone. Alpha is straight: models never see it, it is resized by Lanczos on its own.

    Args:
        image: `(B, H, W, C)` in [0, 1]; C is 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. Not changed.
        upscaler: of any kind; a `PlacedUpscaler` runs once, on pictures of its own input size.
        tiles: how to cut pictures for a model.
        runtime: the host's devices, memory and progress. Default: plain CPU.
        window: the part of the result that is wanted; the rest takes no memory, and no more work than it must.
        helpers: others who run upscalers; filters, and what a `PlacedUpscaler` has before it, are not their business.

    Returns:
        `(B, height, width, C)`, or that of the window, in [0, 1], dtype of `image`, on the runtime's output device.
        Computed in float32 (in the model's own precision inside a model).

    Raises:
        InputError: a picture or size that cannot be used; a batch without pictures is one.
        UpscalerError: the model failed or there is not enough memory.
        BaseException: whatever `runtime.progress` raises to cancel.
    """
    check_image(image)
    check_size(width, height)
    runtime = runtime or CpuRuntime()
    batch, source_height, source_width, channels = image.shape
    wanted = window or Box(0, 0, width, height)
    result = allocate((batch, wanted.height, wanted.width, channels), image.dtype, runtime.output_device, runtime)
    size = source_width, source_height
    job = _Job(
        upscaler, size, (width, height), batch, tiles, runtime, runtime.output_device, wanted, helpers=helpers
    )  # fmt: skip
    for first in range(0, batch, job.together):
        some = slice(first, first + job.together)
        for box, pixels in job.blocks(Pictures(image[some]), wanted.y0):
            if box.y0 >= wanted.y1:
                break
            part = box.shared(wanted)
            if part.width > 0 and part.height > 0:
                x0, y0, x1, y1 = part.within(box)
                to = part.within(wanted)
                result[some, to.y0 : to.y1, to.x0 : to.x1] = pixels[:, y0:y1, x0:x1]
    return result


def upscale_blocks(
    source: PictureSource,
    upscaler: Upscaler,
    width: int,
    height: int,
    tiles: TileSettings | None = None,
    runtime: Runtime | None = None,
    rows_done: int = 0,
    helpers: Helpers | None = None,
    kept: Callable[[int], KeptWindows] | None = None,
    depth: int = 0,
) -> Iterator[Block]:
    """Do what `upscale_to` does for one picture that need not fit the memory, with the same numbers.

    Memory does not grow with the height of the picture or the result, and hardly with their width. With the tiles of
    `settle_tiles` runs are repeatable.

    Args:
        rows_done: leave out these rows of the result. Blocks are the same as without if none crosses this row.
        helpers: see `upscale_to`.
        kept: what outlives this process of each run by helpers, by its number; for this very job alone. Whoever asks
            for the next row of blocks has those before it where a later process finds them.
        depth: bits, 8 or 16, where nothing is done to blocks but to round them to so many; what comes from helpers
            then may be rounded before it travels. 0 otherwise.

    Yields:
        Blocks on the CPU, in rows from top to bottom, each from left to right, a partition of the result; every row
        of blocks has one height. Not to be changed in place.

    Raises:
        InputError, UpscalerError, BaseException: see `upscale_to`.
    """
    check_size(width, height)
    check_size(source.width, source.height)
    check_channels(source.channels)
    runtime = runtime or CpuRuntime()
    size = source.width, source.height
    job = _Job(upscaler, size, (width, height), 1, tiles, runtime, _CPU, helpers=helpers, kept=kept, depth=depth)
    if rows_done >= height:
        return
    for box, pixels in job.blocks(Single(source), rows_done):
        cut = max(0, rows_done - box.y0)
        yield Block(box._replace(y0=box.y0 + cut), pixels[0, cut:].float())
        if box.x1 == width and box.y1 < height:
            job.forget_above(box.y1)


def settle_tiles(
    upscaler: Upscaler, width: int, height: int, tiles: TileSettings | None = None, runtime: Runtime | None = None
) -> TileSettings:
    """Replace what is automatic in the settings by the numbers that `upscale_blocks` would choose now.

    Results of classical upscalers do not depend on tiles.
    """
    tiles = tiles or TileSettings()
    if isinstance(upscaler, PlacedUpscaler):
        return settle_placed(upscaler, tiles)
    if not isinstance(upscaler, ModelUpscaler):
        return replace(tiles, size=tiles.size or PART, overlap=max(0, tiles.overlap))
    return settle(upscaler, width * height, tiles, runtime or CpuRuntime())


class _Job:
    """Pictures of one size that go to another, and all that they share."""

    def __init__(
        self,
        upscaler: Upscaler,
        size: Size,
        target: Size,
        count: int,
        tiles: TileSettings | None,
        runtime: Runtime,
        device: torch.device,
        window: Box | None = None,
        work: Work | None = None,
        helpers: Helpers | None = None,
        kept: Callable[[int], KeptWindows] | None = None,
        depth: int = 0,
    ) -> None:
        """See `upscale_to`; `count` is how many pictures will come, `device` where results are wanted.

        `work`: what hears of progress, in place of the runtime.
        """
        self._size, self.target, self._device = size, target, device
        self._columns = (window.x0, window.x1) if window else (0, target[0])
        self._runs: list[RunPlan] = []
        self._filter = upscaler if isinstance(upscaler, ClassicalUpscaler) else LANCZOS
        self.together = 1
        """Pictures that are worked on at once."""

        tiles, pixels = tiles or TileSettings(), target[0] * target[1]
        if isinstance(upscaler, ModelUpscaler):
            self._runs = plan_runs(upscaler, size, target, tiles)
        elif isinstance(upscaler, PlacedUpscaler):
            self._runs = plan_placed_runs(upscaler, size, target, tiles)
        areas = sum(run.size[0] * run.size[1] for run in self._runs) or pixels
        self._work = work or Work(count * areas, runtime)
        self._worker: TileWorker | None = None
        self._before: _Job | None = None
        self._is_exact = False
        self._kept_of, self._kept, self._depth = kept, dict[Stage, KeptWindows](), depth
        self._stages: list[Stage] = []
        if self._runs and isinstance(upscaler, ModelUpscaler):
            own = Worker(upscaler, runtime, tiles, pixels, self._runs[-1].size, count, self._work, device)
            self._work_by(own, helpers, count)
            self._is_exact = own.reach.exact
        elif self._runs and isinstance(upscaler, PlacedUpscaler):
            goes_in = self._runs[-1].size
            self._work_by(PlacedWorker(upscaler, goes_in, runtime, tiles, self._work, device), helpers, count)
            if upscaler.before is not None and goes_in != size:
                # of fixed tiles, so that a job that goes on later gets the same pixels
                fixed = TileSettings(_TILE_BEFORE, precision=tiles.precision)
                unseen = UnseenWork(self._work)
                self._before = _Job(upscaler.before, size, goes_in, count, fixed, runtime, _CPU, work=unseen)

    def _work_by(self, own: OwnWorker, helpers: Helpers | None, count: int) -> None:
        """Take this worker, alone or with helpers."""
        worker = SharedWorker(own, helpers, count) if helpers else own
        self._worker, self.together = worker, worker.together

    @torch.no_grad()
    def blocks(self, source: Stack, start: int = 0) -> Iterator[Block]:
        """Make the pictures of a stack, from the row of blocks that holds row `start` on."""
        channels = source.channels
        if not self._runs or channels in (1, 3):
            yield from self.chain(source, start)[0].blocks(start)
            return
        parts = LanczosParts(self._size, self.target)
        colours, alpha, strip = source, source, None
        if not isinstance(source, Pictures):
            strip = shared(source)
            colours, alpha = strip.reader(), strip.reader()
        last, first_row = self.chain(Channels(colours, 0, channels - 1), start)
        if strip:
            # no block begins above this row
            top = first_row * self.target[1] // self._size[1]
            strip.start = min(first_row, parts.needs(Box(0, top, 1, top + 1)).y0)
        alpha = Channels(alpha, channels - 1, channels)
        for box, pixels in last.blocks(start):
            values = torch.stack([parts(one, box) for one in alpha.read(parts.needs(box))])
            yield Block(box, torch.cat([pixels.float(), values.to(pixels.device)], dim=-1))

    def chain(self, source: Stack, start: int) -> tuple[Stage, int]:
        """Set up the stages, each of which reads from the one before.

        Returns the last stage, and the uppermost row of `source` that is read for rows from `start` on.
        """
        stages: list[Stage] = []
        between: list[Strip] = []
        for index, run in enumerate(self._runs):
            before = stages[-1] if stages else source
            if (before.width, before.height) != run.size:
                brought = _after(stages, between, source)
                resized = (
                    _Inner(self._before, brought) if self._before else self._resize(brought, run.size, (0, run.size[0]))
                )
                stages.append(resized)
            stages.append(self._run(_after(stages, between, source), run, index))
        if not stages or (stages[-1].width, stages[-1].height) != self.target:
            stages.append(self._resize(_after(stages, between, source), self.target, self._columns))
        row = start
        for stage, strip in zip(reversed(stages), [*reversed(between), None], strict=True):
            row = stage.first_row(row)
            if strip:
                strip.start = row
        self._stages = stages
        return stages[-1], row

    def forget_above(self, row: int) -> None:
        """Let go of the windows that are kept for rows of the result above this one alone."""
        for stage in reversed(self._stages) if self._kept else ():
            row = stage.first_row(row)
            if stage in self._kept:
                self._kept[stage].forget_above(row)

    def prepare(self) -> None:
        """Bring the model to its device again."""
        if self._worker is not None:
            self._worker.prepare()

    def _run(self, source: Stack, plan: RunPlan, index: int) -> Stage:
        worker = self._worker
        assert worker is not None
        kept = None
        if isinstance(worker, SharedWorker):
            kept = self._kept_of(index) if self._kept_of else None
            # its result is that of the job, of windows that do not fade into each other
            is_last = self._is_exact and index == len(self._runs) - 1 and plan.result == self.target
            worker = worker.of_run(kept, self._depth if is_last else 0) if kept or self._depth else worker
        if not self._is_exact:
            run = FeatheredRun(worker, source, plan, source.count)
        else:
            columns = self._columns if plan.result == self.target else None
            run = CroppedRun(worker, source, plan, source.count, columns=columns)
        if kept is not None:
            self._kept[run] = kept
        return run

    def _resize(self, source: Stack, size: Size, columns: tuple[int, int]) -> Stage:
        parts = self._filter.parts((source.width, source.height), size)
        # where a model runs, only its work is counted
        share = 0 if self._runs else source.count
        return ResizeRun(source, parts, size, self._work, share, self._device, columns)


class _Inner:
    """A job of its own, up to the size that goes into a run: a `Stage`."""

    def __init__(self, job: _Job, source: Stack) -> None:
        self._job, self._source = job, source
        self.width, self.height = job.target

    def blocks(self, start: int = 0) -> Iterator[Block]:
        blocks = self._job.chain(self._source, start)[0].blocks(start)
        while True:
            self._job.prepare()  # between two blocks other models may have taken its place on the device
            block = next(blocks, None)
            if block is None:
                return
            yield block

    def first_row(self, start: int) -> int:
        return self._job.chain(self._source, start)[1]


def _after(stages: list[Stage], between: list[Strip], source: Stack) -> Stack:
    """Return what the next stage reads."""
    if not stages:
        return source
    last = stages[-1]
    between.append(Strip(last.blocks, last.width, last.height, source.channels, source.count))
    return between[-1].reader()

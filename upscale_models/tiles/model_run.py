"""One run of a model over a picture that is read piece by piece."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator

import torch

from ...hires.tiles.boxes import Box, Tile, plan_rows
from ...hires.tiles.resize_parts import LanczosParts
from .keep import Fade, Keep
from .run_plan import RunPlan
from .sources import Block, Pictures, Stack
from .worker import Coming, NoRoomError, TileWorker


class ModelRun(ABC):
    """Takes a stack through the model, tile by tile: a `Stage`."""

    def __init__(
        self, worker: TileWorker, source: Stack, plan: RunPlan, share: float, corner: tuple[int, int] = (0, 0)
    ) -> None:
        """`share`: how much work an input pixel counts for. `corner`: where the source lies in the whole picture."""
        self._worker = worker
        self._corner = corner
        self._source = source
        self._plan = plan
        self._share = share
        self.width, self.height = plan.result

    @abstractmethod
    def blocks(self, start: int = 0) -> Iterator[Block]:
        """See `Stage`."""

    @abstractmethod
    def _covered(self, tile: Tile) -> Box:
        """Return the pixels of the result that this tile contributes to; may be empty."""

    def _is_wanted(self, covered: Box) -> bool:
        """Whether these columns are asked for."""
        return True

    @abstractmethod
    def _keep(self, tile: Tile) -> Keep:
        """What is taken for `_covered`."""

    def first_row(self, start: int) -> int:
        return next(self._tiles(start, counted=False)).window.y0

    def _tiles(self, start: int, counted: bool = True) -> Iterator[Tile]:
        """Plan row by row, because the tile size can change on the way."""
        worker, plan = self._worker, self._plan
        region = Box(0, 0, *plan.size)
        while region.height:
            size = worker.tile
            for row in plan_rows(*plan.size, plan.window(size), plan.shared, plan.align, region):
                region = region._replace(y0=row[0].owned.y1)
                for tile in row:
                    covered = self._covered(tile)
                    if covered.y1 > start and covered.area and self._is_wanted(covered):
                        yield tile
                    elif counted:
                        worker.work.skip(self._share * tile.owned.area)
                if worker.tile != size:
                    break

    def _results(self, start: int) -> Iterator[tuple[Tile, torch.Tensor]]:
        """Run the model on every tile; what is kept arrives some tiles later than it is started, in the same order."""
        waiting: deque[tuple[Tile, torch.Tensor, Coming | None]] = deque()
        for tile in self._tiles(start):
            pixels = self._source.read(tile.window)
            arrival = self._start(tile, pixels)
            while arrival is None and waiting:
                # what is still on the device may be what is missing
                yield self._finish(*waiting.popleft())
                arrival = self._start(tile, pixels)
            waiting.append((tile, pixels, arrival))
            while len(waiting) > (self._worker.ahead if arrival else 0):
                yield self._finish(*waiting.popleft())
        while waiting:
            yield self._finish(*waiting.popleft())

    def _start(self, tile: Tile, pixels: torch.Tensor) -> Coming | None:
        if self._outgrown(tile):
            return None
        share = self._share * tile.owned.area * len(pixels) / self._source.count
        return self._worker.start(pixels, self._keep(tile), self._place(tile), share)

    def _place(self, tile: Tile) -> Box:
        """Where a tile lies in the whole picture."""
        (x, y), (x0, y0, x1, y1) = self._corner, tile.window
        return Box(x + x0, y + y0, x + x1, y + y1)

    def _outgrown(self, tile: Tile) -> bool:
        """Whether the tile was planned before the tile size went down."""
        return max(tile.window.width, tile.window.height) > self._plan.window(self._worker.tile)

    def _finish(self, tile: Tile, pixels: torch.Tensor, arrival: Coming | None) -> tuple[Tile, torch.Tensor]:
        return tile, self._wait(tile, pixels, arrival, self._share * tile.owned.area)

    def _wait(self, tile: Tile, pixels: torch.Tensor, arrival: Coming | None, work: float) -> torch.Tensor:
        """Return what is kept of a tile that was started, or not for lack of memory; `work` is what it counts for."""
        if arrival is None:
            return self._in_pieces(tile, pixels, work)
        try:
            result = arrival.wait()
        except NoRoomError:
            return self._in_pieces(tile, pixels, work)
        if result is None:
            self._worker.go_on_in_float32("it made values that are not numbers")
            return self._wait(tile, pixels, self._start(tile, pixels), work)
        self._worker.work.add(work)
        return result

    def _in_pieces(self, tile: Tile, pixels: torch.Tensor, work: float) -> torch.Tensor:
        """Do a tile that does not fit the memory picture by picture, or in smaller tiles."""
        worker, count = self._worker, len(pixels)
        if count > 1:
            pictures = pixels.split(1)
            return torch.cat([self._wait(tile, one, self._start(tile, one), work / count) for one in pictures])
        if not self._outgrown(tile):
            worker.step_down(tile.window)
        plan = self._plan.inside((tile.window.width, tile.window.height))
        run = type(self)(worker, Pictures(pixels), plan, work / tile.window.area, self._place(tile)[:2])
        canvas: torch.Tensor | None = None
        for (x0, y0, x1, y1), part in run.blocks():
            if canvas is None:
                canvas = part.new_empty(1, run.height, run.width, part.shape[3])
            canvas[:, y0:y1, x0:x1] = part
        assert canvas is not None
        return self._keep(tile)(canvas)


class CroppedRun(ModelRun):
    """For tiles whose inner part is right: it is cut out, and resized if that is asked."""

    def __init__(
        self,
        worker: TileWorker,
        source: Stack,
        plan: RunPlan,
        share: float,
        corner: tuple[int, int] = (0, 0),
        columns: tuple[int, int] | None = None,
    ) -> None:
        """Blocks beside `columns` (the first that is wanted, and the one after the last) are left out."""
        super().__init__(worker, source, plan, share, corner)
        self._columns = columns
        self._resize = LanczosParts(plan.enlarged, plan.resized_to) if plan.resized_to else None

    def _is_wanted(self, covered: Box) -> bool:
        return self._columns is None or (covered.x1 > self._columns[0] and covered.x0 < self._columns[1])

    def blocks(self, start: int = 0) -> Iterator[Block]:
        for tile, pixels in self._results(start):
            yield Block(self._covered(tile), pixels)

    def _covered(self, tile: Tile) -> Box:
        owned, (width, height) = tile.owned, self._plan.size
        if not self._resize:
            return owned.times(self._plan.scale)
        # every boundary goes to the target pixel nearest to it, so that this is a partition, too
        x0, x1 = ((2 * x * self.width + width) // (2 * width) for x in (owned.x0, owned.x1))
        y0, y1 = ((2 * y * self.height + height) // (2 * height) for y in (owned.y0, owned.y1))
        return Box(x0, y0, x1, y1)

    def _keep(self, tile: Tile) -> Keep:
        covered = self._covered(tile)
        needed = self._resize.needs(covered) if self._resize else covered
        return Keep(needed.within(tile.window.times(self._plan.scale)), covered, self._resize)


class FeatheredRun(ModelRun):
    """For tiles that differ a little where they overlap: the middle half of the overlap is a ramp between them.

    The weight of a tile along an axis is S(x - start) - S(x - end) with the same S for the tiles on both sides of a
    boundary, so all weights of a pixel add up to 1 and no sum of weights is kept.
    """

    def __init__(
        self, worker: TileWorker, source: Stack, plan: RunPlan, share: float, corner: tuple[int, int] = (0, 0)
    ) -> None:
        super().__init__(worker, source, plan, share, corner)
        self._ramp = plan.overlap // 2 * plan.scale
        """From a boundary to the end of its ramp, in pixels of the result."""

    def blocks(self, start: int = 0) -> Iterator[Block]:
        """See `Stage`: a block ends where the next tile's ramps begin."""
        ramp = 2 * self._ramp
        left = above = below = None
        for tile, result in self._results(start):
            done, pixels = self._done(tile), result
            if left is not None:
                pixels[:, :, :ramp] += left
            left = pixels[:, :, done.width :] if done.x1 < self.width else None
            pixels = pixels[:, :, : done.width]
            if done.x0 == 0:
                above, below = below, None
            if above is not None:
                pixels[:, :ramp] += above[:, :, done.x0 : done.x1]
            if done.y1 < self.height:
                if below is None:
                    below = pixels.new_empty(pixels.shape[0], ramp, self.width, pixels.shape[3])
                below[:, :, done.x0 : done.x1] = pixels[:, done.height :]
            if done.y1 > start:
                yield Block(done, pixels[:, : done.height])

    def _covered(self, tile: Tile) -> Box:
        x0, y0, x1, y1 = self._done(tile)
        return Box(
            x0, y0, x1 + 2 * self._ramp if x1 < self.width else x1, y1 + 2 * self._ramp if y1 < self.height else y1
        )

    def _done(self, tile: Tile) -> Box:
        """Return what is finished with this tile, in pixels of the result."""
        x0, y0, x1, y1 = tile.owned.times(self._plan.scale)
        return Box(
            max(0, x0 - self._ramp),
            max(0, y0 - self._ramp),
            x1 if x1 == self.width else x1 - self._ramp,
            y1 if y1 == self.height else y1 - self._ramp,
        )

    def _keep(self, tile: Tile) -> Keep:
        covered = self._covered(tile)
        across = Fade(self._ramp, covered.x0 > 0, covered.x1 < self.width)
        down = Fade(self._ramp, covered.y0 > 0, covered.y1 < self.height)
        return Keep(covered.within(tile.window.times(self._plan.scale)), covered, fades=(across, down))

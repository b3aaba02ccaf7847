"""Running a model over pictures in tiles that fit the memory."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from ..hires.errors import InputError
from ..hires.tiles import Box, Tile, plan_tiles
from .errors import UpscalerMemoryError
from .runtime import Runtime
from .spandrel_model import ModelUpscaler

logger = logging.getLogger("hires-fix")

Size = tuple[int, int]
"""Width and height in pixels."""

AUTOMATIC_TILES = (512, 256, 128, 64)
"""Tile sizes that the automatic choice tries against the free memory."""

SMALLEST_TILE = 64
"""Where stepping down after an out-of-memory ends."""

BYTES_PER_PIXEL = 4608
"""Working memory of a run, per input pixel and unit of scale: ComfyUI's estimate, about twice what ESRGAN takes."""


@dataclass(frozen=True)
class TileSettings:
    """How pictures are cut for a model."""

    size: int = 0
    """Longest side of a tile in input pixels; 0 chooses it by the free memory."""

    overlap: int = 32
    """Input pixels around a tile that the model sees but whose result is dropped; at most a quarter of the tile is
    used. Results equal untiled ones from the model's field of view on (Compact with n layers: n + 2)."""

    def __post_init__(self) -> None:
        for name, value in (("tile_size", self.size), ("tile_overlap", self.overlap)):
            if value < 0:
                raise InputError(f"{name} is {value}; it counts pixels and cannot be negative.", name)


class TiledRun:
    """The runs of one model over all pictures of a job.

    Keeps what they share: the tile size, which only goes down, and the count of finished tiles.
    """

    def __init__(
        self, upscaler: ModelUpscaler, runtime: Runtime, settings: TileSettings, sizes: Iterable[Size]
    ) -> None:
        """Prepare the model. `sizes` are the pictures to come, in any order, so that the progress total is right."""
        self._upscaler = upscaler
        self._runtime = runtime
        self._overlap = settings.overlap
        self._to_come = Counter(sizes)
        self._tile = settings.size or self._automatic_tile()
        self._done = 0
        self._prepare()

    def __call__(self, picture: torch.Tensor, out: torch.Tensor) -> None:
        """Enlarge one of the announced pictures.

        A tile that does not fit the memory is tried again in smaller pieces, down to `SMALLEST_TILE`; finished tiles
        are kept.

        Args:
            picture: `(H, W, 1 or 3)`, values are clamped to [0, 1]; not changed.
            out: `(H * scale, W * scale, C)`, any float dtype and device: written, in [0, 1].

        Raises:
            UpscalerMemoryError: out of memory with the smallest tile.
            BaseException: whatever `runtime.progress` raises to cancel; `out` is then incomplete.
        """
        size = (picture.shape[1], picture.shape[0])
        self._to_come[size] -= 1
        queue = deque(self._plan(size))
        later = self._count_later()
        while queue:
            if self._fits(queue[0], picture, out):
                queue.popleft()
                self._done += 1
                self._runtime.progress(self._done, self._done + len(queue) + later)
            else:
                # outside the except block, where the failed run's tensors are still alive
                self._step_down(queue[0].window)
                queue = deque(piece for tile in queue for piece in self._plan(size, tile.owned))
                later = self._count_later()

    def _fits(self, tile: Tile, picture: torch.Tensor, out: torch.Tensor) -> bool:
        try:
            self._run_tile(tile, picture, out)
        except Exception as error:
            if not self._runtime.is_out_of_memory(error):
                raise
            return False
        return True

    def _run_tile(self, tile: Tile, picture: torch.Tensor, out: torch.Tensor) -> None:
        seen, kept, scale = tile.window, tile.owned, self._upscaler.scale
        pixels = picture[seen.y0 : seen.y1, seen.x0 : seen.x1].movedim(-1, 0)[None]
        # copied, because models may overwrite what they are given
        pixels = pixels.to(self._runtime.device, self._upscaler.dtype, copy=True).clamp_(0, 1)
        result = self._upscaler(pixels)[0].movedim(0, -1)
        x, y = (kept.x0 - seen.x0) * scale, (kept.y0 - seen.y0) * scale
        out[kept.y0 * scale : kept.y1 * scale, kept.x0 * scale : kept.x1 * scale] = result[
            y : y + kept.height * scale, x : x + kept.width * scale
        ]

    def _plan(self, size: Size, region: Box | None = None) -> list[Tile]:
        # an overlap above a quarter of the tile would cost more than it gives: ComfyUI limits it alike
        align = self._upscaler.align
        overlap = -(-min(self._overlap, self._tile // 4) // align) * align
        return plan_tiles(*size, max(self._tile, 2 * overlap + align), overlap, align, region)

    def _count_later(self) -> int:
        return sum(count * len(self._plan(size)) for size, count in self._to_come.items())

    def _step_down(self, failed: Box) -> None:
        side = max(failed.width, failed.height)
        smaller = max(SMALLEST_TILE, side // 2)
        # models that work on large blocks cannot go as low as SMALLEST_TILE: then the tile stops shrinking first
        if side <= SMALLEST_TILE or smaller >= self._tile:
            raise UpscalerMemoryError(
                f"'{self._upscaler.name}' ran out of memory on {self._runtime.device} with a tile of only "
                f"{failed.width}x{failed.height} pixels. Free memory (other models, other programs) or use a smaller "
                "upscale model.",
                "upscaler",
            )
        self._tile = smaller
        logger.warning(
            "'%s' ran out of memory with tiles of %dx%d pixels; going on with %d.",
            self._upscaler.name, failed.width, failed.height, self._tile,
        )  # fmt: skip
        self._prepare()

    def _prepare(self) -> None:
        self._runtime.prepare(self._upscaler, self._memory(self._tile))

    def _memory(self, tile: int) -> int:
        area = max((min(width, tile) * min(height, tile) for width, height in self._to_come), default=0)
        return area * self._upscaler.scale * BYTES_PER_PIXEL

    def _automatic_tile(self) -> int:
        free = self._runtime.free_memory()
        fitting = (tile for tile in AUTOMATIC_TILES if free is None or self._memory(tile) <= free)
        return next(fitting, SMALLEST_TILE)

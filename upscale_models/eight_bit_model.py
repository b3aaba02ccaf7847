"""Running a model as A1111 does: on 8-bit pictures, blue before red, in tiles of a fixed size."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from PIL import Image

from ..hires.errors import InputError
from ..hires.images.resample import from_8_bit
from ..hires.sizes.image_sizes import Size
from ..hires.tiles.boxes import even_starts, sliding_starts
from ..hires.tiles.eight_bit import join_8_bit
from ..hires.tiles.settings import TileSettings
from .models.errors import UpscalerMemoryError
from .models.runtime import Runtime
from .models.spandrel_model import ModelUpscaler
from .tiles.automatic import BYTES_PER_PIXEL

TILE, OVERLAP = 192, 8
"""A1111's defaults for every kind of model but ScuNET."""

SCUNET_TILE = 256

UNTILED = 4096
"""From this tile size on the picture goes through in one piece. (A1111 says 0, which means "default" here.)"""

_AVERAGED = ("SwinIR", "SCUNet")
"""Spandrel's ids of the architectures whose tiles A1111 averages; those of all others it joins with ramps."""


class EightBitModel:
    """A model at work with A1111's numbers.

    Every model sees its channels in the order blue, green, red, whatever it was trained on. Alpha is dropped.
    Memory does not change the tiles, because the tiles show in the result.
    """

    def __init__(self, upscaler: ModelUpscaler, runtime: Runtime, settings: TileSettings) -> None:
        """Choose the tiles.

        A size of 0 stands for A1111's defaults, overlap included; from `UNTILED` on for no tiles. An automatic overlap
        is A1111's, too.

        Raises:
            InputError: an overlap that is as large as the tile.
        """
        self._upscaler = upscaler
        self._runtime = runtime
        architecture = upscaler.descriptor.architecture.id
        self._averaged = architecture in _AVERAGED
        if settings.size == 0:
            self._tile, self._overlap = (SCUNET_TILE if architecture == "SCUNet" else TILE), OVERLAP
        else:
            self._tile = settings.size
            self._overlap = OVERLAP if settings.overlap < 0 else settings.overlap
        if self._overlap >= self._tile:
            raise InputError(
                f"tile_overlap is {self._overlap}, tile_size {self._tile}: nothing of a tile is left. "
                "Set the overlap lower than the tile size.",
                "tile_overlap",
            )

    def prepare(self, size: Size) -> None:
        """Bring the model to its device, with room for one tile of a picture of this size."""
        width, height = (self._tile, self._tile) if self._tiled else size
        self._runtime.prepare(self._upscaler, width * height * self._upscaler.scale * BYTES_PER_PIXEL)

    def count_tiles(self, size: Size) -> int:
        columns, rows = self._starts(size)
        return len(columns) * len(rows)

    def __call__(self, picture: Image.Image, on_tile: Callable[[], None]) -> Image.Image:
        """Enlarge a picture of any mode, converted to RGB, by the model's factor.

        `on_tile` is called after every tile; it may raise to cancel.

        Raises:
            UpscalerError: the model failed.
            UpscalerMemoryError: a tile does not fit the memory.
        """
        picture = picture.convert("RGB")
        columns, rows = self._starts(picture.size)
        if not self._tiled:
            result = _to_picture(self._run(picture))
            on_tile()
            return result
        return (self._average if self._averaged else self._join)(picture, columns, rows, on_tile)

    @property
    def _tiled(self) -> bool:
        return self._tile < UNTILED

    def _starts(self, size: Size) -> tuple[list[int], list[int]]:
        if not self._tiled:
            return [0], [0]
        if self._averaged:
            tile = min(self._tile, *size)
            columns, rows = (sliding_starts(side, tile, min(self._overlap, tile - 1)) for side in size)
        else:
            columns, rows = (even_starts(side, self._tile, self._overlap) for side in size)
        return columns, rows

    def _join(
        self, picture: Image.Image, columns: list[int], rows: list[int], on_tile: Callable[[], None]
    ) -> Image.Image:
        scale, tile = self._upscaler.scale, self._tile

        def parts() -> Iterator[Image.Image]:
            for y in rows:
                for x in columns:
                    # what lies outside of a picture smaller than the tile is black, and the model sees it
                    part = _to_picture(self._run(picture.crop((x, y, x + tile, y + tile))))
                    on_tile()
                    yield part

        return join_8_bit(
            parts(),
            [x * scale for x in columns],
            [y * scale for y in rows],
            (tile * scale, tile * scale),
            (picture.width * scale, picture.height * scale),
            self._overlap * scale,
        )

    def _average(
        self, picture: Image.Image, columns: list[int], rows: list[int], on_tile: Callable[[], None]
    ) -> Image.Image:
        scale, tile = self._upscaler.scale, min(self._tile, *picture.size)
        total = torch.zeros(3, picture.height * scale, picture.width * scale)
        count = torch.zeros_like(total[:1])
        for y in rows:
            for x in columns:
                window = (slice(None), slice(y * scale, (y + tile) * scale), slice(x * scale, (x + tile) * scale))
                total[window] += self._run(picture.crop((x, y, x + tile, y + tile)))
                count[window] += 1
                on_tile()
        return _to_picture(total / count)

    def _run(self, picture: Image.Image) -> torch.Tensor:
        """Return `(3, H * scale, W * scale)` in [0, 1], float32 on the CPU, blue first."""
        planes = from_8_bit([picture]).movedim(-1, 1).flip(1)
        try:
            planes = planes.to(self._runtime.device, self._upscaler.dtype)
            with torch.no_grad():
                return self._upscaler(planes)[0].to("cpu", torch.float32)
        except Exception as error:
            if not self._runtime.is_out_of_memory(error):
                raise
            raise UpscalerMemoryError(
                f"'{self._upscaler.name}' ran out of memory on {self._runtime.device} with a tile of "
                f"{picture.width}x{picture.height} pixels. Set a smaller tile_size (it changes the result a little), "
                'or numbers to "exact", where tiles shrink by themselves.',
                "upscaler",
            ) from error


def _to_picture(planes: torch.Tensor) -> Image.Image:
    """Round `(3, H, W)` in [0, 1], blue first, to an RGB picture."""
    levels = planes.clamp(0, 1).mul(255).round().to(torch.uint8).flip(0).movedim(0, -1)
    return Image.fromarray(np.ascontiguousarray(levels.numpy()))

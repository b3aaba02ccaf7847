"""Upscaling with A1111's numbers: 8-bit pictures, its sizes, its order of resizes."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from PIL import Image
from spandrel import ModelLoader

from ..hires.images.resample import lanczos_8_bit
from ..hires.sizes.extras import covering_factor, whole_eights
from ..hires.sizes.image_sizes import MAX_PICTURE_SIDE, MAX_SIDE, Size
from ..hires.sizes.runs import a1111_runs
from ..hires.tiles.settings import TileSettings
from .eight_bit_model import EightBitModel
from .models.classical import ClassicalUpscaler
from .models.errors import UpscalerMemoryError
from .models.placed import PlacedUpscaler
from .models.runtime import CpuRuntime, Runtime
from .models.spandrel_model import ModelUpscaler
from .models.upscaler import Upscaler

logger = logging.getLogger("hires-fix")

_PARTS = 1000
"""In which the progress of a `PlacedUpscaler` is counted, a picture."""


def is_none(upscaler: Upscaler) -> bool:
    """Whether this is A1111's entry "None": no upscaler, only resizing."""
    return isinstance(upscaler, ClassicalUpscaler) and upscaler.name == "None"


class Enlarger:
    """One upscaler for pictures of one size: `factor` times larger, then cut down to whole 8 pixels by Lanczos."""

    def __init__(
        self,
        upscaler: Upscaler,
        size: Size,
        factor: float,
        count: int,
        tiles: TileSettings,
        runtime: Runtime,
        longest: int = MAX_SIDE,
    ) -> None:
        """Plan the runs, so that the progress total is right, and prepare the model.

        `factor`: below 1 no upscaler runs, at exactly 1 it runs once. `count`: how many pictures will come. `longest`:
        the side that results may have.

        Raises:
            SizeError: the result has no pixels or too many.
            InputError: tiles that cannot be used.
        """
        self.size = whole_eights(size, factor, longest)
        self._upscaler = upscaler
        self._factor = factor
        self._runtime = runtime
        self._runs = a1111_runs(upscaler.scale, size, factor, longest, upscaler.most_runs)
        self._model: EightBitModel | None = None
        self._placed = upscaler if self._runs and isinstance(upscaler, PlacedUpscaler) else None
        steps = _PARTS if self._placed else 1
        if self._runs and isinstance(upscaler, ModelUpscaler):
            self._model = EightBitModel(upscaler, runtime, tiles)
            self._model.prepare(self._runs[-1])
            steps = sum(self._model.count_tiles(run) for run in self._runs)
        self._done, self._total = 0, steps * count

    def __call__(self, picture: Image.Image) -> Image.Image:
        """Enlarge one of the announced pictures to `size`: RGB after a model, else of the mode that came.

        Raises:
            UpscalerError: the model failed or there is not enough memory.
            BaseException: whatever `runtime.progress` raises to cancel.
        """
        if self._model:
            for _ in self._runs:
                picture = self._model(picture, self._step)
        elif self._placed:
            picture = self._run_placed(self._placed, picture.convert("RGB"))
        elif self._runs:
            assert isinstance(self._upscaler, ClassicalUpscaler)
            width, height = int(picture.width * self._factor), int(picture.height * self._factor)
            picture = self._upscaler.resize_8_bit(picture, width, height)
        result = lanczos_8_bit(picture, *self.size)
        if not self._model:
            self._step()
        return result

    def _run_placed(self, upscaler: PlacedUpscaler, picture: Image.Image) -> Image.Image:
        try:
            return upscaler.enlarge_8_bit(picture, self._factor, self._part)
        except Exception as error:
            if not self._runtime.is_out_of_memory(error):
                raise
            raise UpscalerMemoryError(
                f"'{upscaler.name}' ran out of memory on {self._runtime.device} with a picture of "
                f'{picture.width}x{picture.height} pixels. Set numbers to "exact", where it works in windows that '
                "shrink by themselves, or free memory.",
                "upscaler",
            ) from error

    def _step(self) -> None:
        self._done += _PARTS if self._placed else 1
        self._runtime.progress(self._done, self._total)

    def _part(self, part: float) -> None:
        self._runtime.progress(self._done + int(min(1.0, part) * _PARTS), self._total)


def count_a1111_tiles(upscaler: ModelUpscaler, source: Size, factor: float, tiles: TileSettings) -> int:
    """Count the tiles of one picture with A1111's numbers: 0 if the model, which may be an outline, is not run.

    Raises:
        InputError: an overlap that is as large as the tile.
    """
    model = EightBitModel(upscaler, CpuRuntime(), tiles)
    return sum(model.count_tiles(size) for size in a1111_runs(upscaler.scale, source, factor, MAX_PICTURE_SIDE))


def resize_pictures(
    pictures: Sequence[Image.Image], upscaler: Upscaler, width: int, height: int, tiles: TileSettings, runtime: Runtime
) -> list[Image.Image]:
    """Bring pictures of one size to the size of the second pass, as A1111's hires fix does.

    The factor that covers the size goes to the upscaler, whose result (whole 8 pixels, so at times too small) Lanczos
    brings to the size. "None", and a size that is not larger, is that Lanczos alone.

    Raises:
        InputError: see `Enlarger`.
    """
    size = pictures[0].size
    factor = covering_factor(size, (width, height))
    if is_none(upscaler) or factor <= 1:
        return [lanczos_8_bit(picture, width, height) for picture in pictures]
    enlarge = Enlarger(upscaler, size, factor, len(pictures), tiles, runtime)
    return [lanczos_8_bit(enlarge(picture), width, height) for picture in pictures]


def draw_as_if_loading(generator: torch.Generator, upscaler: Upscaler, size: Size, target: Size, pictures: int) -> None:
    """Let a CPU generator draw what A1111 draws while `resize_pictures` works.

    A1111 loads the model again for every run of every picture, and building a network fills it with numbers of the
    global generator before the weights replace them; the random part of the VAE encoding comes after that.
    """
    factor = covering_factor(size, target)
    if not isinstance(upscaler, ModelUpscaler) or factor <= 1:
        return
    weights = {key: value.detach().cpu() for key, value in upscaler.descriptor.model.state_dict().items()}
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(generator.get_state())
        for _ in range(pictures * len(a1111_runs(upscaler.scale, size, factor))):
            try:
                ModelLoader().load_from_state_dict(dict(weights))  # a copy, because some loaders change entries
            except Exception as error:  # networks that no longer look like their file once they are built
                logger.warning(
                    "'%s' cannot be built twice: random numbers differ from A1111's (%s)", upscaler.name, error
                )
                return
        generator.set_state(torch.get_rng_state())

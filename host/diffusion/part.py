"""What the kinds of diffusion upscalers share: where a window lies in its picture, and errors that say who failed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from PIL import Image

from ...hires.errors import InputError
from ...hires.images.resample import from_8_bit, to_8_bit
from ...hires.sizes.diffusion import DiffusionWindows
from ...hires.sizes.image_sizes import Size
from ...hires.tiles.boxes import Box
from ...upscale_models import OnPart, PlacedUpscaler, Upscaler, UpscalerError, upscale_to
from ..folders.picture_job import upscaler_words
from ..plugins.hooks import registered_hooks
from ..sampling.noise import HostNoise, PlacedNoise
from ..upscaling.runtime import HostRuntime


@dataclass(frozen=True, eq=False, kw_only=True)
class DiffusionUpscaler(PlacedUpscaler):
    """Draws windows with a diffusion model."""

    origin: str
    """Letters that stand for models, prompts and all else before the node, see `redraw.identity`."""

    before: Upscaler | None
    windows: DiffusionWindows
    whole: Size | None = None
    """Width and height of the picture that goes in."""

    def __post_init__(self) -> None:
        for name in ("scale", "tile", "overlap", "align"):
            object.__setattr__(self, name, getattr(self.windows, name))

    @property
    @abstractmethod
    def numbers(self) -> dict[str, Any]:
        """Those of `words` that the node itself has."""

    @property
    @abstractmethod
    def drawn_with(self) -> tuple[Any, list[Any]]:
        """The model, and the prompts: see `redraw.alike`."""

    @abstractmethod
    def draw(self, pixels: torch.Tensor, place: Box, on_part: OnPart) -> torch.Tensor:
        """See `run`. Errors need not say who failed."""

    @property
    def words(self) -> dict[str, Any]:
        """See `PlacedUpscaler`."""
        before = None if self.before is None else upscaler_words(self.before)
        hooks = [hook.words for hook in registered_hooks()]
        return {"origin": self.origin, "before": before, "hooks": hooks, **self.numbers}

    def input_size(self, source: Size, target: Size) -> Size:
        """See `PlacedUpscaler`."""
        return self.windows.input_size(source, target)

    def for_picture(self, size: Size) -> DiffusionUpscaler:
        """See `PlacedUpscaler`."""
        return replace(self, whole=size)

    def run(self, pixels: torch.Tensor, place: Box, on_part: OnPart) -> torch.Tensor:
        """See `PlacedUpscaler`."""
        with named(self.name):
            return self.draw(pixels, place, on_part)

    def size_of(self, place: Box) -> Size:
        """Of the picture that a window lies in."""
        return self.whole or (place.x1, place.y1)

    def _brought_8_bit(self, picture: Image.Image, size: Size, on_part: OnPart) -> Image.Image:
        if self.before is None:
            return super()._brought_8_bit(picture, size, on_part)
        runtime = _Unseen(on_part)
        return to_8_bit(upscale_to(from_8_bit([picture.convert("RGB")]), self.before, *size, runtime=runtime).cpu())[0]


class _Unseen(HostRuntime):
    """The runtime of an upscaler before another, whose own progress alone is shown."""

    def __init__(self, on_part: OnPart) -> None:
        super().__init__()
        self._on_part = on_part

    def progress(self, done: int, total: int) -> None:
        self._on_part(0.0)


@contextmanager
def named(name: str) -> Iterator[None]:
    """Name the upscaler in errors, which another node shows.

    Raises:
        UpscalerError: in place of any other bad input.
    """
    try:
        yield
    except InputError as error:
        raise UpscalerError(f"{name}: {error}", "upscaler") from error


def noise_of(seed: int, cells: Box, whole: Size) -> HostNoise | PlacedNoise:
    """Noise of a window of a latent, `whole`: its width and height.

    Core's own where the window is all of it. Windows have that of their place, so that they agree and may come in any
    order.
    """
    if cells == Box(0, 0, *whole):
        return HostNoise(seed)
    return PlacedNoise(seed, "CPU", cells)

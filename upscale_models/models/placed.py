"""Upscalers that are no network of spandrel's: diffusion models, and whatever else enlarges a part of a picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from PIL import Image

from ...hires.images.resample import from_8_bit, lanczos_8_bit, to_8_bit
from ...hires.sizes.image_sizes import Size
from ...hires.tiles.boxes import Box
from .errors import UpscalerError
from .upscaler import Upscaler

OnPart = Callable[[float], None]
"""Hears which part of a run is done, above 0 to 1. May raise to cancel: call it at least once a step."""


class PlacedUpscaler(ABC):
    """An upscaler that is handed one window of a picture after another, and told where each lies.

    The engine does the rest: it brings pictures to the size that goes in, cuts those that are longer than `tile` into
    windows, fades what they become into each other, resizes to the exact size, keeps alpha apart, streams from file to
    file and goes on with smaller windows when memory runs out. One window gives the same result whenever it comes, and
    windows that overlap should agree: random numbers belong to a place (see `PlacedBlocks`), not to an order.

    What it runs on is its own concern: it brings its models to their device in `run`.
    """

    name: str
    """The name people choose it by."""

    scale: int
    """Factor of a run; 1 for those that redraw a picture at the size it gets."""

    most_runs = 1
    """It runs once on the way to any size."""

    tile = 1024
    """Longest side of an automatic window, in pixels of what goes in."""

    overlap = 64
    """Pixels around the part that a window owns, where that is automatic."""

    align = 1
    """Windows start at multiples of this."""

    before: Upscaler | None = None
    """What brings pictures to the size that goes in; None: Lanczos."""

    @property
    @abstractmethod
    def words(self) -> dict[str, Any]:
        """Everything that decides about the pixels, as JSON can hold it: unfinished files are told apart by it."""

    def input_size(self, source: Size, target: Size) -> Size:
        """The size that pictures are brought to before the run, on their way to the target."""
        return source

    def for_picture(self, size: Size) -> PlacedUpscaler:
        """The one for the windows of a picture of this size, as it goes in."""
        return self

    @abstractmethod
    def run(self, pixels: torch.Tensor, place: Box, on_part: OnPart) -> torch.Tensor:
        """Enlarge a window.

        Args:
            pixels: `(3, H, W)` float32 in [0, 1] on the CPU. Not to be changed.
            place: of the window, in pixels of the whole picture that goes in.

        Returns:
            `(3, H * scale, W * scale)`, floating point, on any device; what lies outside of [0, 1] is cut off.

        Raises:
            UpscalerError: it cannot be done.
            Exception: out of memory, as the device says it: smaller windows are tried.
        """

    def without_smaller_parts(self) -> PlacedUpscaler:
        """The one that runs out of memory where this one would do a window in smaller parts, with other pixels."""
        return self

    def enlarge_8_bit(self, picture: Image.Image, factor: float, on_part: OnPart) -> Image.Image:
        """Run once with A1111's numbers, in one piece: an RGB picture to one about `factor` times as large."""
        width, height = picture.size
        size = self.input_size(picture.size, (max(1, int(width * factor)), max(1, int(height * factor))))
        if size != picture.size:
            picture = self._brought_8_bit(picture, size, on_part)
        pixels = from_8_bit([picture])[0].movedim(-1, 0)
        result = self.for_picture(size).run(pixels, Box(0, 0, *size), on_part)
        result = checked(self, result.float().cpu(), size)
        return to_8_bit(result.clamp(0, 1).movedim(0, -1)[None])[0]

    def _brought_8_bit(self, picture: Image.Image, size: Size, on_part: OnPart) -> Image.Image:
        """Bring an RGB picture to the size that goes in."""
        return lanczos_8_bit(picture, *size)


def checked(upscaler: PlacedUpscaler, result: torch.Tensor, size: Size) -> torch.Tensor:
    """Return the result of a run on a window of this size, if it has the form that it should have.

    Raises:
        UpscalerError: another shape, or values that are not numbers.
    """
    expected = (3, size[1] * upscaler.scale, size[0] * upscaler.scale)
    if tuple(result.shape) != expected:
        raise UpscalerError(
            f"'{upscaler.name}' should have made {expected} of {(3, size[1], size[0])} but made "
            f"{tuple(result.shape)}. Use another upscaler.",
            "upscaler",
        )
    if not torch.isfinite(result.sum(dtype=torch.float32)):
        raise UpscalerError(f"'{upscaler.name}' made values that are not numbers. Use another upscaler.", "upscaler")
    return result

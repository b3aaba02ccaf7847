"""A1111's Extras tab: one upscaler, or a second one laid over it."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from ..hires.sizes.extras import ExtrasSize
from ..hires.sizes.image_sizes import MAX_PICTURE_SIDE, Size
from ..hires.tiles.settings import TileSettings
from .a1111 import Enlarger, is_none
from .models.runtime import Runtime
from .models.upscaler import Upscaler


def upscale_extras(
    pictures: Sequence[Image.Image],
    plan: ExtrasSize,
    upscaler: Upscaler,
    second: Upscaler | None,
    visibility: float,
    tiles: TileSettings,
    runtime: Runtime,
) -> list[Image.Image]:
    """Upscale pictures of one size as A1111's Extras tab does, by a plan of `extras_size`.

    With "None" as `upscaler` they stay as they are, whatever else is asked. Both upscalers start from the original,
    then the second ("None" counts as none) is laid over the first: `visibility`, 0 to 1, is how much of it is seen.
    Alpha only survives classical upscalers without a canvas. Modes other than RGB and RGBA become RGB.

    Raises:
        InputError: see `Enlarger`.
        UpscalerError: a model failed or there is not enough memory.
    """
    pictures = [picture if picture.mode in ("RGB", "RGBA") else picture.convert("RGB") for picture in pictures]
    if is_none(upscaler):
        return pictures
    results = _upscale(pictures, plan, upscaler, tiles, runtime)
    if second is None or is_none(second) or not visibility > 0:
        return results
    laid_over = _upscale(pictures, plan, second, tiles, runtime)
    return [
        Image.blend(below, above.convert(below.mode), visibility)
        for below, above in zip(results, laid_over, strict=True)
    ]


def _upscale(
    pictures: Sequence[Image.Image], plan: ExtrasSize, upscaler: Upscaler, tiles: TileSettings, runtime: Runtime
) -> list[Image.Image]:
    enlarge = Enlarger(upscaler, pictures[0].size, plan.factor, len(pictures), tiles, runtime, MAX_PICTURE_SIDE)
    return [_on_canvas(enlarge(picture), plan.canvas) for picture in pictures]


def _on_canvas(picture: Image.Image, size: Size | None) -> Image.Image:
    if size is None:
        return picture
    canvas = Image.new("RGB", size)
    canvas.paste(picture.convert("RGB"), (size[0] // 2 - picture.width // 2, size[1] // 2 - picture.height // 2))
    return canvas

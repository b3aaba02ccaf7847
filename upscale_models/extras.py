"""A1111's Extras tab: the size rules and the second upscaler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from ..hires.sizes.image_sizes import MAX_PICTURE_SIDE, SizeError
from .a1111 import Enlarger, covering_factor, is_none, whole_eights
from .runtime import Runtime
from .tiles.engine import Size, TileSettings
from .upscaler import Upscaler


@dataclass(frozen=True)
class ExtrasSize:
    """What happens to a picture's size."""

    factor: float
    """For the upscaler, which makes whole 8 pixels of it."""

    canvas: Size | None
    """Size of the black picture into whose middle the result is put; None leaves it as it is."""


def extras_size(size: Size, resize: float | Size, crop: bool, max_side: int = 0) -> ExtrasSize:
    """Work out A1111's size rule.

    Args:
        size: of the picture.
        resize: a factor, or the width and height to cover.
        crop: with a width and height: put the result on a canvas of that size. What is missing stays black.
        max_side: with a factor: longest side of the result in pixels; 0 for no limit.

    Raises:
        SizeError: a width or height outside 1..`MAX_PICTURE_SIDE`, a factor that is not positive, or a negative limit.
    """
    if max_side < 0:
        raise SizeError(f"max_side is {max_side}; use 0 for no limit, or a number of pixels.", "max_side")
    if isinstance(resize, tuple):
        for name, side in zip(("upscaling_resize_w", "upscaling_resize_h"), resize, strict=True):
            if not 1 <= side <= MAX_PICTURE_SIDE:
                raise SizeError(f"{name} is {side}; a side has 1 to {MAX_PICTURE_SIDE} pixels.", name)
        return ExtrasSize(covering_factor(size, resize), resize if crop else None)
    if not resize > 0:
        raise SizeError(f"upscaling_resize is {resize:g}; it must be above 0.", "upscaling_resize")
    if max_side and max(size) * resize > max_side:
        width, height = size[0] * resize, size[1] * resize
        if height > width:
            limited = int(max_side * width // height), max_side
        else:
            limited = max_side, int(max_side * height // width)
        return ExtrasSize(covering_factor(size, limited), None)
    return ExtrasSize(resize, None)


def enlarged_size(size: Size, plan: ExtrasSize) -> Size:
    """Return what an upscaler other than "None" makes of a picture's size, before the canvas.

    Raises:
        SizeError: a side would have less than 8 pixels or more than `MAX_PICTURE_SIDE`.
    """
    return whole_eights(size, plan.factor, MAX_PICTURE_SIDE)


def upscale_extras(
    pictures: Sequence[Image.Image],
    plan: ExtrasSize,
    upscaler: Upscaler,
    second: Upscaler | None,
    visibility: float,
    tiles: TileSettings,
    runtime: Runtime,
) -> list[Image.Image]:
    """Upscale pictures as A1111's Extras tab does.

    With "None" as `upscaler` they stay as they are, whatever else is asked. Both upscalers start from the original,
    then the second is laid over the first. Alpha only survives classical upscalers without a canvas.

    Args:
        pictures: all of one size; modes other than RGB and RGBA are converted to RGB.
        plan: from `extras_size`.
        upscaler: classical or model.
        second: the same, or None; "None" counts as None.
        visibility: 0 to 1, how much of the second is seen.
        tiles: for models; see `EightBitModel`.
        runtime: the host's devices, memory and progress.

    Returns:
        RGB or RGBA pictures.

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

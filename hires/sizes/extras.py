"""The sizes of A1111's Extras tab: whole 8 pixels, and a canvas."""

from __future__ import annotations

from dataclasses import dataclass

from .image_sizes import MAX_PICTURE_SIDE, MAX_SIDE, Size, SizeError


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
        size: width and height in pixels.
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
        is_tall = height > width
        limited = (
            (int(max_side * width // height), max_side) if is_tall else (max_side, int(max_side * height // width))
        )
        resize = covering_factor(size, limited)
    return ExtrasSize(resize, None)


def enlarged_size(size: Size, plan: ExtrasSize) -> Size:
    """Return what an upscaler other than "None" makes of a picture's size, before the canvas; see `whole_eights`."""
    return whole_eights(size, plan.factor, MAX_PICTURE_SIDE)


def covering_factor(size: Size, target: Size) -> float:
    """The smallest factor for both sides that covers the target; A1111's rounding depends on this very quotient."""
    return max(target[0] / size[0], target[1] / size[1])


def whole_eights(size: Size, factor: float, longest: int = MAX_SIDE) -> Size:
    """Return the size that A1111 makes of this one, `factor` times as large.

    Raises:
        SizeError: a side would have less than 8 pixels or more than `longest`.
    """
    width, height = (int(side * factor // 8 * 8) for side in size)
    if min(width, height) < 8 or max(width, height) > longest:
        raise SizeError(
            f"{size[0]}x{size[1]} times {factor:g} gives {width}x{height} in whole 8 pixels, as A1111 counts; "
            f"a side has 8 to {longest} pixels."
        )
    return width, height

"""A long way up in stages: the size after each, and how much each is redrawn."""

from __future__ import annotations

from collections.abc import Collection

from ..errors import InputError
from .image_sizes import Size
from .runs import covers, reached

MOST_STAGES = 6  # that can be asked for

REDRAW = ("model", "positive", "negative", "vae", "noise")
"""Inputs that a redraw needs; all of them or none is connected."""


def is_redrawn(connected: Collection[str]) -> bool:
    """Tell whether stages are redrawn at all; InputError if only a part of `REDRAW` is connected."""
    missing = [name for name in REDRAW if name not in connected]
    if missing and len(missing) < len(REDRAW):
        raise InputError(
            f"a redraw needs {', '.join(REDRAW)}, but nothing is connected to {', '.join(missing)}. "
            "Connect all of them, or none to upscale only.",
            missing[0],
        )
    return not missing


def stage_sizes(source: Size, target: Size, stages: int, factor: int) -> list[Size]:
    """Plan the sizes that a picture is brought to, one after the other; the last is the target.

    No side ever shrinks on the way and no stage repeats a size: stages that rounding leaves without effect are left
    out, and a target that is not larger takes one stage.

    Args:
        source: width and height in pixels.
        target: to reach, of about the same shape.
        stages: how many, each enlarging by the same share. 0: the fewest, each a whole run of the upscaler.
        factor: of the upscaler; 1 if it lands on any size.
    """
    if stages:
        between = [_part_of_the_way(source, target, number / stages) for number in range(1, stages)]
    else:
        between = _whole_runs(source, target, factor)
    sizes = [source]
    for size in between:
        is_larger = size != sizes[-1] and covers(size, sizes[-1])
        if is_larger and size != target and covers(target, size):
            sizes.append(size)
    return [*sizes[1:], target]


def redraw_strengths(stages: int, denoising_strength: float, strength_falloff: float, redraw_last: bool) -> list[float]:
    """Return the denoising strength, 0 to 1, after each stage; each is the one before times `strength_falloff`, 0 to 1.

    Without `redraw_last` the last, at the full size, is 0; InputError where it is the only one.
    """
    if stages == 1 and not redraw_last:
        raise InputError(
            "the size is reached in one stage and redraw_last is off, so nothing would be redrawn. "
            "Turn redraw_last on, set stages to 2 or more, or disconnect the model.",
            "redraw_last",
        )
    strengths = [denoising_strength * strength_falloff**number for number in range(stages)]
    return strengths if redraw_last else [*strengths[:-1], 0.0]


def _part_of_the_way(source: Size, target: Size, share: float) -> Size:
    width, height = (round(start * (end / start) ** share) for start, end in zip(source, target, strict=True))
    return width, height


def _whole_runs(source: Size, target: Size, factor: int) -> list[Size]:
    """Return the sizes after each run but the last, which is the first that ends at the target or beyond."""
    sizes: list[Size] = []
    width, height = source[0] * factor, source[1] * factor
    while factor > 1 and not covers((width, height), (reached(target[0]), reached(target[1]))):
        sizes.append((width, height))
        width, height = width * factor, height * factor
    return sizes

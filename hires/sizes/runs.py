"""How often an upscale model runs on the way to a size: A1111's loop."""

from __future__ import annotations

from .extras import whole_eights
from .image_sizes import MAX_SIDE, Size

MOST_RUNS = 3
"""A1111 runs a model at most this often; what is then missing, Lanczos adds."""


def model_runs(
    width: int, height: int, scale: int, target_width: int, target_height: int, most: int = MOST_RUNS
) -> list[Size]:
    """Decide how often a model runs: the sizes that go into each run, `[]` for none.

    Once if the target is larger in an axis, again while the result is short of the target rounded down to whole 8
    pixels (which A1111 aims at), `most` times at most. Also once if source and target are equal, so that models of
    factor 1 can be used; those never run twice.
    """
    size, target = (width, height), (target_width, target_height)
    if size != target and covers(size, target):
        return []
    return _runs(size, scale, (reached(target_width), reached(target_height)), most)


def a1111_runs(scale: int, size: Size, factor: float, longest: int = MAX_SIDE, most: int = MOST_RUNS) -> list[Size]:
    """The sizes that go into each run of an upscaler with A1111's numbers, `[]` for none; `most` at most.

    Unlike in `model_runs`, what counts is the size in whole 8 pixels: 100 pixels times 1.03 are 96, so nothing runs.
    Raises as `whole_eights`.
    """
    target = whole_eights(size, factor, longest)
    return [] if factor != 1 and covers(size, target) else _runs(size, scale, target, most)


def covers(size: Size, target: Size) -> bool:
    """Whether a size is at least as large in both axes."""
    return size[0] >= target[0] and size[1] >= target[1]


def reached(side: int) -> int:
    """Return what counts as this side: the last few pixels are no reason to run a model again."""
    return side // 8 * 8 or side


def _runs(size: Size, scale: int, target: Size, most: int) -> list[Size]:
    sizes = [size]
    while scale > 1 and len(sizes) < most:
        size = (size[0] * scale, size[1] * scale)
        if covers(size, target):
            break
        sizes.append(size)
    return sizes

"""How much main memory the nodes' results take: asked for before a run by its badge, and in the run by the node."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

NUMBER, PILLOW = 4, 4
"""Bytes of a value of a result, float32, and of a pixel of an RGB or RGBA picture in Pillow."""

_CONTROL_GROUPS = (
    ("memory.max", "memory.current", ("inactive_file", "active_file")),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", ("total_inactive_file", "total_active_file")),
)
"""Where Linux tells a container its limit, what is used of it, and how much of that it would give up, in both versions:
two files, and lines of `memory.stat` beside them. It gives up what it has read from files, such as those of models,
also what it has read more than once."""


def free_in_container(groups: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that this container may still take; None where there is no limit, or no container."""
    for limit, used, spare in _CONTROL_GROUPS:
        try:
            most, now = (int((groups / name).read_text()) for name in (limit, used))
            lines = [line.split() for line in (groups / used).with_name("memory.stat").read_text().splitlines()]
            given_up = sum(int(value) for name, value in lines if name in spare)
        except (OSError, ValueError):  # another system or version, or no limit: "max"
            continue
        return max(0, most - now + given_up)
    return None


def pictures(size: tuple[int, int], count: int = 1, channels: int = 3) -> int:
    """Bytes of a batch."""
    return size[0] * size[1] * count * channels * NUMBER


def enlarged(size: tuple[int, int], count: int, channels: int = 3, upscalers: int = 1) -> int:
    """Bytes that Upscale Image takes: the cropped results of its one or two upscalers lie side by side."""
    return pictures(size, count, channels) * upscalers


def enlarged_as_a1111(
    large: tuple[int, int], size: tuple[int, int], count: int, runs: Sequence[tuple[int, int]] = ()
) -> int:
    """Bytes with A1111's numbers: one picture at a time is made and cropped, all are then turned into numbers.

    `large`: size of a picture before the crop, `runs`: after each run of a model.
    """
    most = max(width * height for width, height in (large, *runs))
    return max(count * size[0] * size[1] * (PILLOW + 3 * NUMBER), most * PILLOW)


def between_passes(
    up: tuple[int, int], size: tuple[int, int], count: int, a1111: bool = False, runs: Sequence[tuple[int, int]] = ()
) -> int:
    """Bytes that Pixel Upscale takes: pictures are encoded whole, and given out cropped from `up` to `size`."""
    large = enlarged_as_a1111(up, up, count, runs) if a1111 else pictures(up, count)
    return max(large, pictures(up, count) + (pictures(size, count) if up != size else 0))


def staged(sizes: Sequence[tuple[int, int]], strengths: Sequence[float], count: int, channels: int = 3) -> int:
    """Bytes that Multi-Stage Upscale takes: the host keeps what each stage made, and a redraw of strength above 0."""
    kept = ((size, 2 if strength > 0 else 1) for size, strength in zip(sizes, strengths, strict=True))
    return sum(pictures(size, count, channels) * copies for size, copies in kept)


def as_text(count: int) -> str:
    """Bytes in a unit that leaves something before the point."""
    for size, name in ((1e9, "GB"), (1e6, "MB")):
        if count >= size:
            return f"{count / size:.1f} {name}"
    return f"{max(0, math.ceil(count / 1e3))} kB"

"""How far two pictures are apart, and whether one shows the borders of its tiles."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

SAME = 200.0
"""Decibels that stand for no difference at all."""


def decibels(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Peak signal-to-noise ratio of pictures in [0, 1], at most `SAME`."""
    total = sum(float((a - b).square().sum(dtype=torch.float64)) for a, b in _bands(ours, theirs))
    return min(SAME, -10 * math.log10(total / ours.numel())) if total else SAME


def furthest(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The largest difference of a value."""
    return max(float((a - b).abs().max()) for a, b in _bands(ours, theirs))


NEARBY = 8
"""Lines on either side that a line is compared with."""

FLOOR = 0.25
"""Gradients far below the picture's mean do not count, or rounding would stand out where a picture is nearly flat."""


def seam(tiled: torch.Tensor, untiled: torch.Tensor) -> float:
    """How much the worst straight line in a picture stands out that was made in tiles.

    The prominence of a line between two columns or rows is the mean gradient across it over the mean gradient across
    the lines nearby. What counts is the prominence in the tiled picture over that in the untiled one: 1 means that no
    line stands out more than it should (in half precision rounding alone reaches 1.1), and a step where two tiles meet
    raises the line it is on. Every line is looked at, so it does not matter how either side places its tiles. Both are
    `(B, H, W, C)`.
    """
    worst = 1.0
    for axis in (1, 2):
        found, expected = (_prominence(picture, axis) for picture in (tiled, untiled))
        worst = max(worst, float((found / expected).max()))
    return worst


def _prominence(picture: torch.Tensor, axis: int) -> torch.Tensor:
    """Of every line across `axis`, `(lines,)`."""
    across = picture.float().diff(dim=axis).abs().mean([dim for dim in range(picture.ndim) if dim != axis])
    kernel = torch.ones(1, 1, 2 * NEARBY + 1)
    kernel[..., NEARBY] = 0
    sums, counts = (
        torch.nn.functional.conv1d(line[None, None], kernel, padding=NEARBY)[0, 0]
        for line in (across, torch.ones_like(across))
    )
    floor = FLOOR * across.mean()
    return (across + floor) / (sums / counts + floor)


def _bands(ours: torch.Tensor, theirs: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Some rows of both at a time, so that differences of large pictures take little memory."""
    if ours.shape != theirs.shape:
        raise ValueError(f"{tuple(ours.shape)} cannot be compared with {tuple(theirs.shape)}")
    for a, b in zip(ours, theirs, strict=True):
        yield from zip(a.split(256), b.split(256), strict=True)

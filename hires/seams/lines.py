"""Whether the lines on which tiles meet stand out among all other lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

SCALES = (1, 4, 16)
"""Pixels on either side of a line that are compared: 1 finds hard lines, 4 blends, 16 steps of colour."""

_NEAR = 4
_BAND = 256


class Excess(NamedTuple):
    """How much a set of lines stands out."""

    excess: float
    """Mean step across the lines over the median of what the same set gives when it is moved elsewhere."""

    p: float
    """Share of all places where the set gives as much or more, its own included: in (0, 1]; small where the lines stand
    out. Evenly spread over pictures without seams: those nearby count here, or what they share would make it rare."""


def line_excess(change: torch.Tensor, columns: Sequence[int], rows: Sequence[int], period: int) -> list[Excess | None]:
    """Measure lines between columns and between rows together, at each of `SCALES`.

    The whole set is moved by up to half a period. A move by no more than 4 pixels, or the scale, still sees a seam and
    is not what the excess is compared with.

    Args:
        change: `(B, H, W, C)`, what was done to the pictures.
        columns: the lines across, each given by the column after it.
        rows: the lines down.
        period: pixels between tiles.

    Returns:
        None at scales for which there is no line, or no place to move it to.
    """
    axes = [(line_steps(change, axis), lines) for axis, lines in ((2, columns), (1, rows)) if lines]
    return [_excess([(steps[index], lines) for steps, lines in axes], s, period) for index, s in enumerate(SCALES)]


def line_steps(change: torch.Tensor, axis: int) -> torch.Tensor:
    """The mean step across every line of one axis of `(B, H, W, C)`: `(scales, lines)` float64, lines 0 to the size.

    At each line the mean over batch, lines and channels of |mean of the s values behind it - mean of those before|;
    NaN where the picture ends within s.
    """
    across = change.transpose(1, 2) if axis == 1 else change
    size = across.shape[2]
    result = torch.full((len(SCALES), size + 1), torch.nan, dtype=torch.float64)
    for index, s in enumerate(SCALES):
        if size >= 2 * s:
            result[index, s : size - s + 1] = 0
    for picture in across:
        for band in picture.split(_BAND):
            sums = torch.nn.functional.pad(band.double().cumsum(1), (0, 0, 1, 0))
            for index, s in enumerate(SCALES):
                means = (sums[:, s:] - sums[:, :-s]) / s
                steps = (means[:, s:] - means[:, :-s]).abs().sum((0, 2))
                result[index, s : size - s + 1] += steps
    return result / (across.shape[0] * across.shape[1] * across.shape[3])


def _excess(axes: list[tuple[torch.Tensor, Sequence[int]]], scale: int, period: int) -> Excess | None:
    moves = range(-(period // 2) + 1, period // 2 + 1)
    found = {move: value for move in moves if (value := _moved(axes, move)) is not None}
    own = found.get(0)
    elsewhere = [value for move, value in found.items() if abs(move) > max(_NEAR, scale)]
    if own is None or not elsewhere:
        return None
    usual = float(torch.tensor(elsewhere).median())
    return Excess(own / usual if usual else 1.0, sum(value >= own for value in found.values()) / len(found))


def _moved(axes: list[tuple[torch.Tensor, Sequence[int]]], move: int) -> float | None:
    """Mean over the axes of the mean step of all lines, moved; None where one leaves the picture."""
    values = []
    for steps, lines in axes:
        places = torch.tensor(lines) + move
        if int(places.min()) < 0 or int(places.max()) >= len(steps):
            return None
        values.append(float(steps[places].mean()))
    value = sum(values) / len(values) if values else float("nan")
    return None if value != value else value

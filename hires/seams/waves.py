"""What comes back from tile to tile: soft waves of brightness, and the same noise."""

from __future__ import annotations

import torch

HARMONICS = (1, 2, 3)

_PADDED = 4
"""The spectrum is this many times finer than the picture's own."""

_BESIDE = range(7, 15)
"""Bins away from a harmonic that say how strong it would be by chance."""

_LAGS = (10, 15, 20, 25, 30)


def periodicity(change: torch.Tensor, axis: int, period: float) -> list[float | None]:
    """Power of the mean profile at each of `HARMONICS` of a period over the median of the frequencies beside it.

    The profile of one axis is the mean over the other one and the channels, under a Hann window. About 1 to 3 without a
    wave, and far from steady: the same figure of an untiled picture says what is chance.

    Args:
        change: `(B, H, W, C)`; powers are averaged over the batch.
        axis: 2 for a wave across, 1 for one down.
        period: pixels.

    Returns:
        None where a picture is too short to tell a harmonic from its neighbours, or a period too short to have it.
    """
    profiles = change.double().mean((3 - axis, 3))
    size = profiles.shape[1]
    profiles = (profiles - profiles.mean(1, keepdim=True)) * torch.hann_window(size, periodic=False, dtype=torch.double)
    power = torch.fft.rfft(profiles, size * _PADDED).abs().square().mean(0)
    result: list[float | None] = []
    for harmonic in HARMONICS:
        middle = round(harmonic * size * _PADDED / period) if period else 0
        beside = [middle + side * away for away in _BESIDE for side in (-1, 1)]
        beside = [place for place in beside if 1 <= place < len(power)]
        usual = float(power[beside].median()) if beside else 0.0
        alone = middle > _BESIDE[0] + 1 and middle + 2 < len(power) and usual > 0
        result.append(float(power[middle - 2 : middle + 3].max()) / usual if alone else None)
    return result


def repetition(change: torch.Tensor, axis: int, lag: int) -> float | None:
    """How much more alike places are that lie a tile apart than places a little nearer or further apart.

    The correlation of `(B, H, W, C)` with itself, moved along `axis` by `lag` pixels, less its mean at lags 10 to 30
    pixels off: 0 without repetition, up to 1. None where the picture is too small for that.
    """
    size = change.shape[axis]
    around = [lag + side * away for away in _LAGS for side in (-1, 1)]
    if lag < 2 * max(_LAGS) or max(around) >= size:
        return None
    centred = change - change.mean((1, 2), keepdim=True)
    power = float(centred.square().mean())
    if not power:
        return 0.0

    def alike(by: int) -> float:
        return float((centred.narrow(axis, 0, size - by) * centred.narrow(axis, by, size - by)).mean()) / power

    return alike(lag) - sum(map(alike, around)) / len(around)

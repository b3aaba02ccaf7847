"""Brownian noise of the SDE samplers, with the random source of choice.

The same tree as torchsde's `BrownianTree` (Li et al., "Scalable Gradients for Stochastic Differential Equations",
2020), which has no way to choose the generator; A1111 needs one for its NV source.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

_DIGITS = 6
"""Times are rounded to this many digits, so that halving ends."""

_POOL = 24
"""Entropy pool of the seed sequences, as in torchsde."""

_KEPT = 64
"""Increments to remember: neighbouring questions share most of the way down the tree."""

Randn = Callable[[int, Sequence[int]], torch.Tensor]
"""`(seed, shape)` to the first draw of a fresh generator."""


@dataclass(frozen=True)
class _Interval:
    start: float
    end: float
    key: int
    depth: int

    @property
    def middle(self) -> float:
        return round(0.5 * (self.end + self.start), _DIGITS)

    def halves(self) -> tuple[_Interval, _Interval]:
        return (
            _Interval(self.start, self.middle, 2 * self.key, self.depth + 1),
            _Interval(self.middle, self.end, 2 * self.key + 1, self.depth + 1),
        )


class BrownianTree:
    """One path of Brownian motion of a tensor, the same however it is asked."""

    def __init__(self, start: float, end: float, shape: Sequence[int], entropy: int, randn: Randn) -> None:
        self._shape, self._entropy, self._randn = tuple(shape), entropy, randn
        self._top = _Interval(round(start, _DIGITS), round(end, _DIGITS), 0, 0)
        seed = np.random.SeedSequence(entropy=entropy, pool_size=_POOL).generate_state(3)[0]
        self._whole = randn(int(seed), self._shape) * math.sqrt(end - start)
        self._lefts: OrderedDict[tuple[int, int], torch.Tensor] = OrderedDict()

    def __call__(self, start: float, end: float) -> torch.Tensor:
        """Return the increment between two times within the tree's, `start < end`."""
        start = min(max(round(start, _DIGITS), self._top.start), self._top.end)
        end = min(max(round(end, _DIGITS), self._top.start), self._top.end)
        if not start < end:  # NaN, too: halving would find no interval
            return torch.zeros(self._shape)
        parts = self._parts(self._top, self._whole, start, end)
        total = next(parts)
        for part in parts:
            total = total + part
        return total

    def _parts(self, interval: _Interval, increment: torch.Tensor, start: float, end: float) -> Iterator[torch.Tensor]:
        """Yield the increments of the tree's intervals that make up start..end, from left to right."""
        if (start, end) == (interval.start, interval.end):
            yield increment
            return
        left, right = interval.halves()
        first = self._left_increment(interval, left, right, increment)
        if start < left.end:
            yield from self._parts(left, first, start, min(end, left.end))
        if end > right.start:
            yield from self._parts(right, increment - first, max(start, right.start), end)

    def _left_increment(
        self, interval: _Interval, left: _Interval, right: _Interval, increment: torch.Tensor
    ) -> torch.Tensor:
        key = (interval.key, interval.depth)
        if key in self._lefts:
            self._lefts.move_to_end(key)
            return self._lefts[key]
        seed = np.random.SeedSequence(entropy=self._entropy, spawn_key=key, pool_size=_POOL).generate_state(4)[0]
        before, after = left.end - left.start, right.end - right.start
        reciprocal = 1 / (interval.end - interval.start)
        mean = before * increment * reciprocal
        first = mean + math.sqrt(before * after * reciprocal) * self._randn(int(seed), self._shape)
        self._lefts[key] = first
        if len(self._lefts) > _KEPT:
            self._lefts.popitem(last=False)
        return first


class BrownianNoise:
    """A k-diffusion noise sampler: normalised increments of one tree an image.

    The trees span a whole schedule. The slice of it that hires fix runs must be sampled on those, too: trees over the
    slice alone give completely different noise.
    """

    def __init__(self, schedule: torch.Tensor, shape: Sequence[int], seeds: Sequence[int], randn: Randn) -> None:
        """`schedule`: sigmas, from which the smallest positive and the largest are taken. `shape`: one image's."""
        smallest, largest = float(schedule[schedule > 0].min()), float(schedule.max())
        self._trees = [BrownianTree(smallest, largest, shape, seed, randn) for seed in seeds]

    def __call__(self, sigma: torch.Tensor, sigma_next: torch.Tensor) -> torch.Tensor:
        """Return `(B, *shape)` unit noise for the step between two sigmas."""
        low, high, sign = (sigma, sigma_next, 1) if sigma < sigma_next else (sigma_next, sigma, -1)
        increments = torch.stack([tree(float(low), float(high)) for tree in self._trees]).to(sigma.device)
        return increments * sign / (sigma_next - sigma).abs().sqrt()

"""Whether one way is better than another on the same seeds, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

RESAMPLES = 10_000
BOOTSTRAP_SEED = 0
LEVEL = 0.95
LEAST_PAIRS = 5
"""Fewer decide nothing: the interval of one pair has no width, and four alike are chance in one of sixteen cases."""


@dataclass(frozen=True)
class Comparison:
    """A measure of two ways, pair by pair; larger is better."""

    ours: float
    """Mean of the way that should be better."""
    theirs: float
    """Mean of the other."""
    low: float
    """Lower end of the interval that holds the mean difference with 95 % confidence (paired bootstrap)."""
    high: float
    """Upper end."""
    better: int
    """Pairs in which ours is larger."""
    worse: int
    """Pairs in which theirs is larger; the rest are equal."""
    pairs: int
    """All of them."""
    p: float
    """Sign test, one-sided: how likely so many better pairs would be if both were equally good."""

    @property
    def difference(self) -> float:
        """Mean of ours beyond that of theirs."""
        return self.ours - self.theirs

    @property
    def wins(self) -> bool:
        """Whether ours is better with 95 % confidence: the whole interval of enough pairs lies above 0."""
        return self.low > 0 and self.pairs >= LEAST_PAIRS


def compare(ours: Sequence[float], theirs: Sequence[float]) -> Comparison:
    """Compare pair by pair. Raises `ValueError` without pairs, or if the numbers of values differ."""
    if not ours or len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} and {len(theirs)} values are not pairs.")
    differences = np.subtract(ours, theirs)
    drawn = np.random.default_rng(BOOTSTRAP_SEED).integers(0, len(differences), (RESAMPLES, len(differences)))
    low, high = np.quantile(differences[drawn].mean(1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    better, worse = int((differences > 0).sum()), int((differences < 0).sum())
    return Comparison(
        ours=float(np.mean(ours)), theirs=float(np.mean(theirs)), low=float(low), high=float(high), better=better,
        worse=worse, pairs=len(differences), p=sign_test(better, worse),
    )  # fmt: skip


def sign_test(better: int, worse: int) -> float:
    """Chance of at least `better` heads in `better + worse` throws of a fair coin."""
    throws = better + worse
    return sum(comb(throws, heads) for heads in range(better, throws + 1)) / 2**throws

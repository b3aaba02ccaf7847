"""The rows of `bench redraw`: the figures of all seeds of a way, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import numpy as np
from scipy.stats import binomtest, kstest

from ....hires.seams.lines import SCALES, Excess
from ....hires.seams.meetings import Kind
from ....hires.seams.report import Figures
from .ways import Meter

Excesses = Sequence[Excess | None]


@dataclass
class Way:
    """What was measured of a way, a value for each seed."""

    name: str
    lines: int
    """Along an axis, of all kinds."""

    figures: list[Figures] = field(default_factory=list)
    control: list[Figures] = field(default_factory=list)
    """Of the picture that was made in one piece, on this way's lines."""

    apart: list[Figures] = field(default_factory=list)
    """Of the difference to the picture made in one piece. What the picture itself brings is out of it, and a wave or a
    line stands out more; but so does what a model draws otherwise in a tile."""

    distances: list[float] = field(default_factory=list)
    seconds: float = 0.0
    meter: Meter = field(default_factory=Meter)
    peak: int | None = None

    def row(self, untiled: Way) -> dict[str, Any]:
        """The row of the report."""
        calls = self.meter.model + self.meter.vae
        return {
            "name": self.name,
            "pixels_ratio": self.meter.cells / untiled.meter.cells,
            "overhead": (self.seconds - calls) / calls,
            "peak_ratio": self.peak / untiled.peak if self.peak and untiled.peak else None,
            **_seams(self.figures),
            "distance": fmean(self.distances),
            "lines": self.lines,
            "beside_control": _beside([one.seam for one in self.figures], [one.seam for one in self.control]),
            "kinds": {kind: self._kind(kind) for kind in self.figures[0].kinds},
            "seconds_ratio": self.seconds / untiled.seconds,
            "vae_share": self.meter.vae / self.seconds,
            "control": _seams(self.control),
            "to_untiled": _seams(self.apart),
        }

    def _kind(self, kind: Kind) -> dict[str, Any]:
        own, control = ([one.kinds[kind] for one in figures] for figures in (self.figures, self.control))
        return {**_seams_of(own), "control": _seams_of(control), "beside_control": _beside(own, control)}


def _seams(figures: Sequence[Figures]) -> dict[str, Any]:
    offsets = [one.tile_offset for one in figures if one.tile_offset]
    repetitions = [one.repetition for one in figures if one.repetition is not None]
    return {
        **_seams_of([one.seam for one in figures]),
        "period": _harmonics([axis for one in figures for axis in one.period]),
        "tile_offset": fmean(offset.excess for offset in offsets) if offsets else None,
        "repetition": fmean(repetitions) if repetitions else None,
        "change": fmean(one.change for one in figures),
    }


def _seams_of(seeds: Sequence[Excesses]) -> dict[str, dict[str, float | None]]:
    """Mean excess, and how likely ranks that are evenly spread would lie so unevenly (Kolmogorov), by scale."""
    seam: dict[str, float | None] = {}
    p: dict[str, float | None] = {}
    for index, scale in enumerate(SCALES):
        values = [found for seed in seeds if (found := seed[index])]
        seam[str(scale)] = fmean(value.excess for value in values) if values else None
        p[str(scale)] = float(kstest([value.p for value in values], "uniform").pvalue) if values else None
    return {"seam": seam, "p": p}


def _beside(own: Sequence[Excesses], control: Sequence[Excesses]) -> dict[str, dict[str, float] | None]:
    """Geometric mean over seeds of the excess over the control's on the same lines of the same picture, by scale; how
    many are above; and how likely as uneven a split is by chance (sign test).

    What the picture brings to its lines is in both: this tells of less than p does, which the control itself may fail.
    """
    found: dict[str, dict[str, float] | None] = {}
    for index, scale in enumerate(SCALES):
        pairs = [
            (a.excess, b.excess)
            for one, two in zip(own, control, strict=True)
            if (a := one[index]) and (b := two[index])
        ]
        apart = [a / b for a, b in pairs if a != b]
        above = sum(ratio > 1 for ratio in apart)
        found[str(scale)] = (
            {
                "ratio": float(np.exp(np.mean([np.log(a / b) for a, b in pairs]))),
                "above": above,
                "of": len(apart),
                "sign_p": float(binomtest(above, len(apart)).pvalue) if apart else 1.0,
            }
            if pairs
            else None
        )
    return found


def _harmonics(axes: Sequence[Sequence[float | None]]) -> list[float | None]:
    """Geometric mean over axes and seeds of the power at each harmonic."""
    result: list[float | None] = []
    for powers in zip(*axes, strict=True):
        known = [power for power in powers if power]
        result.append(float(np.exp(np.mean(np.log(known)))) if known else None)
    return result or [None, None, None]

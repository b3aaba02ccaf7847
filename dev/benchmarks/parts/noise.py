"""A step of Brownian noise from A1111's `NV` source, beside one from its `CPU` source."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import torch

from ....hires.sampling.brownian import BrownianNoise
from ....hires.sampling.noise import GENERATORS, Source
from .row import Row, compared

LATENTS = (64, 128, 256)
"""Sides in cells."""

STEPS = 30
SCHEDULE = torch.linspace(2.7, -3.5, STEPS).exp()


def rows(rounds: int) -> Iterator[Row]:
    """The source itself, and the floor under it: the float64 functions of Box-Muller, beside a draw of the other."""
    for side in LATENTS:
        shape = (4, side, side)
        cpu = f"CPU noise, a step at latent {side}"
        yield from compared({cpu: _steps("CPU", shape), f"NV noise, latent {side}": _steps("GPU", shape)}, cpu, rounds)
    numbers = torch.rand(2**14, dtype=torch.float64)
    draw = "a draw of 16384 numbers from torch"
    generator = torch.Generator().manual_seed(1)
    ways = {
        draw: lambda: torch.randn(len(numbers), generator=generator),
        "float64 log, sqrt, sin alone": lambda: (numbers.log(), numbers.sqrt(), numbers.sin()),
        "an NV draw": lambda: GENERATORS["GPU"](1).randn(numbers.shape),
    }
    yield from compared(ways, draw, 20 * rounds)


def _steps(source: Source, shape: tuple[int, ...]) -> Callable[[], torch.Tensor]:
    """One step after another, as a sampler asks; every pass over the schedule has noise of its own."""
    passes = itertools.count()
    step = itertools.cycle(range(STEPS - 1))
    noise: list[BrownianNoise] = []

    def ask() -> torch.Tensor:
        index = next(step)
        if index == 0:
            noise[:] = [
                BrownianNoise(SCHEDULE, shape, [next(passes)], lambda seed, of: GENERATORS[source](seed).randn(of))
            ]
        return noise[0](SCHEDULE[index], SCHEDULE[index + 1])

    return ask

"""How the cost of upscaling grows with pictures and batches: in proportion, an exponent of 1, is the least."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from safetensors.torch import load_file

from ....upscale_models import CpuRuntime, from_state_dict, upscale_to
from ....upscale_models.shipped import WEIGHTS
from .. import pairs
from .row import Row

MODEL = "hires-fix-4x"
SIDES = (128, 256, 512, 1024, 2048)
BATCHES = (1, 2, 4, 8, 16)
BATCH_SIDE = 128


def rows(rounds: int) -> Iterator[Row]:
    """The exponent of the area, and that of the batch: `ratio` and `cpu_ratio` are it. Large ones have fewer runs."""
    upscaler = from_state_dict(MODEL, load_file(WEIGHTS / f"{MODEL}.safetensors"))

    def run(count: int, side: int) -> Callable[[], Any]:
        pixels = torch.rand(count, side, side, 3, generator=torch.Generator().manual_seed(side))
        size = side * upscaler.scale
        return partial(upscale_to, pixels, upscaler, size, size, runtime=CpuRuntime())

    areas = {side**2: run(1, side) for side in SIDES}
    yield _exponent(f"pictures of {SIDES[0]}² to {SIDES[-1]}², 4×: exponent", areas, rounds)
    batches = {count: run(count, BATCH_SIDE) for count in BATCHES}
    yield _exponent(f"batches of {BATCHES[0]} to {BATCHES[-1]}, {BATCH_SIDE}², 4×: exponent", batches, rounds)


def _exponent(name: str, ways: dict[int, Callable[[], Any]], rounds: int) -> Row:
    """Of the straight line through the logarithms of time over amount."""
    least = min(ways)
    ways[least]()  # warms up
    counts = {str(amount): max(1, round(rounds * math.sqrt(least / amount))) for amount in ways}
    times = pairs.in_turns({str(amount): way for amount, way in ways.items()}, counts)
    middle = [pairs.Seconds(*map(statistics.median, zip(*times[str(amount)], strict=True))) for amount in ways]
    amounts = [math.log(amount) for amount in ways]
    wall, cpu = (
        statistics.linear_regression(amounts, [math.log(one[clock]) for one in middle]).slope for clock in (0, 1)
    )
    return Row(name, middle[-1].wall, wall, cpu, "proportion")

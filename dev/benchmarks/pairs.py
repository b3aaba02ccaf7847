"""Timing several ways to do the same job in turns (A B A B …), so that a busy machine slows all of them alike.

What is compared are the ratios of neighbours; their median is steadier than any time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch


class Seconds(NamedTuple):
    """How long one run took."""

    wall: float
    cpu: float
    """Of this process, which other programs disturb less. Says nothing where a GPU does the work."""


Times = dict[str, list[Seconds]]
Say = Callable[[str, Seconds], Any]


def in_turns(ways: Mapping[str, Callable[[], Any]], rounds: Mapping[str, int], say: Say = lambda *_: None) -> Times:
    """Run every way once a round, in the opposite order every other round; each takes part in the first `rounds`.

    `say` hears of every finished run, with the way's name.
    """
    times: Times = {name: [] for name in ways}
    for index in range(max(rounds.values())):
        for name in list(ways)[:: -1 if index % 2 else 1]:
            if index < rounds[name]:
                times[name].append(timed(ways[name]))
                say(name, times[name][-1])
    return times


def timed(run: Callable[[], Any]) -> Seconds:
    """Time one run, to the end of what it left to a GPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def ratio(over: list[Seconds], under: list[Seconds]) -> Seconds:
    """Median over the common rounds of one way's times divided by another's."""
    both = list(zip(over, under, strict=False))
    return Seconds(*(statistics.median(a[clock] / b[clock] for a, b in both) for clock in (0, 1)))


def beyond(times: list[Seconds], bare: list[Seconds]) -> list[Seconds]:
    """What one way took longer than another in every round."""
    return [Seconds(a.wall - b.wall, a.cpu - b.cpu) for a, b in zip(times, bare, strict=False)]


def median(times: list[Seconds]) -> float:
    """Median time on the wall's clock."""
    return statistics.median(seconds.wall for seconds in times)

"""The pack's Upscale Image beside ComfyUI's own upscaling with a model. Used by `dev.py bench upscale`.

Both sides get the same loaded model and the same picture in the same process, and run in turns; a speed-up is the
median of the ratios of neighbours, and its bound what it would be, in CPU time, if all but the convolutions cost
nothing. First use, of a model that was just loaded, and peak memory are taken of each side alone, in a process of its
own that has used another copy of the model before. Weights are published ones, fetched when they are first asked for,
or generated: in the layouts of real files, with results that use the range of a picture.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple, TypeVar

import torch

from .. import mount
from ..host import real_host
from . import machine, pairs, peak_memory, pictures
from .upscale_jobs import AUTO, CHAINNER, CORE, EXACT, FAST, UNTILED, Job, jobs
from .upscale_report import Row, goals, table

T = TypeVar("T")

MODES, OTHERS = (AUTO, EXACT, FAST), (CHAINNER, UNTILED)
BARE, CORE_BARE = "bare model", "bare model in core's tiles"


def measure(name: str, job: Job, rounds: int | None, threads: int) -> list[Row]:
    """Time, weigh and compare both sides of a job; a row for each precision."""
    from .upscale_sides import CORE_TILE, Sides

    _say(f"{job.title} …")
    sides = Sides(job)
    sides.warm_up(CORE, *MODES)
    results: dict[str, torch.Tensor] = {}

    def keep(way: str) -> None:
        results.pop(way, None)  # before the next one is made: large pictures
        results[way] = sides.way(way)()

    ways: dict[str, Callable[[], None]] = {way: partial(keep, way) for way in (CORE, *MODES, *OTHERS)}
    counts = dict.fromkeys(ways, rounds or job.exact_rounds) | dict.fromkeys((CORE, AUTO), rounds or job.rounds)
    if job.bare:
        ways |= {BARE: partial(sides.bare, sides.own_tile), CORE_BARE: partial(sides.bare, CORE_TILE)}
        counts |= dict.fromkeys((BARE, CORE_BARE), counts[EXACT])
    times = pairs.in_turns(ways, counts, lambda way, seconds: _say(f"  {way}: {seconds.wall:.2f} s"))
    core_cpu = min(seconds.cpu for seconds in times[CORE])
    bounds = {way: core_cpu / min(sides.convolving(way) for _ in range(counts[way])) for way in MODES}
    first = first_uses(name, threads, counts[EXACT])
    peaks = {way: use.peak if job.weigh else None for way, use in first.items()}
    untiled = results[UNTILED]
    beside_core = {
        "core_psnr_untiled": pictures.decibels(results[CORE], untiled),
        "core_seam": pictures.seam(results[CORE], untiled),
        "core_seconds": pairs.median(times[CORE]),
        "core_peak_bytes": peaks[CORE],
    }
    overhead = None
    if job.bare:
        ours, core = pairs.beyond(times[EXACT], times[BARE]), pairs.beyond(times[CORE], times[CORE_BARE])
        overhead = pairs.ratio(ours, core).wall
    rows = []
    for way in MODES:
        wall, cpu = pairs.ratio(times[CORE], times[way])
        peak, core_peak = peaks[way], peaks[CORE]
        row = Row(
            name=job.title,
            weights=job.weights,
            mode=way,
            first_use=first[CORE].cpu / first[way].cpu,
            bound=bounds[way],
            chainner_speedup=pairs.ratio(times[CHAINNER], times[way]).cpu,
            untiled_speedup=pairs.ratio(times[UNTILED], times[way]).cpu,
            speedup=wall,
            cpu_speedup=cpu,
            memory_ratio=None if peak is None or not core_peak else peak / core_peak,
            psnr=pictures.decibels(results[way], results[CORE]),
            psnr_untiled=pictures.decibels(results[way], untiled),
            max_abs_untiled=pictures.furthest(results[way], untiled),
            seam=pictures.seam(results[way], untiled),
            overhead_ratio=overhead if way == EXACT else None,
            seconds=pairs.median(times[way]),
            peak_bytes=peak,
            pairs=len(times[way]),
            goal=job.goals.get(machine.kind()) if way == AUTO else None,
            **beside_core,
        )
        rows.append(row)
    return rows


class FirstUse(NamedTuple):
    """Of a model that was just loaded."""

    cpu: float
    """Seconds."""
    peak: int | None
    """Bytes beyond model, picture and result."""


def first_uses(name: str, threads: int, rounds: int) -> dict[str, FirstUse]:
    """Use a job's model in every way, each time in a fresh process: the least time and the middle peak."""

    def ask(way: str) -> FirstUse:
        words = ["bench", "upscale", "--threads", str(threads), "--peak", name, way]
        command = [sys.executable, *mount.command("dev.cli.run_bench"), *words]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        return FirstUse(*json.loads(done.stdout.splitlines()[-1]))

    found = [{way: ask(way) for way in (CORE, *MODES)} for _ in range(rounds)]

    def of(uses: list[FirstUse]) -> FirstUse:
        peaks = [use.peak for use in uses if use.peak is not None]
        return FirstUse(min(use.cpu for use in uses), statistics.median_low(peaks) if peaks else None)

    return {way: of([uses[way] for uses in found]) for way in found[0]}


def first_use(job: Job, way: str) -> FirstUse:
    """Use the model of a job for the first time, and another copy of it, on a corner, before."""
    from .upscale_sides import Sides

    Sides(job).warm_up(way)
    sides, seconds = Sides(job), 0.0

    def timed() -> torch.Tensor:
        nonlocal seconds
        start = time.process_time()
        result = sides.way(way)()
        seconds = time.process_time() - start
        return result

    peak = peak_memory.peak_beyond(timed)
    return FirstUse(seconds, peak)


def run(options: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Measure and print; returns the report and the exit status, which does not depend on the figures."""
    known = jobs(torch.cuda.is_available())
    real_host.start(options.threads)
    if options.peak:
        print(json.dumps(_as_host(lambda: first_use(known[options.peak[0]], options.peak[1]))))
        return {}, 0
    rows = [
        row
        for name in options.only
        for row in _as_host(partial(measure, name, known[name], options.pairs, options.threads))
    ]
    print(f"\n{table(rows)}\n\n{machine.sentence()}.")
    found = {"machine": machine.describe(), "goals": goals(), "rows": [asdict(row) for row in rows]}
    return found, 0


def _as_host(work: Callable[[], T]) -> T:
    """The host runs its nodes in a thread, where memory is another allocator's, and in inference mode."""
    with ThreadPoolExecutor(1, initializer=lambda: torch.inference_mode().__enter__()) as thread:
        return thread.submit(work).result()


def _say(line: str) -> None:
    print(line, flush=True)

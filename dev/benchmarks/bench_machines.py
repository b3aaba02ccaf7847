"""A folder of pictures, and the windows of one, by one and by more worker processes of one thread each. Used by
`dev.py bench machines`.

All of them make the same files of the same pictures; so does this process, whose bytes they are compared with.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from PIL import Image
from spandrel.architectures.Compact import Compact

from ...hires.images.resample import to_8_bit
from ...hires.plan.upscale import UpscaleRequest
from ...hires.plan.warnings import counted
from ...hires.tiles.settings import TileSettings
from ...machines.dask_pool import DaskPool, open_pool
from ...machines.entries import Entry
from ...machines.handing_out import HandingOut
from ...machines.jobs import ModelFile, Plain, code_digest, do_job, job_of, settled_for_all
from ...machines.models import ModelStore, sha256_of
from ...machines.windows import WindowHelpers
from ...upscale_models import CLASSICAL, CpuRuntime, Runtime, Upscaler, upscale_to
from ..fixtures.seeded_network import enliven, smooth_picture

SPEEDUP, OVERHEAD_MS = 1.7, 5.0
"""The goals: two workers over one, and milliseconds that handing out a piece of work takes."""

_SMALL, _ROUNDS = 8, 200


_WINDOW, _PICTURES_A_SIDE = 192, 3
"""Pixels a side of the windows of one picture, which is this many times as large as those of the folder."""


@dataclass(frozen=True)
class Row:
    name: str
    workers: int
    """0: this process, without any."""
    seconds: float
    speedup: float
    """Over one worker."""
    own_cpu: float
    """Seconds of CPU time that this process took meanwhile."""
    equal_bytes: bool


@dataclass(frozen=True)
class Overhead:
    """Milliseconds that a piece takes beyond its own work."""

    busy: float
    """While the worker always has the next one, as in a job."""
    own_cpu: float
    """CPU time of this process, then."""
    alone: float
    """Handed out when the one before has come back."""


def run(options: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Measure and print; returns the report and the exit status, which says whether all bytes were equal."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        work, store, path = _work(Path(temporary), options.pictures, options.side)
        upscaler = store.load(_file(path))
        large = smooth_picture(*2 * [_PICTURES_A_SIDE * options.side]).movedim(1, -1)
        folder, windows = Compared(), Compared()
        folder.measure(0, lambda: [do_job(job, store.load, _runtimes)["data"] for job in work])
        windows.measure(0, lambda: _in_windows(large, upscaler, None))
        overhead = None
        for count in sorted({1, *options.workers}):
            pool = open_pool(Entry("bench", processes=count, threads=1), [temporary])
            try:
                pool.meet([_file(path)], [path])
                _warm(pool, work[0], count)
                helpers = WindowHelpers(pool, {upscaler.name: asdict(_file(path))}, lambda: None)
                folder.measure(count, lambda pool=pool: _by(pool, work))
                windows.measure(count, lambda helpers=helpers: _in_windows(large, upscaler, helpers))
                overhead = overhead or _overhead(pool, Path(temporary))
            finally:
                pool.close()
            print(f"{count} worker(s): {folder.found[count][0]:.1f} s, {windows.found[count][0]:.1f} s", flush=True)
    assert overhead is not None
    rows = [*folder.rows("folder"), *windows.rows("windows")]
    print(
        f"\n{table(rows)}\n\nHanding a piece of work out and taking its answer: {overhead.busy:.1f} ms while a worker "
        f"is kept busy (goal {OVERHEAD_MS:g}), {overhead.own_cpu:.1f} ms of it CPU time of this process; one after "
        f"another {overhead.alone:.1f} ms.\n"
        f"{options.pictures} pictures of {options.side}², and one of {large.shape[1]}² in windows of {_WINDOW}²; "
        f"Compact 16, 4x, float32. {os.cpu_count()} cores, torch {torch.__version__}. Goal: {SPEEDUP} with two workers "
        f"on two idle cores."
    )
    report = {
        "goals": {"speedup": SPEEDUP, "overhead_ms": OVERHEAD_MS},
        "overhead_ms": asdict(overhead),
        "rows": [asdict(row) for row in rows],
    }
    return report, 0 if all(row.equal_bytes for row in rows) else 1


class Compared:
    """One job by different numbers of workers."""

    def __init__(self) -> None:
        self.found: dict[int, tuple[float, float, bool]] = {}
        self._expected: list[bytes | None] = []

    def measure(self, workers: int, work: Callable[[], list[bytes | None]]) -> None:
        started, cpu = time.perf_counter(), time.process_time()
        made = work()
        self._expected = self._expected or made
        taken = time.perf_counter() - started, time.process_time() - cpu
        self.found[workers] = (*taken, made == self._expected)

    def rows(self, name: str) -> list[Row]:
        return [
            Row(f"{name}, {counted(count, 'worker')}", count, seconds, self.found[1][0] / seconds, own, equal)
            for count, (seconds, own, equal) in self.found.items()
        ]


def table(rows: list[Row]) -> str:
    """The report as Markdown."""
    lines = ["| workers | seconds | speed | own CPU | equal bytes |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {row.name} | {row.seconds:.1f} | {row.speedup:.2f} | {row.own_cpu:.1f} s | "
        f"{'yes' if row.equal_bytes else 'NO'} |"
        for row in rows
    ]
    return "\n".join(lines)


def _work(folder: Path, count: int, side: int) -> tuple[list[Plain], ModelStore, Path]:
    path = folder / "compact.safetensors"
    network = enliven(Compact(num_feat=64, num_conv=16, upscale=4), 51)
    safetensors.torch.save_file(network.state_dict(), path)
    store = ModelStore([folder])
    upscaler = store.load(_file(path))
    pictures = smooth_picture(side, side, batch=count).movedim(1, -1)
    jobs = []
    for index, picture in enumerate(to_8_bit(pictures)):
        picture.save(folder / f"{index}.png")
        jobs.append(_job(folder / f"{index}.png", upscaler, asdict(_file(path))))
    return jobs, store, path


def _file(path: Path) -> ModelFile:
    return ModelFile(path.name, sha256_of(path), path.stat().st_size)


def _job(path: Path, upscaler: Upscaler, plain: Plain) -> Plain:
    request = UpscaleRequest(upscaler, 4.0, False, tiles=TileSettings(precision="float32"))
    return job_of(path, request, [plain], settled_for_all(request, _runtimes, 8), "png", 8, 95, False)


def _runtimes(count: int) -> list[Runtime]:
    return [CpuRuntime() for _ in range(count)]


def _by(pool: DaskPool, work: list[Plain]) -> list[bytes | None]:
    code = code_digest()
    handing = HandingOut(pool, "upscale", lambda: None)
    return [one.answer["data"] if one.answer else None for one in handing.results(work, lambda job: (job, code))]


def _warm(pool: DaskPool, job: Plain, count: int) -> None:
    """Let every worker load the model before the clock starts."""
    _by(pool, [job] * (4 * count))


def _in_windows(picture: torch.Tensor, upscaler: Upscaler, helpers: WindowHelpers | None) -> list[bytes | None]:
    size, tiles = 4 * picture.shape[1], TileSettings(_WINDOW, precision="float32")
    return [upscale_to(picture, upscaler, size, size, tiles, helpers=helpers).numpy().tobytes()]


def _overhead(pool: DaskPool, folder: Path) -> Overhead:
    """For pieces of work that hardly are any."""
    Image.new("RGB", (_SMALL, _SMALL)).save(folder / "small.png")
    job, code = _job(folder / "small.png", CLASSICAL["Nearest"], {"filter": "Nearest"}), code_digest()
    taken = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        ticket = pool.submit("upscale", job, code)
        while not ticket.wait(1.0):
            pass
        taken.append(time.perf_counter() - started - ticket.result()["seconds"])
    handing = HandingOut(pool, "upscale", lambda: None)
    started, cpu = time.perf_counter(), time.process_time()
    done = sum(1 for _ in handing.results(range(_ROUNDS), lambda _: (job, code)))
    spent, own = time.perf_counter() - started, time.process_time() - cpu
    work = sum(tally.seconds for tally in handing.tallies.values())
    return Overhead(1000 * (spent - work) / done, 1000 * own / done, 1000 * statistics.median(taken))

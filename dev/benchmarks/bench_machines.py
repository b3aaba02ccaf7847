"""A folder of pictures by one and by more worker processes of one thread each. Used by `dev.py bench machines`.

All of them make the same files of the same pictures; so does this process, whose bytes they are compared with.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from PIL import Image
from spandrel.architectures.Compact import Compact

from ...hires.images.resample import to_8_bit
from ...hires.plan.upscale import UpscaleRequest
from ...hires.tiles.settings import TileSettings
from ...machines.dask_pool import DaskPool, open_pool
from ...machines.entries import Entry
from ...machines.handing_out import HandingOut
from ...machines.jobs import ModelFile, Plain, code_digest, do_job, job_of, settled_for_all
from ...machines.models import ModelStore, sha256_of
from ...upscale_models import CLASSICAL, CpuRuntime, Runtime, Upscaler
from ..fixtures.seeded_network import enliven, smooth_picture

SPEEDUP, OVERHEAD_MS = 1.7, 5.0
"""The goals: two workers over one, and milliseconds that handing out a piece of work takes."""

_SMALL, _ROUNDS = 8, 200


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


def run(options: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Measure and print; returns the report and the exit status, which says whether all bytes were equal."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        work, store, path = _work(Path(temporary), options.pictures, options.side)
        started, cpu = time.perf_counter(), time.process_time()
        expected = [do_job(job, store.load, _runtimes)["data"] for job in work]
        found = {0: (time.perf_counter() - started, time.process_time() - cpu, True)}
        overhead = 0.0
        for count in sorted({1, *options.workers}):
            pool = open_pool(Entry("bench", processes=count, threads=1), [temporary])
            try:
                pool.meet([_file(path)], [path])
                _warm(pool, work[0], count)
                started, cpu = time.perf_counter(), time.process_time()
                made = _by(pool, work)
                found[count] = (time.perf_counter() - started, time.process_time() - cpu, made == expected)
                overhead = overhead or _overhead(pool, Path(temporary))
            finally:
                pool.close()
            print(f"{count} worker(s): {found[count][0]:.1f} s", flush=True)
    rows = [
        Row("here" if count == 0 else f"{count} processes", count, seconds, found[1][0] / seconds, own, equal)
        for count, (seconds, own, equal) in found.items()
    ]
    print(
        f"\n{table(rows)}\n\nHanding out a piece of work and taking its answer: {overhead:.1f} ms (goal "
        f"{OVERHEAD_MS:g}).\n"
        f"{options.pictures} pictures of {options.side}², Compact 16, 4x, float32. {os.cpu_count()} cores, torch "
        f"{torch.__version__}. Goal: {SPEEDUP} with two workers on two idle cores."
    )
    report = {
        "goals": {"speedup": SPEEDUP, "overhead_ms": OVERHEAD_MS},
        "overhead_ms": overhead,
        "rows": [asdict(row) for row in rows],
    }
    return report, 0 if all(row.equal_bytes for row in rows) else 1


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
    return [one.answer and one.answer["data"] for one in handing.results(work, lambda job: (job, code))]


def _warm(pool: DaskPool, job: Plain, count: int) -> None:
    """Let every worker load the model before the clock starts."""
    _by(pool, [job] * (4 * count))


def _overhead(pool: DaskPool, folder: Path) -> float:
    """Milliseconds for a piece of work that hardly is any, one after another, less what it takes itself."""
    Image.new("RGB", (_SMALL, _SMALL)).save(folder / "small.png")
    job, code = _job(folder / "small.png", CLASSICAL["Nearest"], {"filter": "Nearest"}), code_digest()
    taken = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        ticket = pool.submit("upscale", job, code)
        while not ticket.wait(1.0):
            pass
        taken.append(time.perf_counter() - started - ticket.result()["seconds"])
    return 1000 * statistics.median(taken)

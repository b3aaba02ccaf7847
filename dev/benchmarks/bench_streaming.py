"""What upscaling from disk to disk takes: memory by picture size, and whether the bytes are right. Used by
`dev.py bench streaming`.

For each size a tiny 2x model enlarges a square RGB TIFF in a fresh process, whose peak memory the kernel reports:
once piece by piece, once as a whole picture in memory with the same writer, and once more piece by piece, killed at
half and started again. All three files have to be the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..command_line import BAND
from ..mount import command, module

SCALE = 2
FLAT = 1.10
"""How many times the peak memory of the smallest picture the largest may take."""


@dataclass(frozen=True)
class Row:
    """One size."""

    name: str
    peak_mb: float
    """Peak memory of the process while it worked piece by piece, libraries and model included."""
    own_mb: float
    """What of it came on top of the loaded libraries and model."""
    seconds: float
    peak_ratio: float
    """To the smallest size."""
    whole_peak_mb: float | None
    """Peak memory of the process that worked on the whole picture; None if that was left out."""
    same_bytes: bool | None
    """Whether both made the same file."""
    resumed_same_bytes: bool
    """Whether the run that was killed at half and started again made the same file."""


def bench(sizes: list[int], whole_up_to: int, folder: Path) -> Iterator[Row]:
    """Measure each size."""
    smallest = 0.0
    for size in sizes:
        source, target = folder / f"{size}.tif", folder / "large.tif"
        _run("make", source, target, size)
        streamed = _run("stream", source, target, size)
        expected = _digest(target)
        target.unlink()
        whole = _run("whole", source, target, size) if size <= whole_up_to else None
        same = _digest(target) == expected if whole else None
        target.unlink(missing_ok=True)
        _run_until_half(source, target, size)
        _run("stream", source, target, size)
        resumed = _digest(target) == expected
        for path in (source, target):
            path.unlink()
        smallest = smallest or streamed["peak_mb"]
        yield Row(
            name=f"{size}x{size} to {SCALE * size}x{SCALE * size}",
            peak_mb=streamed["peak_mb"],
            own_mb=streamed["peak_mb"] - streamed["before_mb"],
            seconds=streamed["seconds"],
            peak_ratio=streamed["peak_mb"] / smallest,
            whole_peak_mb=whole["peak_mb"] if whole else None,
            same_bytes=same,
            resumed_same_bytes=resumed,
        )


def run(options: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Print a line for every size; returns the report and the exit status: 1 if memory is not flat or bytes differ.

    Raises `ReportError` where memory cannot be measured, or one of the processes fails.
    """
    if not module("dev.benchmarks.peak_memory").forget_peak():
        raise _error("the peak memory of a process can only be measured on Linux with GNU's C library")
    rows = []
    with tempfile.TemporaryDirectory(prefix="hires-fix-bench-", dir=options.folder) as folder:
        for row in bench(options.sizes, options.whole_up_to, Path(folder)):
            rows.append(row)
            whole = (
                "not run" if row.whole_peak_mb is None else f"{row.whole_peak_mb:.0f} MB, same bytes {row.same_bytes}"
            )
            print(
                f"{row.name}: {row.seconds:.1f} s, peak {row.peak_mb:.0f} MB ({row.own_mb:.0f} MB own, "
                f"x{row.peak_ratio:.2f}); in memory: {whole}; killed and resumed: same bytes {row.resumed_same_bytes}",
                flush=True,
            )
    good = all(row.peak_ratio <= FLAT and row.same_bytes is not False and row.resumed_same_bytes for row in rows)
    return {"goal": FLAT, "torch": version("torch"), "rows": [asdict(row) for row in rows]}, 0 if good else 1


def _error(reason: str) -> Exception:
    return module("dev.report_file").ReportError(f"bench streaming: {reason}.")


# ------------------------------------------------------------------------------------------------ the other process


def work(what: str, source: Path, target: Path, size: int) -> dict[str, float]:
    """Do one thing and tell what it took."""
    if what == "make":
        _make(source, size)
        return {}
    upscaler = _upscaler()
    _stream(source, target.with_name("warm-up.tif"), upscaler, 64)
    target.with_name("warm-up.tif").unlink()
    memory = module("dev.benchmarks.peak_memory")
    memory.forget_peak()  # loading the libraries left out
    before, started = memory.kilobytes("VmRSS") / 1024, time.perf_counter()
    if what == "whole":
        _whole(source, target, upscaler, SCALE * size)
    else:
        _stream(source, target, upscaler, SCALE * size, killed=what == "half")
    return {"before_mb": before, "seconds": time.perf_counter() - started, "peak_mb": memory.kilobytes("VmHWM") / 1024}


def _make(path: Path, size: int) -> None:
    """A picture with smooth and noisy parts, written in bands."""
    import torch

    tiff, box = module("pictures.formats.tiff.write"), module("hires.tiles.boxes").Box
    generator = torch.Generator().manual_seed(size)
    sink = tiff.TiffSink.create(path, tiff.TiffLayout(size, size, 3))
    for top in range(0, size, BAND):
        y, x = torch.meshgrid(torch.arange(top, top + BAND) / size, torch.arange(size) / size, indexing="ij")
        waves = torch.stack([x, y, 0.5 + 0.5 * torch.sin(90 * x * y)], dim=-1)
        sink.write(box(0, top, size, top + BAND), 0.9 * waves + 0.1 * torch.rand(waves.shape, generator=generator))
    sink.close()


def _upscaler() -> Any:
    import torch
    from spandrel.architectures.Compact import Compact

    torch.manual_seed(0)
    network = Compact(num_feat=8, num_conv=2, upscale=SCALE)
    return module("upscale_models").from_state_dict("tiny compact", network.state_dict())


def _stream(source: Path, target: Path, upscaler: Any, size: int, killed: bool = False) -> None:
    models, pieces = module("upscale_models"), module("pictures.streams.pieces")
    tiles = models.settle_tiles(upscaler, size, size)
    with module("pictures.source").open_source(source) as picture:

        def make(marks: tuple[int, ...]) -> Iterator[Any]:
            done = max(marks, default=0)
            blocks = models.upscale_blocks(picture, upscaler, size, size, tiles, rows_done=done)
            found = pieces.pieces_of_one(blocks, size, (done,))
            return _until_half(found, size) if killed else found

        layout = module("pictures.formats.tiff.write").TiffLayout(size, size, 3)
        job = {"input": [str(source), source.stat().st_mtime_ns], "tiles": asdict(tiles)}
        module("pictures.streams.file").stream_picture(target, layout, job, make)


def _until_half(pieces: Iterator[Any], size: int) -> Iterator[Any]:
    """Kill this process before the first piece that completes more than half of the rows."""
    for piece in pieces:
        if piece.marks[0] > size // 2:
            os.kill(os.getpid(), signal.SIGKILL)
        yield piece


def _whole(source: Path, target: Path, upscaler: Any, size: int) -> None:
    tiff, box = module("pictures.formats.tiff.write"), module("hires.tiles.boxes").Box
    with module("pictures.source").open_source(source) as picture:
        pixels = picture.read(box(0, 0, picture.width, picture.height))[None]
    large = module("upscale_models").upscale_to(pixels, upscaler, size, size)
    sink = tiff.TiffSink.create(target, tiff.TiffLayout(size, size, 3))
    sink.write(box(0, 0, size, size), large[0])
    sink.close()


# ------------------------------------------------------------------------------------------------- this process


def _run(what: str, source: Path, target: Path, size: int) -> dict[str, float]:
    return json.loads(_ended(what, source, target, size, 0).splitlines()[-1])


def _run_until_half(source: Path, target: Path, size: int) -> None:
    """Have the other process kill itself at half; the file stays unfinished."""
    _ended("half", source, target, size, -signal.SIGKILL)


def _ended(what: str, source: Path, target: Path, size: int, status: int) -> str:
    """What the other process has printed; raises `ReportError` where it ended in another way."""
    words = [sys.executable, *command("dev.benchmarks.bench_streaming"), what, str(source), str(target), str(size)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != status:
        raise _error(f"'{what}' at {size} failed:\n{done.stderr}")
    return done.stdout


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    """Do one piece of work in this process and print what was measured."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    print(json.dumps(work(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))))
    return 0

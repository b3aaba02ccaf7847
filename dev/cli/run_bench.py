"""Run one of the benchmarks. Used by `dev.py bench`."""

from __future__ import annotations

import sys

from .. import command_line, report_file
from ..benchmarks import bench_machines, bench_redraw, bench_sampling, bench_streaming, bench_upscale, bench_vae
from ..benchmarks.gpu import run as gpu
from ..benchmarks.parts import run as parts

BENCHMARKS = {
    "gpu": gpu,
    "machines": bench_machines,
    "parts": parts,
    "redraw": bench_redraw,
    "sampling": bench_sampling,
    "streaming": bench_streaming,
    "upscale": bench_upscale,
    "vae": bench_vae,
}


def main() -> int:
    """Measure and print; returns the exit status."""
    options = command_line.parse(sys.argv[1:])
    try:
        report_file.prepare(options.json)
        measured, status = BENCHMARKS[options.what].run(options)
        report_file.write(options.json, measured)
    except report_file.ReportError as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    return status

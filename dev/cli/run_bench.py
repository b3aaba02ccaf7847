"""Run one of the benchmarks. Used by `dev.py bench`."""

from __future__ import annotations

import sys

from ..mount import module
from . import command_line


def main() -> int:
    """Measure and print; returns the exit status."""
    options = command_line.parse(sys.argv[1:])
    report_file = module("dev.cli.report_file")
    try:
        report_file.prepare(options.json)
        found, status = module(f"dev.benchmarks.bench_{options.what}").run(options)
        report_file.write(options.json, found)
    except report_file.ReportError as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    return status

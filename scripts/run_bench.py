"""Run one of the benchmarks. Used by `dev.py bench`."""

from __future__ import annotations

import sys

import command_line
import stopping
from mount import module


def main() -> int:
    """Measure and print; returns the exit status."""
    options = command_line.parse(sys.argv[1:])
    report_file = module("scripts.report_file")
    try:
        report_file.prepare(options.json)
        found, status = module(f"benchmarks.bench_{options.what}").run(options)
        report_file.write(options.json, found)
    except report_file.ReportError as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(stopping.run(main))

"""Compare the pack with recorded A1111 runs. Used by `dev.py parity`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from mount import module


def main() -> int:
    """Run the cases, print the table; returns the exit status: 0 only when every case is fine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--jobs", type=int, default=max(1, min(4, os.cpu_count() or 1)))
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.table:
        print(module("scripts.compat").markdown())
        return 0
    if options.cases is None:
        parser.error("--cases DIR is needed")
    return run(options.cases, options.only, options.jobs, options.json)


def run(folder: Path, only: list[str], jobs: int, json: Path | None) -> int:
    """Run the cases below a folder; see `main`."""
    names = ("parity_report", "parity_run", "parity_cases", "comfyui_host", "comfy_client")
    report, runner, reading, host, client = (module(f"scripts.{name}") for name in names)
    started = time.monotonic()
    try:
        cases = reading.discover(folder, only)
        print(f"{len(cases)} cases; {min(jobs, len(cases))} ComfyUI at once, one thread each", flush=True)
        outcomes = runner.run_cases(cases, jobs, lambda line: print(line, flush=True))
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130
    except (reading.CaseError, host.HostError, client.ClientError) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    print("\n" + report.table(outcomes))
    if json is not None:
        report.write_json(json, outcomes)
    fine = sum(outcome.ok for outcome in outcomes)
    minutes, seconds = divmod(time.monotonic() - started, 60)
    print(f"\n{fine} of {len(outcomes)} cases within tolerance. Total time: {int(minutes)} min {seconds:.0f} s")
    return 0 if fine == len(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Compare the pack with recorded A1111 runs. Used by `dev.py parity`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from .. import command_line, report_file
from ..host.comfy_client import ClientError
from ..host.comfyui_host import HostError
from ..parity import cases as recorded
from ..parity import differences, report
from ..parity import run as runner


def main() -> int:
    """Run the cases, print the table; returns the exit status: 0 only when every case is fine."""
    options = command_line.parse(sys.argv[1:])
    if options.table:
        print(differences.markdown())
        return 0
    return run(options.cases, options.only, options.jobs, options.json)


def run(folder: Path, only: list[str], jobs: int, json: Path | None) -> int:
    """Run the cases below a folder; see `main`."""
    started = time.monotonic()
    try:
        report_file.prepare(json)
        cases = recorded.discover(folder, only)
        print(f"{len(cases)} cases; {min(jobs, len(cases))} ComfyUI at once, one thread each", flush=True)
        outcomes = runner.run_cases(cases, jobs, lambda line: print(line, flush=True))
        print("\n" + report.table(outcomes))
        report_file.write(json, report.as_json(outcomes))
    except (report_file.ReportError, recorded.CaseError, HostError, ClientError) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    fine = sum(outcome.ok for outcome in outcomes)
    minutes, seconds = divmod(time.monotonic() - started, 60)
    print(f"\n{fine} of {len(outcomes)} cases within tolerance. Total time: {int(minutes)} min {seconds:.0f} s")
    return 0 if fine == len(outcomes) else 1

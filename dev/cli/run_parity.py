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
from ..parity.http import differences as http_differences
from ..parity.http import exchanges
from ..parity.http import report as http_report
from ..parity.http.run import run_exchanges


def main() -> int:
    """Run the cases, print the table; returns the exit status: 0 only when every case is fine."""
    options = command_line.parse(sys.argv[1:])
    if options.table:
        print(f"{differences.markdown()}\n\n{http_differences.markdown()}")
        return 0
    return run(options.cases, options.only, options.jobs, options.json)


def run(folder: Path, only: list[str], jobs: int, json: Path | None) -> int:
    """Run the cases below a folder; see `main`."""
    started = time.monotonic()
    if exchanges.holds_exchanges(folder):
        return _run_http(folder, only, jobs, json)
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


def _run_http(folder: Path, only: list[str], jobs: int, json: Path | None) -> int:
    """Play recorded exchanges with A1111's API; see `main`."""
    started = time.monotonic()
    try:
        report_file.prepare(json)
        results = run_exchanges(folder, only, jobs, lambda line: print(line, flush=True))
        print("\n" + http_report.table(results))
        report_file.write(json, http_report.as_json(results))
    except (report_file.ReportError, recorded.CaseError, HostError) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    minutes, seconds = divmod(time.monotonic() - started, 60)
    print(f"\n{http_report.counts(results)}\nTotal time: {int(minutes)} min {seconds:.0f} s")
    return 0 if all(result.ok for result in results) else 1

"""Run all checks and print one table."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from ...host import real_host
from ...report_file import ReportError
from .. import machine


def run(options: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Print a line for every finding; returns the report and the exit status: 1 if something is wrong.

    Raises `ReportError` without a card, unless the dry run on the CPU was asked for.
    """
    import torch

    if not options.cpu and not torch.cuda.is_available():
        raise ReportError("bench gpu: torch sees no CUDA device. --cpu runs the checks themselves, at small sizes.")
    real_host.start(options.threads)
    from . import checks

    found = []
    print("| | found | |\n|---|---|---|")
    with torch.inference_mode():  # as the host runs its nodes
        for row in checks.rows(dry=options.cpu):
            found.append(row)
            verdict = {None: "", True: "good", False: "**wrong**"}[row.good]
            print(f"| {row.name} | {row.found:.2f} {row.unit} | {verdict} |", flush=True)
    print(f"\n{machine.sentence()}.")
    wrong = [row for row in found if row.good is False]
    return {"machine": machine.describe(), "rows": [asdict(row) for row in found]}, 1 if wrong else 0

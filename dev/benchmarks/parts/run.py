"""Measure the parts and print their rows."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from ...host import real_host
from .. import machine
from . import noise, saving, scaling, start

PARTS = {"noise": noise, "saving": saving, "scaling": scaling, "start": start}


def run(options: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Measure and print; returns the report and the exit status, which does not depend on the times."""
    real_host.start(options.threads)
    found = []
    print("| | ms | over | time | CPU time | size |\n|---|---|---|---|---|---|")
    for name in options.only:
        for row in PARTS[name].rows(options.pairs or 9):
            found.append(row)
            size = "" if row.size is None else f"{row.size:.3f}"
            cpu = "" if row.cpu_ratio is None else f"{row.cpu_ratio:.2f}"
            times = f"{row.seconds * 1e3:.1f} | {row.beside} | {row.ratio:.2f} | {cpu}"
            print(f"| {row.name} | {times} | {size} |", flush=True)
    print(f"\n{machine.sentence()}.")
    return {"machine": machine.describe(), "rows": [asdict(row) for row in found]}, 0

"""Try A1111's API on a real server. Used by `dev.py api`."""

from __future__ import annotations

import sys

from .. import command_line, report_file
from ..api import run
from ..host.comfyui_host import HostError


def main() -> int:
    """Try everything; the exit status is 1 where something was found, 2 where nothing could be tried."""
    options = command_line.parse(sys.argv[1:])
    try:
        report_file.prepare(options.json)
        found, status = run.run(options, lambda line: print(line, flush=True))
        report_file.write(options.json, found)
    except (HostError, report_file.ReportError) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 2
    return status

"""Try random valid prompts on a real server. Used by `dev.py fuzz`."""

from __future__ import annotations

import sys

from ..mount import module
from . import command_line


def main() -> int:
    """Try until the time is over; the exit status is 1 where something was found, 2 where nothing could be tried."""
    options = command_line.parse(sys.argv[1:])
    problems = (module("dev.host.comfyui_host").HostError, ValueError)  # of a file that is no prompt
    try:
        return module("dev.fuzz.run").run(options, lambda line: print(line, flush=True))
    except problems as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 2

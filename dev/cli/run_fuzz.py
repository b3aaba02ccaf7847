"""Try random valid prompts on a real server. Used by `dev.py fuzz`."""

from __future__ import annotations

import sys

from .. import command_line
from ..fuzz import run
from ..host.comfyui_host import HostError


def main() -> int:
    """Try until the time is over; the exit status is 1 where something was found, 2 where nothing could be tried."""
    options = command_line.parse(sys.argv[1:])
    try:
        return run.run(options, lambda line: print(line, flush=True))
    except (HostError, ValueError) as problem:  # a ValueError: of a file that is no prompt
        print(f"\n{problem}", file=sys.stderr)
        return 2

"""Try random valid prompts on a real server. Used by `dev.py fuzz`."""

from __future__ import annotations

import sys

import command_line
import stopping
from mount import module


def main() -> int:
    """Try until the time is over; the exit status is 1 where something was found, 2 where nothing could be tried."""
    options = command_line.parse(sys.argv[1:])
    problems = (module("scripts.comfyui_host").HostError, ValueError)  # of a file that is no prompt
    try:
        return module("scripts.fuzz").run(options, lambda line: print(line, flush=True))
    except problems as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(stopping.run(main))

#!/usr/bin/env python3
"""The developer's front door: `python3 dev.py demo`, `test`, `generate`, `parity`, `bench`, `quality`, `fuzz`, `api`.

Needs nothing but Python 3.11: the environment and a pinned ComfyUI are made in `.host/` on the first run. The command
line is read in `dev/command_line.py`; the rest of `dev/` does the work.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

DEV = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dev")


def main() -> int:
    """Prepare the environment, hand over to the script, return its exit status."""
    if sys.version_info < (3, 11):
        print(f"dev.py needs Python 3.11 or newer; this is Python {sys.version.split()[0]}.", file=sys.stderr)
        return 2
    sys.path.insert(0, DEV)
    import mount

    mount.package()
    from hires_pack.dev import command_line, stopping
    from hires_pack.dev.host import environment

    options = command_line.parse(sys.argv[1:])
    stopping.listen()
    try:
        if getattr(options, "server", None):
            python, comfyui = environment.prepare_for_server(), ""
        else:
            host = environment.prepare(options.comfyui, options.dev, options.browser, options.pinned)
            python, comfyui = host.python, host.comfyui
    except environment.PreparationError as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped; run the same command again to continue.", file=sys.stderr)
        return 130

    command = [str(python), *mount.command(f"dev.cli.{options.script}"), *sys.argv[1:]]
    sys.stdout.flush()
    return _run(command, dict(os.environ, HIRES_FIX_COMFYUI=str(comfyui)))


def _run(command: list[str], env: dict[str, str]) -> int:
    process = subprocess.Popen(command, env=env)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    signal.signal(signal.SIGINT, signal.default_int_handler)  # unlike stopping's, it leaves SIGTERM as it is
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # a Ctrl-C reaches the child as well, which is stopping its server: wait for that


if __name__ == "__main__":
    sys.exit(main())

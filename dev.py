#!/usr/bin/env python3
"""The developer's front door: `python3 dev.py demo`, `test`, `parity`, `bench` and `quality`.

Needs nothing but Python 3.11: the environment and a pinned ComfyUI are made in `.host/` on the first run. This file
only reads the command line; the work is in `scripts/`.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scripts")


def parser() -> argparse.ArgumentParser:
    """The command line of every sub-command."""
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(dest="command", required=True)

    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--comfyui", metavar="PATH", help="use the ComfyUI in this folder (also: COMFYUI_PATH)")
    where.add_argument("--pinned", action="store_true", help="use the pinned ComfyUI even inside another one")

    demo = commands.add_parser("demo", parents=[where], help="run the saved workflows and write pictures to output/")
    demo.add_argument("--server", metavar="URL", help="use a running ComfyUI that has this pack (with --checkpoint)")
    demo.add_argument("--checkpoint", metavar="NAME", help="checkpoint to use, as ComfyUI lists it")
    demo.add_argument("--keep", action="store_true", help="leave the server running and print the editor's address")
    demo.set_defaults(script="run_demo.py", dev=False)

    test = commands.add_parser("test", parents=[where], help="run every test; what follows -- goes to pytest")
    test.add_argument("pytest_arguments", nargs="*", metavar="ARGUMENT")
    test.set_defaults(script="run_tests.py", dev=True)

    parity = commands.add_parser("parity", parents=[where], help="compare with recorded A1111 runs")
    parity.add_argument("--cases", metavar="DIR", help="folder of recorded runs")
    parity.add_argument("--json", metavar="FILE", help="write the result there, too")
    parity.add_argument("--only", nargs="+", metavar="ID", help="run only these cases")
    parity.add_argument("--jobs", metavar="N", help="servers at once (default: one for each core, at most 4)")
    parity.add_argument("--table", action="store_true", help="print the table of what is refused on purpose, and end")
    parity.set_defaults(script="run_parity.py", dev=False)

    bench = commands.add_parser("bench", parents=[where], help="measure the pack beside ComfyUI's own nodes")
    bench.add_argument("what", choices=["sampling", "upscale", "streaming"])
    bench.add_argument("--json", metavar="FILE", help="write the result there, too")
    bench.add_argument("--pairs", metavar="N", help="paired runs of every row")
    bench.add_argument("--threads", metavar="N", help="threads of torch on a CPU (default: 1)")
    bench.add_argument("--only", nargs="+", metavar="NAME", help="only these jobs of 'upscale'")
    bench.set_defaults(script="run_bench.py", dev=False)

    quality = commands.add_parser("quality", parents=[where], help="judge the pack's own weights on held-back data")
    quality.add_argument("--json", metavar="FILE", help="write the result there, too")
    quality.add_argument("--models", nargs="+", metavar="FILE", help="further upscale models for the table")
    quality.add_argument("--seeds", metavar="N", help="pictures that hires fix is judged by (default: 100)")
    quality.add_argument("--jobs", metavar="N", help="servers at once (default: one for each core, at most 2)")
    quality.add_argument("--only", choices=["upscalers", "hires"], help="only this half")
    quality.set_defaults(script="run_quality.py", dev=False)
    return top


def main() -> int:
    """Prepare the environment, hand over to the script, return its exit status."""
    if sys.version_info < (3, 11):
        print(f"dev.py needs Python 3.11 or newer; this is Python {sys.version.split()[0]}.", file=sys.stderr)
        return 2
    options = parser().parse_args()
    sys.path.insert(0, SCRIPTS)
    import environment
    from steps import PreparationError

    try:
        if getattr(options, "server", None):
            python, comfyui = environment.prepare_for_server(), ""
        else:
            host = environment.prepare(options.comfyui, dev=options.dev, pinned_only=options.pinned)
            python, comfyui = host.python, host.comfyui
    except PreparationError as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped; run the same command again to continue.", file=sys.stderr)
        return 130

    command = [str(python), os.path.join(SCRIPTS, options.script), *handed_over(options)]
    sys.stdout.flush()
    return _run(command, dict(os.environ, HIRES_FIX_COMFYUI=str(comfyui)))


def handed_over(options: argparse.Namespace) -> list[str]:
    """The command line of the script that does the work."""
    arguments = [options.what] if options.command == "bench" else list(getattr(options, "pytest_arguments", []))
    for name in ("server", "checkpoint", "cases", "json", "jobs", "pairs", "threads", "seeds"):
        if getattr(options, name, None):
            arguments += [f"--{name}", getattr(options, name)]
    for name in ("keep", "table"):
        arguments += [f"--{name}"] * getattr(options, name, False)
    for name in ("only", "models"):
        given = getattr(options, name, None)
        if given:
            arguments += [f"--{name}", *([given] if isinstance(given, str) else given)]
    return arguments


def _run(command: list[str], env: dict[str, str]) -> int:
    process = subprocess.Popen(command, env=env)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the child got it as well and is stopping its server; wait for that


if __name__ == "__main__":
    sys.exit(main())

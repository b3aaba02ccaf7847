"""The command line of `dev.py`, the only place that knows its options.

`dev.py` reads it before anything is prepared, and the script that does the work reads the same words again.
Standard library only: help and refusals need no environment.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

UPSCALE_JOBS = ("compact", "esrgan", "animevideo", "anime", "x4plus", "span", "batch", "swinir", "free", "half")
"""Names of the jobs of `bench upscale`."""

REDRAWS = ("default", "overlap-12.5", "per-tile")
"""Names of the ways of `bench redraw` beside one piece."""

BENCH_PARTS = ("noise", "saving", "scaling", "start")
"""What `bench parts` measures."""

BAND = 64
"""Rows that the pictures of `bench streaming` are written in; their sides are multiples of it."""

ABOUT = """The developer's front door. Needs nothing but Python 3.11: the environment and a pinned ComfyUI are made in
.host/ on the first run."""


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The options: `command`, `script` (its module in `dev.cli`), `dev` (whether it needs the test packages), `browser`
    (whether it needs one), its own.

    Ends the process with the usage of the command and a sentence where something is wrong.
    """
    own, passed_on = list(words), []
    if "--" in own:
        cut = own.index("--")
        own, passed_on = own[:cut], own[cut + 1 :]
    options, unknown = parser().parse_known_args(own)
    unknown += passed_on
    if options.command == "test":
        options.pytest_arguments = unknown
        options.browser = not options.fast
    elif unknown:
        options.refuse(f"unrecognized arguments: {' '.join(unknown)}")
    if options.command == "demo":
        if bool(options.server) != bool(options.checkpoint):
            options.refuse("--server and --checkpoint go together: without a server the demo's own checkpoint is drawn")
        if options.server and options.keep:
            options.refuse("--keep is about the demo's own server, and --server names another")
    if options.command == "parity" and not (options.cases or options.table):
        options.refuse("--cases DIR is needed: the folder of recorded runs")
    return options


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    top = argparse.ArgumentParser(prog="dev.py", description=ABOUT)
    commands = top.add_subparsers(dest="command", required=True)

    demo = _command(commands, "demo", "run the saved workflows and write pictures to output/", "run_demo")
    demo.add_argument("--server", type=_url, metavar="URL", help="use a running ComfyUI that has this pack")
    demo.add_argument("--checkpoint", metavar="NAME", help="with --server: the checkpoint, as that ComfyUI lists it")
    demo.add_argument("--keep", action="store_true", help="leave the server running and print the editor's address")

    # no abbreviations: pytest has a --co, which is not short for --comfyui
    test = _command(commands, "test", "run every test", "run_tests", dev=True, allow_abbrev=False)
    test.usage = (
        f"{test.prog} [-h] [--comfyui PATH] [--pinned] [--fast | --frontend VERSION] [pytest's own arguments ...]"
    )
    which = test.add_mutually_exclusive_group()
    which.add_argument(
        "--fast",
        action="store_true",
        help="the quick ones of tests/unit and tests/contract: no server, no browser",
    )
    which.add_argument(
        "--frontend",
        metavar="VERSION",
        help="those of tests/frontend, on that version of ComfyUI's editor from the package index; or `newest`",
    )
    test.epilog = "Everything else goes to pytest, such as -k latent or tests/unit; after -- even -h does."

    parity = _command(commands, "parity", "compare with recorded A1111 runs", "run_parity")
    parity.add_argument("--cases", type=Path, metavar="DIR", help="folder of recorded runs; needed unless --table")
    _json(parity)
    parity.add_argument("--only", nargs="+", default=[], metavar="ID", help="run only these cases")
    jobs = max(1, min(4, os.cpu_count() or 1))
    parity.add_argument(
        "--jobs", type=_count, default=jobs, metavar="N", help="servers at once (default: one for each core, at most 4)"
    )
    parity.add_argument("--table", action="store_true", help="print the table of what is refused on purpose, and end")

    generate = _command(commands, "generate", "make everything anew that is generated", "run_generate")
    generate.epilog = "Definitions of the nodes, help tables, locale, the README's tables, workflows, missing drawings."
    generate.add_argument("--check", action="store_true", help="only say what is stale; status 1 if anything is")
    generate.add_argument("--server", type=_url, metavar="URL", help="use a running ComfyUI that has this pack")
    generate.add_argument(
        "--breaking", action="store_true", help="record changes that break saved workflows, which are refused otherwise"
    )

    about = "measure the pack beside ComfyUI's own nodes"
    bench = commands.add_parser("bench", description=_sentence(about), help=about)
    _benchmarks(bench.add_subparsers(dest="what", required=True))

    quality = _command(commands, "quality", "judge the shipped weights on held-back data", "run_quality")
    _json(quality)
    quality.add_argument(
        "--models", type=_file, nargs="+", default=[], metavar="FILE", help="further upscale models for the table"
    )
    quality.add_argument(
        "--published",
        action="store_true",
        help="Real-ESRGAN's and DAT's weights as well, fetched once, and how far auto is from float32 with them. DAT "
        "at 2x takes a core 5 minutes; stopped, it goes on where it was",
    )
    quality.add_argument(
        "--part", type=_side, default=0, metavar="PX",
        help="of every photograph only the hardest so many pixels a side: 256 take a fifth of the time",
    )  # fmt: skip
    quality.add_argument(
        "--seeds", type=_count, default=100, metavar="N", help="pictures that hires fix is judged by (default: 100)"
    )
    quality.add_argument(
        "--jobs", type=_count, metavar="N", help="servers that draw at once (default: one for each core, at most 2)"
    )
    quality.add_argument("--only", choices=["upscalers", "hires"], help="only this half")

    api = _command(commands, "api", "try A1111's API with many clients and odd requests", "run_api", dev=True)
    api.epilog = "Ends with status 1 if anything was found. 0 leaves a part out."
    api.add_argument("--requests", type=_whole, default=200, metavar="N", help="of all clients (default: 200)")
    api.add_argument("--threads", type=_count, default=8, metavar="N", help="clients at once (default: 8)")
    api.add_argument(
        "--described", type=_whole, default=2000, metavar="N",
        help="requests drawn from the API's own description (default: 2000)",
    )  # fmt: skip
    api.add_argument("--kill", type=_whole, default=1, metavar="0|1", help="kill a server at work (default: 1)")
    api.add_argument("--seed", type=int, default=0, metavar="S", help="which requests: equal ones for equal seeds")
    _json(api)

    fuzz = _command(commands, "fuzz", "try random valid prompts on a real server", "run_fuzz", dev=True)
    fuzz.epilog = "Prints what was found and ends with status 1 if it was anything; the prompts are kept as files."
    fuzz.add_argument("--minutes", type=_minutes, default=10.0, metavar="N", help="how long to try (default: 10)")
    fuzz.add_argument("--prompts", type=_count, metavar="M", help="end after so many (default: no limit)")
    fuzz.add_argument("--seed", type=int, default=0, metavar="S", help="which prompts: equal ones for equal seeds")
    fuzz.add_argument(
        "--findings", type=Path, default=Path("output", "fuzz"), metavar="DIR", help="where they are kept"
    )
    fuzz.add_argument(
        "--replay", type=_file, nargs="+", default=[], metavar="FILE", help="run these kept prompts again"
    )
    return top


def _benchmarks(kinds: Any) -> None:
    sampling = _command(kinds, "sampling", "time the second pass beside core's KSampler", "run_bench")
    upscale = _command(kinds, "upscale", "time upscaling beside core's Upscale Image (using Model)", "run_bench")
    redraw = _command(kinds, "redraw", "measure seams, work and memory of the tiled second pass", "run_bench")
    vae = _command(kinds, "vae", "time and compare the VAE in tiles beside core's tiles and one piece", "run_bench")
    parts = _command(kinds, "parts", "time what no whole job shows: noise, saving, growth, start-up", "run_bench")
    gpu = _command(kinds, "gpu", "check what a graphics card does: right pictures, then speed", "run_bench")
    gpu.add_argument("--cpu", action="store_true", help="run the checks at small sizes on the CPU, to try themselves")
    for bench in (sampling, upscale, redraw, vae, parts, gpu):
        _json(bench)
        bench.add_argument(
            "--threads", type=_count, default=1, metavar="N", help="threads of torch on a CPU (default: 1)"
        )
    for bench in (sampling, upscale, vae, parts):
        bench.add_argument(
            "--pairs", type=_count, metavar="N", help="paired runs of every row (default: by how long one takes)"
        )
    parts.add_argument(
        "--only", nargs="+", choices=BENCH_PARTS, default=list(BENCH_PARTS), metavar="NAME",
        help=f"only these, of {', '.join(BENCH_PARTS)}",
    )  # fmt: skip
    vae.add_argument(
        "--size", type=_side, default=1024, metavar="N", help="side of the picture in pixels (default: 1024)"
    )
    upscale.add_argument(
        "--only", nargs="+", choices=UPSCALE_JOBS, default=list(UPSCALE_JOBS), metavar="NAME",
        help=f"only these jobs, of {', '.join(UPSCALE_JOBS)}",
    )  # fmt: skip
    upscale.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)  # the benchmark asks itself in another process

    redraw.add_argument("--seeds", type=_count, default=20, metavar="N", help="pictures (default: 20)")
    redraw.add_argument(
        "--size", type=_side, default=1216, metavar="PX",
        help="side of the redrawn pictures in pixels (default: 1216, which tiles of 192 that share 64 cover exactly)",
    )  # fmt: skip
    redraw.add_argument("--steps", type=_count, default=4, metavar="N", help="of the pass (default: 4)")
    redraw.add_argument(
        "--strength", type=_strength, default=0.35, metavar="N", help="denoising strength (default: 0.35)"
    )
    redraw.add_argument(
        "--only", nargs="+", choices=REDRAWS, default=list(REDRAWS), metavar="WAY",
        help=f"beside one piece only these ways, of {', '.join(REDRAWS)}",
    )  # fmt: skip
    redraw.add_argument(
        "--narrow", action="store_true",
        help="the demo's networks as they were trained, for machines without a GPU: the same pictures in a third of "
        "the time; time and memory beyond their calls weigh more then",
    )  # fmt: skip
    redraw.add_argument("--pictures", type=Path, metavar="DIR", help="write the pictures there, to be looked at")

    machines = _command(kinds, "machines", "time a folder by one and more worker processes", "run_bench", dev=True)
    _json(machines)
    machines.add_argument("--pictures", type=_count, default=24, metavar="N", help="in the folder (default: 24)")
    machines.add_argument("--side", type=_side, default=256, metavar="PX", help="of each in pixels (default: 256)")
    machines.add_argument(
        "--workers", nargs="+", type=_count, default=[1, 2], metavar="N", help="processes (default: 1 2)"
    )

    streaming = _command(kinds, "streaming", "weigh upscaling from disk to disk, by picture size", "run_bench")
    _json(streaming)
    streaming.add_argument(
        "--sizes", nargs="+", type=_side, default=[1024, 2048, 4096, 8192], metavar="N",
        help="sides of the inputs in pixels (default: 1024 2048 4096 8192)",
    )  # fmt: skip
    streaming.add_argument(
        "--whole-up-to", type=_count, default=4096, metavar="N",
        help="compare with the whole picture in memory up to this size (default: 4096; 8192 needs 9 GB)",
    )  # fmt: skip
    streaming.add_argument(
        "--folder", type=_folder, metavar="DIR",
        help="where the files go for a while (1 GB for 8192; default: the temporary folder)",
    )  # fmt: skip


def _command(
    commands: Any, name: str, about: str, script: str, dev: bool = False, **settings: Any
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, description=_sentence(about), help=about, **settings)
    command.add_argument("--comfyui", metavar="PATH", help="use the ComfyUI in this folder (also: COMFYUI_PATH)")
    command.add_argument("--pinned", action="store_true", help="use the pinned ComfyUI even inside another one")
    command.set_defaults(script=script, dev=dev, browser=False, refuse=command.error)
    return command


def _json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", type=Path, metavar="FILE", help="write the result there, too")


def _sentence(about: str) -> str:
    return f"{about[0].upper()}{about[1:]}."


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number, at least 1, is needed, not {text}")
    return int(text)


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a whole number is needed, not {text}")
    return int(text)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes < float("inf"):
        raise argparse.ArgumentTypeError(f"a number above 0 is needed, not {text}")
    return minutes


def _strength(text: str) -> float:
    try:
        strength = float(text)
    except ValueError:
        strength = 0.0
    if not 0 < strength <= 1:
        raise argparse.ArgumentTypeError(f"a number above 0, at most 1, is needed, not {text}")
    return strength


def _side(text: str) -> int:
    if not text.isdecimal() or int(text) < 1 or int(text) % BAND:
        raise argparse.ArgumentTypeError(f"a multiple of {BAND} is needed, not {text}")
    return int(text)


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"an address that begins with http:// or https:// is needed, not {text}")
    return text


def _existing(is_there: Callable[[Path], bool], what: str) -> Callable[[str], Path]:
    def check(text: str) -> Path:
        if not is_there(Path(text)):
            raise argparse.ArgumentTypeError(f"there is no {what} {text}")
        return Path(text)

    return check


_file, _folder = _existing(Path.is_file, "file"), _existing(Path.is_dir, "folder")

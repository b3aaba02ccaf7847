"""Measure the shipped weights on held-back data. Used by `dev.py quality`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from mount import module

ROOT = Path(__file__).absolute().parent.parent
WEIGHTS = (ROOT / "upscale_models" / "weights", ROOT / "demo" / "trained")
SEEDS = 100


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(prog="dev.py quality", description=__doc__)
    found.add_argument("--json", type=Path, metavar="FILE", help="write the result there, too")
    found.add_argument(
        "--models", type=Path, nargs="+", default=[], metavar="FILE", help="further upscale models for the table"
    )
    found.add_argument("--seeds", type=_count, default=SEEDS, metavar="N", help="pictures that hires fix is judged by")
    found.add_argument(
        "--jobs", type=_count, metavar="N", help="servers that draw at once (default: one for each core, at most 2)"
    )
    found.add_argument("--only", choices=["upscalers", "hires"], help="only this half")
    return found


def main() -> int:
    """Measure and print; returns the exit status, which does not depend on the figures."""
    command = parser()
    options = command.parse_args()
    for file in options.models:
        if not file.is_file():
            command.error(f"there is no file {file}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    problems = (
        module("scripts.comfyui_host").HostError,
        module("scripts.comfy_client").ClientError,
        module("demo.checkpoint").WeightsError,
        module("training.photographs").PhotographError,
        module("upscale_models.errors").UnusableModelError,
    )
    try:
        found = measure(options)
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130
    except problems as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return 0


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run what is asked for; the JSON. Figures that were not asked for are None."""
    module("benchmarks.real_host").start()
    machine = module("benchmarks.machine")
    upscalers: dict[str, Any] = {}
    hires: dict[str, Any] = {}
    if options.only != "hires":
        upscalers = module("benchmarks.quality_upscalers").upscaler_quality(options.models)
    if options.only != "upscalers":
        draw = module("benchmarks.quality_hires").hires_quality
        hires = draw(options.seeds, options.jobs or _jobs(), lambda line: print(line, flush=True))
    print(f"\n{machine.sentence()}.")
    return {
        "psnr_gain_2x": upscalers.get("psnr_gain_2x"),
        "psnr_gain_4x": upscalers.get("psnr_gain_4x"),
        "hires_wins": hires.get("hires_wins"),
        "upscalers": upscalers or None,
        "hires": hires or None,
        "weights": {file.name: metadata(file) for folder in WEIGHTS for file in sorted(folder.glob("*.safetensors"))},
        "licences": [str(folder.relative_to(ROOT) / "LICENSES.md") for folder in WEIGHTS],
        "machine": machine.describe(),
    }


def metadata(file: Path) -> dict[str, str]:
    """What the weights say of their training: seed, minutes, data, script, …"""
    from safetensors import safe_open

    with safe_open(file, "np") as opened:
        return opened.metadata() or {}


def _jobs() -> int:
    """One for each core, at most two; a GPU is not shared."""
    gpu = module("scripts.comfyui_host").has_accelerator(Path(sys.executable))
    return 1 if gpu else max(1, min(2, os.cpu_count() or 1))


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1 is needed")
    return value


if __name__ == "__main__":
    sys.exit(main())

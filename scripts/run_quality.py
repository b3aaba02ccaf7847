"""Measure the shipped weights on held-back data. Used by `dev.py quality`."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from mount import module

ROOT = Path(__file__).absolute().parent.parent
WEIGHTS = (ROOT / "upscale_models" / "weights", ROOT / "demo" / "trained")
"""Folders of shipped weights, each with its `SHA256SUMS`."""
SEEDS = 100


class QualityError(Exception):
    """There is nothing to measure, or nowhere to write to. The message is the whole explanation."""


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
    try:
        return _main(options)
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130


def _main(options: argparse.Namespace) -> int:
    problems = (
        QualityError,
        module("scripts.comfyui_host").HostError,
        module("scripts.comfy_client").ClientError,
        module("demo.checkpoint").WeightsError,
        module("training.photographs").PhotographError,
        module("upscale_models.errors").UpscalerError,
    )
    try:
        if options.json is not None:
            _prepare(options.json)
        found = measure(options)
        if options.json is not None:
            _write(options.json, json.dumps(found, indent=1, allow_nan=False) + "\n")
    except problems as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    return 0


def _prepare(file: Path) -> None:
    """Make the folder; raises `QualityError` where no file can be written, before anything is measured."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise QualityError(f"There can be no folder {file.parent} for --json: {problem.strerror}.") from None
    if file.is_dir():
        raise QualityError(f"--json needs the name of a file, and {file} is a folder.")


def _write(file: Path, text: str) -> None:
    """Write it, complete or not at all."""
    temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, file)
    except OSError as problem:
        temporary.unlink(missing_ok=True)
        raise QualityError(f"{file} could not be written: {problem.strerror}.") from None


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run what is asked for; the JSON. Figures that were not asked for are None."""
    weights = {name: said for folder in WEIGHTS for name, said in training_of(folder).items()}
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
        "weights": weights,
        "licences": [str(folder.relative_to(ROOT) / "LICENSES.md") for folder in WEIGHTS],
        "machine": machine.describe(),
    }


def training_of(folder: Path) -> dict[str, dict[str, str]]:
    """What the weights of a folder say of their training (seed, minutes, data, script, …), by file name.

    Raises `QualityError` if a file is not the one that `SHA256SUMS` lists: its figures would be another's.
    """
    from safetensors import safe_open

    sums = dict(line.split()[::-1] for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines())
    found = {}
    for file in sorted(folder.glob("*.safetensors")):
        if hashlib.sha256(file.read_bytes()).hexdigest() != sums.get(file.name):
            raise QualityError(
                f"{file} is damaged or was changed: its SHA-256 is not the one in {folder / 'SHA256SUMS'}. Get it "
                "again from the repository, or judge weights of your own with --models."
            )
        with safe_open(file, "np") as opened:
            found[file.name] = opened.metadata() or {}
    return found


def _jobs() -> int:
    """One for each core, at most two; a GPU is not shared."""
    gpu = module("scripts.comfyui_host").has_accelerator(Path(sys.executable))
    return 1 if gpu else max(1, min(2, os.cpu_count() or 1))


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number, at least 1, is needed, not {text}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())

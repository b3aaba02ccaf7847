"""Measure the shipped weights on held-back data. Used by `dev.py quality`."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import safe_open

from ...upscale_models import UpscalerError
from .. import command_line, report_file
from ..benchmarks import machine
from ..demo.checkpoint import WeightsError
from ..host import real_host
from ..host.comfy_client import ClientError
from ..host.comfyui_host import HostError, has_accelerator
from ..mount import ROOT
from ..quality import agreement, quality_hires, quality_upscalers
from ..training import published_weights
from ..training.photographs import PhotographError, held_back_photographs
from ..training.published_weights import PUBLISHED, published

PROBLEMS = (
    report_file.ReportError, HostError, ClientError, WeightsError, published_weights.WeightsError, PhotographError,
    UpscalerError,
)  # fmt: skip

WEIGHTS = (ROOT / "upscale_models" / "weights", ROOT / "dev" / "demo" / "trained")
"""Folders of shipped weights, each with its `SHA256SUMS`."""


def main() -> int:
    """Measure and print; returns the exit status, which does not depend on the figures."""
    options = command_line.parse(sys.argv[1:])
    try:
        report_file.prepare(options.json)
        report_file.write(options.json, measure(options))
    except PROBLEMS as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    return 0


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run what is asked for; the JSON. Figures that were not asked for are None."""
    weights = {name: facts for folder in WEIGHTS for name, facts in training_of(folder).items()}
    real_host.start()
    upscalers: dict[str, Any] = {}
    hires: dict[str, Any] = {}
    if options.only != "hires":
        others = {name: published(name) for name in PUBLISHED} if options.published else {}
        upscalers = quality_upscalers.upscaler_quality(options.models, others, options.part)
        if others:
            # attention stays in float32, so there is nothing to compare for DAT
            of_convolutions = {name: model for name, model in others.items() if name.startswith("Real-ESRGAN")}
            rows = agreement.agreements(of_convolutions, held_back_photographs())
            print(f"\n{agreement.agreement_table(rows)}", flush=True)
            upscalers["auto"] = [asdict(row) for row in rows]
    if options.only != "upscalers":
        jobs = options.jobs or _jobs()
        hires = quality_hires.hires_quality(options.seeds, jobs, lambda line: print(line, flush=True))
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

    Raises `ReportError` if a file is not the one that `SHA256SUMS` lists: its figures would be another's.
    """
    sums = dict(line.split()[::-1] for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines())
    facts = {}
    for file in sorted(folder.glob("*.safetensors")):
        if hashlib.sha256(file.read_bytes()).hexdigest() != sums.get(file.name):
            raise report_file.ReportError(
                f"{file} is damaged or was changed: its SHA-256 is not the one in {folder / 'SHA256SUMS'}. Get it "
                "again from the repository, or judge weights of your own with --models."
            )
        with safe_open(file, "np") as opened:
            facts[file.name] = opened.metadata() or {}
    return facts


def _jobs() -> int:
    """One for each core, at most two; a GPU is not shared."""
    return 1 if has_accelerator(Path(sys.executable)) else max(1, min(2, os.cpu_count() or 1))

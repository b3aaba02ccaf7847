"""What A1111's numbers cost: the second pass of hires fix beside core's KSampler. Used by `dev.py bench sampling`.

The real host's modules run in this process, without a server: only then is what is measured the sampling itself.
Both sides get the same model, prompts, latent and number of steps, and are run in turns (A B A B …), so that a busy
machine slows both alike; the ratio of a row is the median of the ratios of neighbours. On a CPU the same is also
reported for the CPU time of the process, which other programs disturb less.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).absolute().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from mount import module  # noqa: E402 - from the folder just added

GOAL = 1.02
STRENGTH = 0.5
SAMPLERS = (("Euler", "euler"), ("DPM++ 2M", "dpmpp_2m"), ("Euler a", "euler_ancestral"))


@dataclass(frozen=True)
class Subject:
    """A checkpoint and the size of the job."""

    name: str
    file: Path
    channels: int
    context: int
    pooled: int | None
    side: int
    """Of the latent, in cells."""
    steps: int
    pairs: int
    """Paired runs; short passes need more of them for a steady median."""


@dataclass(frozen=True)
class Row:
    """One comparison."""

    name: str
    ratio: float
    """Time of the pack's second pass over KSampler's, median of paired runs."""
    cpu_ratio: float
    """The same for CPU time."""
    seconds: float
    """Median time of the pack's."""
    core_seconds: float
    pairs: int


def start_host() -> None:
    """Make ComfyUI's modules importable, on the CPU where there is nothing else."""
    comfyui = os.environ.get("HIRES_FIX_COMFYUI") or str(ROOT / ".host" / "ComfyUI")
    sys.path.insert(0, comfyui)
    import torch
    from comfy.cli_args import args

    if not torch.cuda.is_available():
        args.cpu = True
        torch.set_num_threads(1)  # two threads on a busy machine wait for each other
    import comfy.utils

    comfy.utils.set_progress_bar_enabled(False)


def subjects() -> list[Subject]:
    """The tiny SD3, where the pass itself weighs most, and the checkpoint of the recorded A1111 runs."""
    files = module("tests.checkpoints.library").ensure()
    sd3 = module("tests.checkpoints.families").FAMILIES["sd3"]
    folder = files.folder / "checkpoints"
    return [
        Subject("SD3 tiny", folder / sd3.file, sd3.latent_channels, sd3.context_width, sd3.pooled_width, 64, 20, 25),
        Subject("SD1 tiny", folder / "tiny_sd15.safetensors", 4, 768, None, 16, 8, 9),
    ]


def rows_of(subject: Subject, pairs: int | None, say: Callable[[str], None]) -> list[Row]:
    """Measure one checkpoint with every sampler."""
    import comfy.sd
    import torch

    model = comfy.sd.load_checkpoint_guess_config(str(subject.file), output_vae=False, output_clip=False)[0]
    generator = torch.Generator().manual_seed(1)
    latent = {"samples": torch.randn(1, subject.channels, subject.side, subject.side, generator=generator)}
    prompts = []
    for _ in range(2):
        extra = {"pooled_output": torch.randn(1, subject.pooled, generator=generator)} if subject.pooled else {}
        prompts.append([[torch.randn(1, 77, subject.context, generator=generator), extra]])
    rows = []
    for ours, core in SAMPLERS:
        row = compare(
            f"second pass, {subject.name}, {subject.side * 8} px, {subject.steps} steps, {ours}, Karras",
            lambda name=ours: run_pack(model, prompts, latent, subject.steps, name),
            lambda name=core: run_core(model, prompts, latent, subject.steps, name),
            pairs or subject.pairs,
        )
        say(f"{row.name}: {row.ratio:.3f} (CPU time {row.cpu_ratio:.3f})")
        rows.append(row)
    return rows


def run_pack(model: Any, prompts: list[Any], latent: dict[str, Any], steps: int, sampler_name: str) -> Any:
    """Re-noise and Second Sampling, with A1111's noise, schedule and sampler."""
    nodes = {name: module(f"nodes.{name}") for name in ("noise", "renoise", "second_sampling")}
    noise = nodes["noise"].HiresFixNoise.execute(seed=7, source="CPU").args[0]
    noised, sigmas = (
        nodes["renoise"]
        .HiresFixRenoise.execute(
            model=model,
            latent=latent,
            noise=noise,
            steps=steps,
            denoising_strength=STRENGTH,
            hr_second_pass_steps=0,
            sampler_name=sampler_name,
            scheduler="Karras",
        )
        .args
    )
    return nodes["second_sampling"].HiresFixSecondSampling.execute(
        model=model,
        positive=prompts[0],
        negative=prompts[1],
        latent=noised,
        sigmas=sigmas,
        noise=noise,
        cfg=7.0,
        sampler_name=sampler_name,
    )


def run_core(model: Any, prompts: list[Any], latent: dict[str, Any], steps: int, sampler_name: str) -> Any:
    """Core's KSampler node."""
    import nodes

    return nodes.KSampler().sample(
        model, 7, steps, 7.0, sampler_name, "karras", prompts[0], prompts[1], latent, denoise=STRENGTH
    )


def compare(name: str, ours: Callable[[], Any], core: Callable[[], Any], pairs: int) -> Row:
    """Run both in turns."""
    timed: dict[str, list[tuple[float, float]]] = {"ours": [], "core": []}
    for index in range(pairs + 1):
        for side, run in (("ours", ours), ("core", core)) if index % 2 else (("core", core), ("ours", ours)):
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            _finish()
            if index:  # the first round warms up
                timed[side].append((time.perf_counter() - wall, time.process_time() - cpu))
    ratios = [
        statistics.median(a[kind] / b[kind] for a, b in zip(timed["ours"], timed["core"], strict=True))
        for kind in (0, 1)
    ]
    medians = [statistics.median(wall for wall, _ in timed[side]) for side in ("ours", "core")]
    return Row(name, ratios[0], ratios[1], medians[0], medians[1], pairs)


def _finish() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def main() -> int:
    """Measure and print; the exit status does not depend on the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--pairs", type=int, help="paired runs of every row")
    options = parser.parse_args()
    start_host()
    import torch

    rows: list[Row] = []
    with torch.inference_mode():  # as the host runs its nodes
        for subject in subjects():
            rows += rows_of(subject, options.pairs, lambda line: print(line, flush=True))
    width = max(len(row.name) for row in rows)
    print(f"\n{'':{width}}  ratio  CPU    pack s  core s")
    for row in rows:
        times = f"{row.seconds:6.3f}  {row.core_seconds:6.3f}"
        print(f"{row.name:{width}}  {row.ratio:.3f}  {row.cpu_ratio:.3f}  {times}")
    print(f"\nGoal: a ratio of at most {GOAL}.")
    if options.json is not None:
        text = json.dumps({"goal": GOAL, "rows": [asdict(row) for row in rows]}, indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

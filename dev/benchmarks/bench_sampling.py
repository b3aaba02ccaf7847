"""What A1111's numbers cost: the second pass of hires fix beside core's KSampler. Used by `dev.py bench sampling`.

Both sides get the same model, prompts, latent and number of steps, and are run in turns; the ratio of a row is the
median of the ratios of neighbours. On a CPU the same is also reported for the CPU time of the process.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ..fixtures import families, library
from ..host import real_host
from . import machine, pairs

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


def subjects() -> list[Subject]:
    """The tiny SD3, where the pass itself weighs most, and the checkpoint of the recorded A1111 runs."""
    sd3 = families.FAMILIES["sd3"]
    folder = library.ensure().folder / "checkpoints"
    return [
        Subject("SD3 tiny", folder / sd3.file, sd3.latent_channels, sd3.context_width, sd3.pooled_width, 64, 20, 25),
        Subject("SD1 tiny", folder / "tiny_sd15.safetensors", 4, 768, None, 16, 8, 9),
    ]


def rows_of(subject: Subject, rounds: int | None, say: Callable[[str], None]) -> list[Row]:
    """Measure one checkpoint with every sampler."""
    import comfy.sd

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
            rounds or subject.pairs,
        )
        say(f"{row.name}: {row.ratio:.3f} (CPU time {row.cpu_ratio:.3f})")
        rows.append(row)
    return rows


def run_pack(model: Any, prompts: list[Any], latent: dict[str, Any], steps: int, sampler_name: str) -> Any:
    """Re-noise and Second Sampling, with A1111's noise, schedule and sampler."""
    from ...nodes import noise as noise_node
    from ...nodes import renoise, second_sampling

    noise = noise_node.HiresFixNoise.execute(seed=7, source="CPU").args[0]
    noised, sigmas = renoise.HiresFixRenoise.execute(
        model=model, latent=latent, noise=noise, steps=steps, denoising_strength=STRENGTH, hr_second_pass_steps=0,
        sampler_name=sampler_name, scheduler="Karras",
    ).args  # fmt: skip
    return second_sampling.HiresFixSecondSampling.execute(
        model=model, positive=prompts[0], negative=prompts[1], latent=noised, sigmas=sigmas, noise=noise, cfg=7.0,
        sampler_name=sampler_name,
    )  # fmt: skip


def run_core(model: Any, prompts: list[Any], latent: dict[str, Any], steps: int, sampler_name: str) -> Any:
    """Core's KSampler node."""
    return (
        real_host.core_nodes()
        .KSampler()
        .sample(model, 7, steps, 7.0, sampler_name, "karras", prompts[0], prompts[1], latent, denoise=STRENGTH)
    )


def compare(name: str, ours: Callable[[], Any], core: Callable[[], Any], rounds: int) -> Row:
    """Run both in turns."""
    ways = {"core": core, "ours": ours}
    pairs.in_turns(ways, dict.fromkeys(ways, 1))  # warms up
    times = pairs.in_turns(ways, dict.fromkeys(ways, rounds))
    wall, cpu = pairs.ratio(times["ours"], times["core"])
    return Row(name, wall, cpu, pairs.median(times["ours"]), pairs.median(times["core"]), rounds)


def run(options: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Measure and print; returns the report and the exit status, which does not depend on the times."""
    real_host.start(options.threads)
    rows: list[Row] = []
    with torch.inference_mode():  # as the host runs its nodes
        for subject in subjects():
            rows += rows_of(subject, options.pairs, lambda line: print(line, flush=True))
    width = max(len(row.name) for row in rows)
    print(f"\n{'':{width}}  ratio  CPU    pack s  core s")
    for row in rows:
        times = f"{row.seconds:6.3f}  {row.core_seconds:6.3f}"
        print(f"{row.name:{width}}  {row.ratio:.3f}  {row.cpu_ratio:.3f}  {times}")
    print(f"\nGoal: a ratio of at most {GOAL}. {machine.sentence()}.")
    return {"goal": GOAL, "machine": machine.describe(), "rows": [asdict(row) for row in rows]}, 0

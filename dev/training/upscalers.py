"""Train one of the shipped upscalers and write its weights.

    python dev/mount.py dev.training.upscalers hires-fix-2x

The same command goes on with a run that was stopped; to begin anew, delete its file in `STATES`. The seed decides
everything, but other processors and versions of torch round differently.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from ..mount import ROOT
from .compact import Compact
from .judge import Judge
from .muon import Muon
from .patches import Patches, Pool, drawings
from .photograph_table import PHOTOGRAPHS
from .photographs import PhotographError, held_back_photographs, training_photographs

WEIGHTS = ROOT / "upscale_models" / "weights"

STATES = ROOT / ".host" / "training"
"""Where a run keeps what it needs to go on."""

SEED = 1

DRAWINGS = 200
"""Procedural pictures."""

BATCH, SIDE = 8, 40
"""Patches of a step, and their side in input pixels."""

AVERAGE = 0.999
"""Of the running mean of the weights, which is what is published."""

RATE, INNER_RATE = 2e-3, 0.01
"""Learning rates at their highest: Adam's for the first and the last convolution and all biases, Muon's."""

WARM_UP = 100
"""Steps in which the learning rates grow to their full value; from then on they shrink to 0, evenly."""

SMOOTH = 1e-3
"""Below this a difference counts squared, above it as it is."""

PLAIN_WEIGHT = 1.5
"""Of checkerboards, where every difference shows."""

FLAT_SIDE, FLAT_WEIGHT = 20, 0.3
"""Side of the pictures of one colour, mostly border, and their share in the loss."""

SAVE_STEPS, JUDGE_STEPS = 100, 500


@dataclass(frozen=True)
class Recipe:
    """What one file of weights is made of."""

    scale: int
    features: int
    convolutions: int
    steps: int
    rate: float = 1.0
    """On both learning rates."""
    soft: bool = False
    """For blurred, noisy and JPEG input."""
    start: str | None = None
    """The recipe whose finished weights are the beginning."""


RECIPES: Mapping[str, Recipe] = {
    "hires-fix-2x": Recipe(2, 32, 8, 8000),
    "hires-fix-4x": Recipe(4, 32, 12, 11000),
    "hires-fix-4x-soft": Recipe(4, 32, 12, 3600, rate=0.5, soft=True, start="hires-fix-4x"),
}
"""By the name of the file."""


class TrainingError(Exception):
    """A run cannot begin. The message is the whole explanation."""


def ingredients(recipe: Recipe) -> str:
    """The recipe, the seed and the photographs of a run, as a digest: with others it would be another run."""
    photographs = [it.sha256 for it in PHOTOGRAPHS if it.split == "training"]
    everything = (recipe, RECIPES.get(recipe.start or ""), SEED, DRAWINGS, BATCH, SIDE, photographs)
    return hashlib.sha256(repr(everything).encode()).hexdigest()


class Run:
    """A network that learns, and all that is needed to stop and go on."""

    def __init__(self, name: str, device: torch.device) -> None:
        """Begin, or go on with what an earlier run of the name has left in `STATES`.

        Raises `TrainingError` if that was made of other things, or this one needs another run that was not made here.
        """
        self.name, self.recipe, self.device = name, RECIPES[name], device
        torch.manual_seed(SEED)
        self.model = self._network()
        self.average = self._network()
        self.steps, self.seconds = 0, 0.0
        if self.recipe.start:
            state = _state(self.recipe.start, device)
            if state is None or state["steps"] < RECIPES[self.recipe.start].steps:
                raise TrainingError(f"{name} goes on from {self.recipe.start}: train that one first.")
            self.model.load_state_dict(state["average"])
        self.average.load_state_dict(self.model.state_dict())
        inner = self.model.inner_weights()
        rest = [value for value in self.model.parameters() if all(value is not other for other in inner)]
        self.optimizers = (torch.optim.Adam(rest, lr=0, betas=(0.9, 0.99)), Muon(inner, lr=0))
        state = _state(name, device)
        if state is not None:
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            for optimizer, its_state in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(its_state)
            self.steps, self.seconds = state["steps"], state["seconds"]

    def save(self) -> None:
        """Write everything, complete or not at all."""
        file = _state_file(self.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "model": self.model.state_dict(), "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "steps": self.steps, "seconds": self.seconds, "ingredients": ingredients(self.recipe),
        }  # fmt: skip
        torch.save(state, file.with_suffix(".tmp"))
        os.replace(file.with_suffix(".tmp"), file)

    def step(self, patches: Patches, done: float) -> float:
        """Learn from one batch; `done` is the part of the run that has passed. Returns the loss."""
        part = self.recipe.rate * min(1.0, (self.steps + 1) / WARM_UP) * (1 - done)
        for optimizer, rate in zip(self.optimizers, (RATE, INNER_RATE), strict=True):
            optimizer.param_groups[0]["lr"] = rate * part
        small, large = (self._planes(pixels) for pixels in (patches.small, patches.large))
        flat = torch.from_numpy(patches.colours).to(self.device)[..., None, None].repeat(1, 1, FLAT_SIDE, FLAT_SIDE)
        weights = torch.from_numpy(np.where(patches.plain, PLAIN_WEIGHT, 1.0).astype(np.float32)).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            made = self.model(small)
            still_flat = self.model(flat)
        enlarged = flat[..., :1, :1].expand_as(still_flat)
        loss = (difference(made, large) * weights).mean() + FLAT_WEIGHT * difference(still_flat, enlarged).mean()
        self.model.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        self.steps += 1
        keep = min(AVERAGE, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.model.parameters(), strict=True):
                mean.lerp_(value, 1 - keep)
        return float(loss.detach())

    def export(self) -> Path:
        """Write the averaged weights where the pack looks for them, and all checksums. Returns the file."""
        recipe = self.recipe
        parts = [f"{len(training_photographs())} photographs (see LICENSES.md)", f"{DRAWINGS} procedural pictures"]
        if recipe.soft:
            parts.append("blurred, reduced, noisy, JPEG quality 30 to 95")
        metadata = {
            "name": self.name,
            "scale": str(recipe.scale),
            "architecture": f"SRVGGNetCompact, {recipe.features} features, {recipe.convolutions} convolutions, PReLU",
            "licence": "CC0-1.0",
            "data": ", ".join(parts),
            "seed": str(SEED),
            "script": f"python dev/mount.py dev.training.upscalers {self.name}",
            "minutes": f"{self.seconds / 60:.1f} of processor time",
            "steps": str(self.steps),
            "start": recipe.start or "random",
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "Pillow": Image.__version__,
        }
        WEIGHTS.mkdir(parents=True, exist_ok=True)
        file = WEIGHTS / f"{self.name}.safetensors"
        temporary = file.with_suffix(".tmp")
        save_file(self.average.published(), temporary, metadata)
        temporary.chmod(0o644)  # the library lets only the owner read it
        os.replace(temporary, file)
        write_checksums()
        return file

    def _network(self) -> Compact:
        recipe = self.recipe
        network = Compact(recipe.features, recipe.convolutions, recipe.scale)
        return network.to(self.device, memory_format=torch.channels_last)

    def _planes(self, pixels: np.ndarray) -> Tensor:
        planes = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2).float() / 255
        return planes.contiguous(memory_format=torch.channels_last)


def difference(made: Tensor, wanted: Tensor) -> Tensor:
    """The mean difference of each picture, that of the lightness counted once more: (N, 3, H, W) twice to (N,)."""
    gap = made - wanted
    light = gap.mul(gap.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1)
    return (gap**2 + SMOOTH**2).sqrt().mean((1, 2, 3)) + (light**2 + SMOOTH**2).sqrt().mean((1, 2))


def write_checksums() -> None:
    """Write what the files of weights have to look like, as the program sha256sum does."""
    files = sorted(WEIGHTS.glob("*.safetensors"))
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    temporary = WEIGHTS / "SHA256SUMS.tmp"
    temporary.write_text("".join(lines), encoding="ascii")
    os.replace(temporary, WEIGHTS / "SHA256SUMS")


def train(name: str, device: torch.device) -> None:
    """Train until all steps are made, those of earlier runs of the name included, and write the weights."""
    run = Run(name, device)
    steps = run.recipe.steps
    photographs = [np.asarray(picture.convert("RGB")) for picture in training_photographs().values()]
    pool = Pool(photographs, drawings(DRAWINGS, SEED, STATES), run.recipe.scale, run.recipe.soft)
    judge = Judge(held_back_photographs(), run.recipe.scale, run.recipe.soft)
    recent = 0.0
    while run.steps < steps:
        start = time.process_time()
        patches = pool.batch(np.random.default_rng([SEED, run.steps]), BATCH, SIDE)
        loss = run.step(patches, run.steps / steps)
        recent = loss if recent == 0 else 0.99 * recent + 0.01 * loss
        run.seconds += time.process_time() - start
        if run.steps % SAVE_STEPS == 0:
            run.save()
            print(f"step {run.steps} of {steps}, {run.seconds / 60:.1f} min, loss {recent:.5f}", flush=True)
        if run.steps % JUDGE_STEPS == 0:
            print(judge.line(run.average), flush=True)
    run.save()
    file = run.export()
    print(judge.line(run.average), f"{file.name}: {file.stat().st_size} bytes", sep="\n", flush=True)


def _state_file(name: str) -> Path:
    return STATES / f"{name}.pt"


def _state(name: str, device: torch.device) -> dict[str, Any] | None:
    """What a run has left, None if there is nothing. Raises `TrainingError` if it was made of other things."""
    file = _state_file(name)
    if not file.exists():
        return None
    state = torch.load(file, map_location=device, weights_only=True)
    if state.get("ingredients") != ingredients(RECIPES[name]):
        raise TrainingError(
            f"{file} was made with another recipe or other photographs than are in this checkout, so {name} cannot "
            "go on from there. Delete it to begin anew."
        )
    return state


def main(arguments: list[str] | None = None) -> int:
    """Parse, train, report."""
    parser = argparse.ArgumentParser(description="Train one of the shipped upscalers.")
    parser.add_argument("name", choices=list(RECIPES))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args(arguments)
    try:
        train(options.name, torch.device(options.device))
    except (TrainingError, PhotographError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nStopped; the same command goes on from the last {SAVE_STEPS} steps that are complete.")
        return 130
    return 0

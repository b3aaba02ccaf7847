"""Train the demo checkpoint's UNet on scenes: `python dev/mount.py dev.training.demo.train_unet --minutes 60`.

It needs the VAE of `train_vae`, and goes on with a training that was stopped; `--start FILE` begins with the weights of
an earlier version. Whole scenes at the model's own size are shown with all amounts of noise, parts of scenes drawn
twice as large with little noise only: they teach the second pass of a hires fix what planks, tiles and leaves
look like there, and nothing about where things belong. Some of these are softened, as an enlarged first pass is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from ...demo.sizes import CELL, EDGE, LATENT
from ...demo.text_encoder import END, START
from ..muon import Muon
from .diffusion import STEPS, noise_to, noised, sample, weights
from .narrow_unet import NarrowUNet, split
from .narrow_vae import NarrowVAE
from .scene_latents import LENGTH, SceneLatents, context, scene_latents, token_numbers
from .training_run import BF16, FOLDER, TrainingRun

SEED = 63
SCENES = {128: 3000, 256: 1500}
"""Of the drawn scenes, the first ones of each size."""
BATCH = 24
RATE = 4e-4
UNNAMED = 0.12
"""Share of pictures without a caption, which guidance needs."""
SHARES = (0.4, 0.6)
"""How often a picture of each size is shown."""
LITTLE_NOISE = 0.6
"""Share of the steps, those with least noise, that parts of larger drawings are shown with."""
SOFT = 0.5
"""Share of parts that are softened."""
AVERAGED = 0.997

SHEET = (
    "sunset, orange sky, red sun, white mountains, lake, green meadow",
    "night, stars, white moon, blue mountains, snow, three green pines, red house",
    "blue sky, day, yellow sun, two clouds, green hills, meadow, blue house",
    "dawn, pink sky, brown mountains, sea, red boat",
    "day, desert, yellow sun, one green tree, white house",
    "autumn, three orange trees, yellow house",
    "night, yellow moon, sea",
    "dusk, purple sky, lake, two green trees",
    "",
    "red house",
    "four green pines, snow, white mountains, day",
    "day, red sun, sea, white boat",
)
EMPTY = np.array([[START] + [END] * (LENGTH - 1)], np.int32)


def batch_of(data: dict[int, SceneLatents], rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return latents as they should be, as they are shown (both without noise), steps, context and bias."""
    cells = EDGE // CELL
    latents, shown = torch.empty(2, BATCH, LATENT, cells, cells).unbind()
    captions = np.empty((BATCH, LENGTH), np.int32)
    # evenly spread steps give a steadier gradient than independent ones
    share = (rng.permutation(BATCH) + rng.random(BATCH)) / BATCH
    steps = np.empty(BATCH, np.int64)
    for i, edge in enumerate(rng.choice([*SCENES], BATCH, p=SHARES)):
        scenes = data[edge]
        number = rng.integers(len(scenes.latents))
        captions[i] = scenes.captions[number, rng.integers(scenes.captions.shape[1])]
        top, left = rng.integers(0, edge // CELL - cells + 1, 2)
        place = slice(top, top + cells), slice(left, left + cells)
        whole = scenes.latents[number].float()
        latents[i] = shown[i] = whole[(slice(None), *place)]
        steps[i] = share[i] * STEPS * (1 if edge == EDGE else LITTLE_NOISE)
        if edge > EDGE and rng.random() < SOFT:
            steps[i] = STEPS * (0.2 + share[i] * (LITTLE_NOISE - 0.2))
            shown[i] = softened(whole, edge // EDGE)[(slice(None), *place)]
    captions = np.where((rng.random(BATCH) < UNNAMED)[:, None], EMPTY, captions)
    return latents, shown, torch.from_numpy(steps), *context(captions)


def softened(latents: Tensor, factor: int) -> Tensor:
    """Return latents (4, h, w) as they are after an enlargement by `factor`: without anything finer than it."""
    small = functional.avg_pool2d(latents[None], factor, ceil_mode=True)
    return functional.interpolate(small, latents.shape[1:], mode="bilinear")[0]


def train(minutes: float, start: Path | None = None) -> None:
    """Train until `minutes` are over, counted over all starts."""
    vae = load_vae()
    data = {edge: scene_latents(vae, count, edge) for edge, count in SCENES.items()}
    run = TrainingRun("demo-unet", minutes)
    torch.manual_seed(SEED)
    model = NarrowUNet().to(memory_format=torch.channels_last)
    if start:
        model.load_state_dict(load_file(start))
    average = NarrowUNet().to(memory_format=torch.channels_last)
    average.load_state_dict(model.state_dict())
    inner, other = split(model)
    muon, adam = Muon(inner, RATE, like_adam=True), torch.optim.Adam(other, RATE, betas=(0.9, 0.98), foreach=True)
    state = run.load()
    if state is not None:
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        muon.load_state_dict(state["muon"])
        adam.load_state_dict(state["adam"])

    def save() -> None:
        run.save(model=model.state_dict(), average=average.state_dict(), muon=muon.state_dict(), adam=adam.state_dict())

    rng = np.random.default_rng(SEED + run.steps)
    torch.manual_seed(SEED + run.steps)
    losses: list[float] = []
    while not run.over:
        latents, shown, steps, words, bias = batch_of(data, rng)
        noise = torch.randn_like(latents)
        seen = noised(shown, noise, steps).contiguous(memory_format=torch.channels_last)
        wanted = noise_to(latents, seen, steps)
        with torch.autocast("cpu", torch.bfloat16, enabled=BF16):
            predicted = model(seen, steps, words, bias).float()
        loss = ((predicted - wanted).square().mean((1, 2, 3)) * weights(steps)).mean()
        model.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(other, 1.0)
        for optimizer in (muon, adam):
            for group in optimizer.param_groups:
                group["lr"] = run.rate(RATE)
            optimizer.step()
        run.steps += 1
        kept = min(AVERAGED, run.steps / (run.steps + 20))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - kept)
        losses.append(float(loss.detach()))
        if run.due("line", 30):
            print(f"{run.seconds:6.0f} s  step {run.steps}  loss {np.mean(losses[-200:]):.4f}", flush=True)
        if run.due("state", 120):
            save()
        if run.due("sheet", 480):
            sheet(average, vae, FOLDER / f"demo-unet-{run.seconds / 60:03.0f}.png")
    save()
    sheet(average, vae, FOLDER / "demo-unet.png")


def load_vae() -> NarrowVAE:
    """Return the trained VAE, the decoder of its own further training if there is one. Ends the program if none is."""
    for path in (FOLDER / "demo-vae-decoder.pt", FOLDER / "demo-vae.pt"):
        if path.exists():
            vae = NarrowVAE().to(memory_format=torch.channels_last)
            vae.load_state_dict(torch.load(path, weights_only=True)["model"])
            return vae.eval()
    raise SystemExit("There is no trained VAE here; run python dev/mount.py dev.training.demo.train_vae first.")


@torch.no_grad()
def pictures(
    unet: NarrowUNet, vae: NarrowVAE, prompts: tuple[str, ...], edge: int = EDGE, guidance: float = 4.0, count: int = 20
) -> Tensor:
    """Return (N, 3, edge, edge) in 0..1 for prompts."""
    noise = torch.randn(len(prompts), LATENT, edge // CELL, edge // CELL, generator=torch.Generator().manual_seed(1))
    words, bias = context(np.concatenate([token_numbers(list(prompts)), EMPTY.repeat(len(prompts), 0)]))

    def predict(x: Tensor, steps: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=BF16):
            named, unnamed = unet(x.repeat(2, 1, 1, 1), steps.repeat(2), words, bias).float().chunk(2)
        return unnamed + guidance * (named - unnamed)

    return vae.decode(sample(predict, noise, count)).clamp(0, 1)


def sheet(unet: NarrowUNet, vae: NarrowVAE, path: Path) -> None:
    """Write the pictures of the prompts of `SHEET`, in rows of four."""
    made = pictures(unet, vae, SHEET)
    rows = [torch.cat(list(made[i : i + 4]), dim=2) for i in range(0, len(made), 4)]
    joined = (torch.cat(rows, dim=1).permute(1, 2, 0) * 255).round().byte().numpy()
    Image.fromarray(joined).save(path)


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--start", type=Path, help="an earlier unet.safetensors to begin with")
    options = parser.parse_args()
    train(options.minutes, options.start)
    return 0

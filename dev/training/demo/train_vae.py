"""Train the demo checkpoint's VAE on drawn scenes: `python dev/mount.py dev.training.demo.train_vae --minutes 25`.

It goes on with a training that was stopped. Crops of 64x64 out of scenes drawn at 128x128 and 256x256, a tenth with
their colours exchanged, and noise on their latents. With `--decoder` the encoder is left as it is, which a UNet trained
on its latents needs.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from .drawn_scenes import COUNTS, SEED, drawn_scenes
from .narrow_vae import NarrowVAE
from .training_run import BF16, FOLDER, TrainingRun

CROP, BATCH = 64, 16
RATE = 1.5e-3
NOISE = 0.12
"""Deviation of what is added to the latents, so that neighbouring ones decode alike."""


def crops(sources: list[NDArray[np.uint8]], rng: np.random.Generator) -> Tensor:
    """Return a batch (BATCH, 3, CROP, CROP) in 0..1."""
    batch = np.empty((BATCH, CROP, CROP, 3), np.uint8)
    for i in range(BATCH):
        source = sources[rng.integers(len(sources))]
        picture = source[rng.integers(len(source))]
        # a cell of the latent grid begins anywhere in the picture
        top, left = rng.integers(0, picture.shape[0] - CROP + 1, 2)
        crop = picture[top : top + CROP, left : left + CROP]
        if rng.random() < 0.5:
            crop = crop[:, ::-1]
        if rng.random() < 0.1:
            crop = crop[..., rng.permutation(3)]
        batch[i] = crop
    return torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255


def loss_of(made: Tensor, wanted: Tensor) -> Tensor:
    """Mean difference of the pixels and of their steps across and down."""
    difference = made - wanted
    across = (difference[..., :, 1:] - difference[..., :, :-1]).abs().mean()
    down = (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()
    return difference.abs().mean() + 0.5 * (across + down) + difference.square().mean()


def spread(latents: Tensor) -> Tensor:
    """How far the latents are from zero mean and unit deviation, channel by channel."""
    mean = latents.mean((0, 2, 3))
    deviation = latents.std((0, 2, 3))
    correlation = torch.corrcoef(latents.transpose(0, 1).flatten(1)) - torch.eye(latents.shape[1])
    return mean.square().mean() + (deviation - 1).square().mean() + 0.3 * correlation.square().mean()


def train(minutes: float, decoder_only: bool) -> None:
    """Train until `minutes` are over, counted over all starts."""
    run = TrainingRun("demo-vae-decoder" if decoder_only else "demo-vae", minutes)
    torch.manual_seed(SEED)
    vae = NarrowVAE().to(memory_format=torch.channels_last)
    trained = list((vae.taesd_decoder if decoder_only else vae).parameters())
    optimizer = torch.optim.AdamW(trained, lr=RATE, betas=(0.9, 0.99), weight_decay=1e-4, foreach=True)
    state = run.load()
    if state is not None:
        vae.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    elif decoder_only:
        if not (FOLDER / "demo-vae.pt").exists():
            raise SystemExit("There is no trained VAE here; run python dev/mount.py dev.training.demo.train_vae first.")
        vae.load_state_dict(torch.load(FOLDER / "demo-vae.pt", weights_only=True)["model"])
    rng = np.random.default_rng(SEED + run.steps)
    sources = [drawn_scenes(edge).pictures for edge in COUNTS]
    losses: list[float] = []
    while not run.over:
        wanted = crops(sources, rng).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=BF16):
            with torch.set_grad_enabled(not decoder_only):
                latents = vae.encode(wanted).float()
            noise = NOISE * torch.rand(len(latents), 1, 1, 1) * torch.randn_like(latents)
            made = vae.decode(latents + noise).float()
        loss = loss_of(made, wanted)
        total = loss if decoder_only else loss + 0.05 * spread(latents)
        optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(trained, 0.5)
        for group in optimizer.param_groups:
            group["lr"] = run.rate(RATE / 2 if decoder_only else RATE)
        optimizer.step()
        run.steps += 1
        losses.append(float((made - wanted).abs().mean().detach()))
        if run.due("line", 30):
            deviation = [round(float(d), 2) for d in latents.detach().std((0, 2, 3))]
            print(
                f"{run.seconds:6.0f} s  step {run.steps}  L1 {np.mean(losses[-100:]):.4f}  latents {deviation}",
                flush=True,
            )
        if run.due("state", 90):
            run.save(model=vae.state_dict(), optimizer=optimizer.state_dict())
        if run.due("sheet", 240):
            sheet(vae)
    run.save(model=vae.state_dict(), optimizer=optimizer.state_dict())
    sheet(vae)


@torch.no_grad()
def sheet(vae: NarrowVAE) -> None:
    """Write scenes not trained on above what the VAE makes of them, and print the PSNR."""
    small, large = (drawn_scenes(edge, count, SEED + 7).pictures for edge, count in ((128, 6), (256, 3)))
    rows = []
    for source in (small, large):
        wanted = torch.tensor(np.array(source)).permute(0, 3, 1, 2).float() / 255
        made = vae.decode(vae.encode(wanted)).clamp(0, 1)
        psnr = float(-10 * torch.log10((made - wanted).square().mean()))
        print(f"       held back, {source.shape[1]} px: {psnr:.2f} dB", flush=True)
        rows += [torch.cat(list(p), dim=2) for p in (wanted, made)]
    width = max(row.shape[2] for row in rows)
    rows = [torch.nn.functional.pad(row, (0, width - row.shape[2])) for row in rows]
    joined = (torch.cat(rows, dim=1).permute(1, 2, 0) * 255).round().byte().numpy()
    Image.fromarray(joined).save(FOLDER / "demo-vae.png")


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--decoder", action="store_true", help="the decoder alone, from where the VAE is")
    options = parser.parse_args()
    train(options.minutes, options.decoder)
    return 0

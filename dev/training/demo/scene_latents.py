"""What the UNet is trained on: scenes as latents of the trained VAE, with captions as token numbers, kept on disk."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...demo.sizes import CELL, EDGE, LATENT, TOKENS
from ...demo.text_encoder import END, encode
from ...mount import ROOT
from ..world.scenes import caption, draw, random_scene
from .narrow_vae import NarrowVAE
from .training_run import FOLDER

TOKENIZER = ROOT / ".host" / "ComfyUI" / "comfy" / "sd1_tokenizer"
SEED = 62
CAPTIONS = 4
"""Of every scene."""

LENGTH = 48
"""Token positions that are computed: the last one stands for all that follow, which are equal."""

CROPS = 0.15
"""Share of quarters of scenes drawn at twice the size: what the second pass of a hires fix is shown."""


@dataclass(frozen=True)
class SceneLatents:
    """Latents and captions; entries of equal number belong together."""

    latents: Tensor
    """(N, 4, 16, 16)"""
    captions: NDArray[np.int32]
    """(N, CAPTIONS, LENGTH)"""
    cropped: Tensor
    """(N,) of bool: a part of a larger drawing"""


def scene_latents(vae: NarrowVAE, count: int) -> SceneLatents:
    """Return `count` scenes, drawn and encoded at the first call with this encoder."""
    path = FOLDER / f"demo-latents-{count}-{_digest(vae)}.npz"
    if not path.exists():
        _make(vae, count, path)
    with np.load(path) as file:
        return SceneLatents(
            torch.from_numpy(file["latents"]).float(), file["captions"], torch.from_numpy(file["cropped"])
        )


def token_numbers(texts: list[str]) -> NDArray[np.int32]:
    """Return (N, LENGTH) token numbers as the host makes them. Raises ValueError if a text is too long."""
    tokenizer = _tokenizer()
    numbers = np.full((len(texts), LENGTH), END, np.int32)
    for row, text in zip(numbers, texts, strict=True):
        found = tokenizer(text)["input_ids"]
        if len(found) > LENGTH - 3:  # the last position must have two ENDs before it
            raise ValueError(f"{text!r} has {len(found)} tokens, but at most {LENGTH - 3} are computed")
        row[: len(found)] = found
    return numbers


def context(tokens: NDArray[np.int32]) -> tuple[Tensor, Tensor]:
    """Return what the UNet reads for token numbers (N, LENGTH), and the scores' bias (N, LENGTH)."""
    bias = torch.zeros(tokens.shape)
    bias[:, -1] = float(np.log(TOKENS - LENGTH + 1))
    return torch.from_numpy(encode(tokens)), bias


def _tokenizer() -> Any:
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(TOKENIZER)


def _digest(vae: NarrowVAE) -> str:
    """Which encoder it is: latents of another one are of no use."""
    content = b"".join(value.numpy().tobytes() for value in vae.taesd_encoder.state_dict().values())
    return hashlib.sha256(content).hexdigest()[:12]


@torch.no_grad()
def _make(vae: NarrowVAE, count: int, path: Path) -> None:
    rng, choice = Random(SEED), np.random.default_rng(SEED)
    latents = np.empty((count, LATENT, EDGE // CELL, EDGE // CELL), np.float16)
    cropped = choice.random(count) < CROPS
    texts: list[str] = []
    step = 32
    for start in range(0, count, step):
        pictures = []
        for crop in cropped[start : start + step]:
            scene = random_scene(rng)
            texts += [caption(scene, rng) for _ in range(CAPTIONS)]
            picture = np.asarray(draw(scene, 2 * EDGE, 2 * EDGE) if crop else draw(scene, EDGE, EDGE))
            if crop:
                top, left = CELL * choice.integers(0, EDGE // CELL + 1, 2)
                picture = picture[top : top + EDGE, left : left + EDGE]
            pictures.append(picture)
        batch = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
        with torch.autocast("cpu", torch.bfloat16):
            encoded = vae.encode(batch.contiguous(memory_format=torch.channels_last))
        latents[start : start + step] = encoded.float().numpy()
    captions = token_numbers(texts).reshape(count, CAPTIONS, LENGTH)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with open(temporary, "wb") as file:
        np.savez(file, latents=latents, captions=captions, cropped=cropped)
    os.replace(temporary, path)

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

from ...demo.sizes import CELL, LATENT, TOKENS
from ...demo.text_encoder import END, encode
from ...mount import ROOT
from ..world.scenes import caption
from .drawn_scenes import drawn_scenes
from .narrow_vae import NarrowVAE
from .training_run import BF16, FOLDER

TOKENIZER = ROOT / ".host" / "ComfyUI" / "comfy" / "sd1_tokenizer"
SEED = 62
CAPTIONS = 4
"""Of every scene."""

LENGTH = 48
"""Token positions that are computed: the last one stands for all that follow, which are equal."""


@dataclass(frozen=True)
class SceneLatents:
    """Latents and captions of scenes drawn at one size; entries of equal number belong together."""

    latents: Tensor
    """(N, 4, edge / 8, edge / 8), half precision"""
    captions: NDArray[np.int32]
    """(N, CAPTIONS, LENGTH)"""


def scene_latents(vae: NarrowVAE, count: int, edge: int) -> SceneLatents:
    """Return `count` scenes of `edge` pixels, drawn and encoded at the first call with this encoder."""
    path = FOLDER / f"demo-latents-{edge}-{count}-{_digest(vae)}.npz"
    if not path.exists():
        _make(vae, count, edge, path)
    with np.load(path) as file:
        return SceneLatents(torch.from_numpy(file["latents"]), file["captions"])


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
def _make(vae: NarrowVAE, count: int, edge: int, path: Path) -> None:
    rng = Random(SEED + edge)
    drawn = drawn_scenes(edge, count)
    latents = np.empty((count, LATENT, edge // CELL, edge // CELL), np.float16)
    texts: list[str] = []
    step = 4
    for start in range(0, count, step):
        for scene in drawn.scenes[start : start + step]:
            texts += [caption(scene, rng) for _ in range(CAPTIONS)]
        batch = torch.from_numpy(np.array(drawn.pictures[start : start + step])).permute(0, 3, 1, 2).float() / 255
        with torch.autocast("cpu", torch.bfloat16, enabled=BF16):
            encoded = vae.encode(batch.contiguous(memory_format=torch.channels_last))
        latents[start : start + step] = encoded.float().numpy()
    captions = token_numbers(texts).reshape(count, CAPTIONS, LENGTH)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with open(temporary, "wb") as file:
        np.savez(file, latents=latents, captions=captions)
    os.replace(temporary, path)

"""Large pictures through a VAE: the pack's tiles beside ComfyUI's and beside one piece. Used by `dev.py bench vae`.

All three get the same network and the same picture in the same process, and run in turns; a time is the median of the
ratios to one piece.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import safetensors.torch
import torch

from ..fixtures import library
from ..host import real_host
from ..training.world.scenes import draw, random_scene
from . import machine, pairs, pictures

TILE, CORE_OVERLAP = 512, 64
"""Pixels; those of core's VAE Decode (Tiled). The pack's tiles have an overlap of their own."""

SEED = 77
WAYS = ("untiled", "ours", "core")
_VAE = "first_stage_model."


@dataclass(frozen=True)
class Row:
    """One way of a picture through one network, in tiles."""

    name: str
    time: float
    """Over the time in one piece."""

    psnr: float
    """To one piece, dB; of latents, over their range."""

    seam: float
    """See `pictures.seam`."""


def networks() -> dict[str, Any]:
    """The demo's trained TAESD, which has no norms, and SD's autoencoder with the oracle's random weights."""
    import comfy.sd

    files = library.ensure()
    found = {
        "TAESD, trained": files.demo,
        "AutoencoderKL, random": files.folder / "checkpoints" / "tiny_sd15.safetensors",
    }
    weights: dict[str, dict[str, torch.Tensor]] = {
        name: safetensors.torch.load_file(file) for name, file in found.items()
    }
    return {
        name: comfy.sd.VAE(sd={key[len(_VAE) :]: value for key, value in file.items() if key.startswith(_VAE)})
        for name, file in weights.items()
    }


def measure(name: str, vae: Any, picture: torch.Tensor, rounds: int) -> list[Row]:
    """Both ways: `picture` is `(1, H, W, 3)`, 0 to 1."""
    from ...host.latents.tiled_vae import decode_pictures, encode_picture

    cell = vae.spacial_compression_decode()
    latent = vae.encode(picture)
    tile, core = TILE // cell, {"overlap": CORE_OVERLAP}
    ways: dict[str, dict[str, Callable[[], torch.Tensor]]] = {
        "encode": {
            "untiled": lambda: vae.encode(picture),
            "ours": lambda: encode_picture(vae, picture, TILE),
            "core": lambda: vae.encode_tiled(picture, tile_x=TILE, tile_y=TILE, **core),
        },
        "decode": {
            "untiled": lambda: vae.decode(latent),
            "ours": lambda: decode_pictures(vae, latent, tile),
            "core": lambda: vae.decode_tiled(latent, tile_x=tile, tile_y=tile, overlap=CORE_OVERLAP // cell),
        },
    }
    return [row for way, sides in ways.items() for row in _rows(f"{name}, {way}", sides, rounds)]


def _rows(name: str, sides: dict[str, Callable[[], torch.Tensor]], rounds: int) -> list[Row]:
    results: dict[str, torch.Tensor] = {}

    def keep(way: str) -> Callable[[], None]:
        return lambda: results.update({way: sides[way]()})

    times = pairs.in_turns({way: keep(way) for way in WAYS}, dict.fromkeys(WAYS, rounds))
    whole = results["untiled"]
    low, high = whole.aminmax()
    shown = {way: ((result - low) / (high - low)) for way, result in results.items()}
    if name.endswith("encode"):
        shown = {way: result.movedim(1, -1) for way, result in shown.items()}
    return [
        Row(
            f"{name}, {way}",
            pairs.ratio(times[way], times["untiled"])[0 if torch.cuda.is_available() else 1],
            pictures.decibels(shown[way], shown["untiled"]),
            pictures.seam(shown[way], shown["untiled"]),
        )
        for way in WAYS[1:]
    ]


def run(options: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Measure and print; returns the report and the exit status, which does not depend on the figures."""
    real_host.start(options.threads)
    drawn = draw(random_scene(random.Random(SEED)), options.size, options.size)
    picture = torch.from_numpy(np.array(drawn)).float()[None] / 255
    print(f"| {options.size} pixels, tiles of {TILE} | time over one piece | dB to it | seam |\n|---|---|---|---|")
    rows = []
    with torch.inference_mode():  # as the host runs its nodes
        for name, vae in networks().items():
            for row in measure(name, vae, picture, options.pairs or 1):
                rows.append(row)
                print(f"| {row.name} | {row.time:.2f} | {row.psnr:.1f} | {row.seam:.2f} |", flush=True)
    print(f"\n{machine.sentence()}.")
    return {"machine": machine.describe(), "rows": [asdict(row) for row in rows]}, 0

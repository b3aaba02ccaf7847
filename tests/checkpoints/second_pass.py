"""A ControlNet and a LoRA with random weights, for the checkpoints that the saved workflows run with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import safe_open

from ...demo.weights import Weights, write_safetensors

UNET = "model.diffusion_model."

_HINT = ((3, 16), (16, 16), (16, 32), (32, 32), (32, 96), (96, 96), (96, 256))
"""Channels in and out of the layers that read the picture; a last one ends at the width of the UNet."""


def write_controlnet(path: Path, checkpoint: Path) -> None:
    """A copy of the UNet's encoder, as every ControlNet is, with random layers where training starts from zeros."""
    w, encoder = Weights(3), {}
    with safe_open(checkpoint, framework="numpy") as file:
        for name in file.offset_keys():
            if name.startswith((f"{UNET}input_blocks.", f"{UNET}time_embed.")):
                encoder[name.removeprefix(UNET)] = file.get_tensor(name)
    # the host makes a middle block even where the UNet has none
    first = "input_blocks.1.0."
    encoder |= {name.replace(first, "middle_block.0."): a for name, a in encoder.items() if name.startswith(first)}
    width = encoder["input_blocks.0.0.weight"].shape[0]
    for number, (n_in, n_out) in enumerate((*_HINT, (256, width))):
        w.conv(f"input_hint_block.{2 * number}", n_out, n_in, (3, 3))
    for block in {int(name.split(".")[1]) for name in encoder if name.startswith("input_blocks.")}:
        w.conv(f"zero_convs.{block}.0", width, width, (1, 1), gain=0.3)
    w.conv("middle_block_out.0", width, width, (1, 1), gain=0.3)
    write_safetensors(path, {**encoder, **w.half()})


def write_lora(path: Path, checkpoint: Path) -> None:
    """Rank 2 on the first layer that reads the time, which changes everything after it."""
    name = "time_embed.0"
    with safe_open(checkpoint, framework="numpy") as file:
        n_out, n_in = file.get_slice(f"{UNET}{name}.weight").get_shape()
    w = Weights(4)
    w.random(f"diffusion_model.{name}.lora_up.weight", (n_out, 2), 0.1)
    w.random(f"diffusion_model.{name}.lora_down.weight", (2, n_in), 0.1)
    w.put(f"diffusion_model.{name}.alpha", np.full((), 2, np.float32))
    write_safetensors(path, w.arrays)

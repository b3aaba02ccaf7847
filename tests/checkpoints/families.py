"""Checkpoints of other model families, as small as stock loaders accept, with seeded random weights.

Every file is complete in the sense that `CheckpointLoaderSimple` gives a model and a VAE; the VAE of the picture
families is the exact one of `taesd` (8x8 block means), so a round trip is known. Text encoders are left out
except where stated; tests use conditioning that is made ready (see `context_width` and `pooled_width`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from ...demo.weights import F, Weights, uniform, write_safetensors
from .taesd import taesd
from .wan_vae import wan_vae

UNET = "model.diffusion_model."
_Shapes = Iterable[tuple[str, tuple[int, ...]]]


@dataclass(frozen=True)
class Family:
    """One checkpoint and what a test must know to sample with it."""

    file: str
    fill: Callable[[Weights], None]
    context_width: int
    """Width of one text token's embedding."""
    pooled_width: int | None
    """Width of the pooled embedding, or None where the model takes none."""
    latent_channels: int
    half: bool = True
    """Whether the file holds float16."""

    def write(self, folder: Path) -> None:
        """Write the checkpoint into `folder`."""
        w = Weights(seed=11)
        self.fill(w)
        write_safetensors(folder / self.file, w.half() if self.half else w.arrays)


def _layers(w: Weights, prefix: str, shapes: _Shapes, residual: float = 1.0) -> None:
    """Add layers: 1-D weights are norms near 1, others are scaled by their fan-in. Every layer has a bias."""
    for name, shape in shapes:
        if len(shape) == 1:
            w.norm(prefix + name, shape[0])
        else:
            w.random(f"{prefix}{name}.weight", shape, residual / prod(shape[1:]) ** 0.5)
            w.random(f"{prefix}{name}.bias", (shape[0],), 0.02)


def _near_one(w: Weights, name: str, shape: tuple[int, ...]) -> None:
    w.put(name, F(1) + uniform(w.seed, name, shape, 0.1))


def _sd3(w: Weights) -> None:
    """SD3 of depth 1: hidden 64, patch 2. The one dummy key makes the loader give a CLIP that returns zeros."""
    hidden = 64
    block = "joint_blocks.0."
    shapes = [
        ("x_embedder.proj", (hidden, 16, 2, 2)),
        ("t_embedder.mlp.0", (hidden, 256)),
        ("t_embedder.mlp.2", (hidden, hidden)),
        ("y_embedder.mlp.0", (hidden, 2048)),
        ("y_embedder.mlp.2", (hidden, hidden)),
        ("context_embedder", (hidden, 4096)),
        (block + "context_block.attn.qkv", (3 * hidden, hidden)),
        (block + "context_block.adaLN_modulation.1", (2 * hidden, hidden)),
        (block + "x_block.attn.qkv", (3 * hidden, hidden)),
        (block + "x_block.attn.proj", (hidden, hidden)),
        (block + "x_block.mlp.fc1", (4 * hidden, hidden)),
        (block + "x_block.mlp.fc2", (hidden, 4 * hidden)),
        (block + "x_block.adaLN_modulation.1", (6 * hidden, hidden)),
        ("final_layer.linear", (64, hidden)),
        ("final_layer.adaLN_modulation.1", (2 * hidden, hidden)),
    ]
    _layers(w, UNET, shapes)
    taesd(w, "first_stage_model.", 16)
    w.put("text_encoders.none", np.zeros(1, np.float32))


def _flux(w: Weights) -> None:
    """Flux in the form with guidance: hidden 128, one double and one single block. Fed by SD3's CLIP output."""
    h = 128
    double, single = "double_blocks.0.", "single_blocks.0."
    shapes = [("img_in", (h, 64)), ("txt_in", (h, 4096))]
    for name, width in (("time_in", 256), ("vector_in", 2048), ("guidance_in", 256)):
        shapes += [(name + ".in_layer", (h, width)), (name + ".out_layer", (h, h))]
    for stream in ("img", "txt"):
        shapes += [
            (f"{double}{stream}_mod.lin", (6 * h, h)),
            (f"{double}{stream}_attn.qkv", (3 * h, h)),
            (f"{double}{stream}_attn.proj", (h, h)),
            (f"{double}{stream}_mlp.0", (4 * h, h)),
            (f"{double}{stream}_mlp.2", (h, 4 * h)),
        ]
    shapes += [
        (single + "linear1", (7 * h, h)),
        (single + "linear2", (h, 5 * h)),
        (single + "modulation.lin", (3 * h, h)),
        ("final_layer.linear", (64, h)),
        ("final_layer.adaLN_modulation.1", (2 * h, h)),
    ]
    _layers(w, UNET, shapes)
    for norm in (double + "img_attn.norm.", double + "txt_attn.norm.", single + "norm."):
        for which in ("query_norm", "key_norm"):
            _near_one(w, f"{UNET}{norm}{which}.scale", (h,))
    taesd(w, "vae.", 16)


def _wan(w: Weights) -> None:
    """Wan 2.1 text-to-video: 5-D latents, dim 128, one layer, with a small Wan VAE (random, 8 times in space)."""
    d = 128
    block = "blocks.0."
    shapes = [
        ("patch_embedding", (d, 16, 1, 2, 2)),
        ("text_embedding.0", (d, 4096)),
        ("text_embedding.2", (d, d)),
        ("time_embedding.0", (d, 256)),
        ("time_embedding.2", (d, d)),
        ("time_projection.1", (6 * d, d)),
        (block + "norm3", (d,)),
        (block + "ffn.0", (d, d)),
        (block + "ffn.2", (d, d)),
        ("head.head", (64, d)),
    ]
    shapes += [(f"{block}{a}_attn.{name}", (d, d)) for a in ("self", "cross") for name in "qkvo"]
    _layers(w, UNET, shapes)
    for attention in ("self_attn", "cross_attn"):
        for norm in ("norm_q", "norm_k"):
            _near_one(w, f"{UNET}{block}{attention}.{norm}.weight", (d,))
    w.random(f"{UNET}{block}modulation", (1, 6, d), 0.1)
    w.random(f"{UNET}head.modulation", (1, 2, d), 0.1)
    wan_vae(w, "vae.")


def _sdxl(w: Weights) -> None:
    """The smallest SDXL kind: one level, three blocks with transformers of depth 0, 2 and 5, no middle block."""
    c, context, time = 320, 2048, 1280
    shapes: list[tuple[str, tuple[int, ...]]] = [
        ("time_embed.0", (time, c)),
        ("time_embed.2", (time, time)),
        ("label_emb.0.0", (time, 2816)),
        ("label_emb.0.2", (time, time)),
        ("input_blocks.0.0", (c, 4, 3, 3)),
    ]
    blocks = [(f"input_blocks.{i}.0.", c) for i in (1, 2, 3)] + [(f"output_blocks.{i}.0.", 2 * c) for i in range(4)]
    for name, n_in in blocks:
        shapes += [
            (name + "in_layers.0", (n_in,)),
            (name + "in_layers.2", (c, n_in, 3, 3)),
            (name + "emb_layers.1", (c, time)),
            (name + "out_layers.0", (c,)),
            (name + "out_layers.3", (c, c, 3, 3)),
        ]
        if n_in != c:
            shapes.append((name + "skip_connection", (c, n_in, 1, 1)))
    for i, depth in ((2, 2), (3, 5)):
        name = f"input_blocks.{i}.1."
        shapes += [(name + "norm", (c,)), (name + "proj_in", (c, c)), (name + "proj_out", (c, c))]
        for k in range(depth):
            block = f"{name}transformer_blocks.{k}."
            shapes += [(f"{block}norm{n}", (c,)) for n in (1, 2, 3)]
            shapes += [(block + "ff.net.0.proj", (8 * c, c)), (block + "ff.net.2", (c, 4 * c))]
            for attention, width in (("attn1", c), ("attn2", context)):
                w.linear(f"{UNET}{block}{attention}.to_q", c, c, bias=None)
                w.linear(f"{UNET}{block}{attention}.to_k", c, width, bias=None)
                w.linear(f"{UNET}{block}{attention}.to_v", c, width, bias=None)
                w.linear(f"{UNET}{block}{attention}.to_out.0", c, c, gain=0.5)
    shapes += [("out.0", (c,)), ("out.2", (4, c, 3, 3))]
    _layers(w, UNET, shapes)
    taesd(w, "first_stage_model.", 4, scale=0.13025)


def _sdxl_v(w: Weights) -> None:
    """The same network as a v-prediction model: the loader knows it by the key `v_pred`."""
    _sdxl(w)
    w.put("v_pred", np.zeros(0, np.float32))


FAMILIES = {
    "sd3": Family("tiny-sd3.safetensors", _sd3, 4096, 2048, 16, half=False),
    "flux": Family("tiny-flux.safetensors", _flux, 4096, 2048, 16, half=False),
    "wan": Family("tiny-wan.safetensors", _wan, 4096, None, 16, half=False),
    "sdxl": Family("tiny-sdxl.safetensors", _sdxl, 2048, 1280, 4),
    "sdxl-v": Family("tiny-sdxl-v.safetensors", _sdxl_v, 2048, 1280, 4),
}
"""By the name that tests use."""

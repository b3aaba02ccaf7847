"""The models that the recorded A1111 runs were made with: same bytes, hence comparable tensors.

`tiny_sd15` is an SD 1.x checkpoint with a UNet of two levels (model_channels 320, channel_mult [1, 1], one block a
level, attention on both, 44 M parameters) and CLIP-L and KL VAE in their standard sizes. Nothing is trained; weights
are scaled so that signals keep a sane size, and some are set by hand so that eps is roughly 0.93 * x / std(x) plus a
random function of (x, sigma, text): a trajectory contracts from sigma_max to a latent with a standard deviation near
1. The log-variances of the VAE encoder sit near -18, as in trained SD VAEs. The upscalers carry the picture through
and add random features. `SHA256` proves that a file is the recorded one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...demo.weights import SILU_GAIN, F, Weights, uniform, write_safetensors
from .clip_l import clip_l

SHA256 = {
    "tiny_sd15.safetensors": "9189f6453a526b42aa6c32d27eccc9aeeb7232ca28ce520c7c5594077a032575",
    "tiny_sd15_b.safetensors": "907ff92e81d3a94630d6d3ef40bd424429d89067c5db0c791376ff38cfdc764e",
    "tiny_rrdb_x4.safetensors": "f7976e4fffcf6658432b1c09d7c43b61532e689a0109ba0a9f960568512a125a",
    "tiny_rrdb_x2.safetensors": "61aa83f1306a97552327dd38536f02f498a9d9b0f07a473ff2f96eaa4232797c",
    "tiny_compact_x2.safetensors": "c80b41915390014a9b0f8bd577e9579b8c9cf4c84cbeaff7be43fd6ffb04392f",
}
"""Of every file that `write_checkpoints` and `write_upscalers` make."""

CHECKPOINT_SEEDS = {"tiny_sd15.safetensors": 1, "tiny_sd15_b.safetensors": 2}
UPSCALER_SEED = 1

CHANNELS, CONTEXT, TIME = 320, 768, 1280
PASS = 1.5  # of x through the network, before the last normalisation's share
FEATURES = 0.30


def write_checkpoints(folder: Path) -> None:
    """Write both checkpoints, 500 MB and about one second each."""
    for file, seed in CHECKPOINT_SEEDS.items():
        w = Weights(seed)
        _unet(w, "model.diffusion_model.")
        clip_l(w)
        _kl_vae(w, "first_stage_model.")
        write_safetensors(folder / file, w.half())


def write_upscalers(folder: Path) -> None:
    """Write the three recorded upscalers."""
    fillers: dict[str, Callable[[Weights], None]] = {
        "tiny_rrdb_x4.safetensors": lambda w: _rrdb(w, 4),
        "tiny_rrdb_x2.safetensors": lambda w: _rrdb(w, 2),
        "tiny_compact_x2.safetensors": _compact,
    }
    for file, fill in fillers.items():
        w = Weights(UPSCALER_SEED)
        fill(w)
        write_safetensors(folder / file, {name: a.astype(np.float32) for name, a in w.arrays.items()})


# --------------------------------------------------------------------------------------------------------- UNet


def _unet(w: Weights, p: str) -> None:
    w.linear(p + "time_embed.0", TIME, CHANNELS, gain=1.4)
    w.linear(p + "time_embed.2", TIME, TIME, gain=SILU_GAIN)
    _first_convolution(w, p + "input_blocks.0.0")
    _residual(w, p + "input_blocks.1.0", CHANNELS)
    _transformer(w, p + "input_blocks.1.1")
    w.conv(p + "input_blocks.2.0.op", CHANNELS, CHANNELS, (3, 3))
    _residual(w, p + "input_blocks.3.0", CHANNELS)
    _transformer(w, p + "input_blocks.3.1")
    _residual(w, p + "middle_block.0", CHANNELS)
    _transformer(w, p + "middle_block.1")
    _residual(w, p + "middle_block.2", CHANNELS)
    for i in range(4):
        _residual(w, p + f"output_blocks.{i}.0", 2 * CHANNELS)
        _transformer(w, p + f"output_blocks.{i}.1")
    w.conv(p + "output_blocks.1.2.conv", CHANNELS, CHANNELS, (3, 3))
    w.norm(p + "out.0", CHANNELS)
    _last_convolution(w, p + "out.2")


def _first_convolution(w: Weights, name: str) -> None:
    """Channels 0..159 carry x: for each latent channel 20 pairs (+x, -x) at the centre tap. The rest is random."""
    weight = uniform(w.seed, name + ".weight", (CHANNELS, 4, 3, 3), 1.0 / 6.0)
    weight[:160] *= F(0.125)
    for c in range(4):
        for j in range(20):
            weight[40 * c + 2 * j, c, 1, 1] += F(1)
            weight[40 * c + 2 * j + 1, c, 1, 1] -= F(1)
    w.put(name + ".weight", weight)
    w.random(name + ".bias", (CHANNELS,), 0.02)


def _last_convolution(w: Weights, name: str) -> None:
    """silu(a) - silu(-a) = a: the pairs give x back linearly. Everything else is read at random."""
    weight = uniform(w.seed, name + ".weight", (4, CHANNELS, 3, 3), FEATURES * SILU_GAIN / (CHANNELS * 9) ** 0.5)
    for c in range(4):
        for j in range(20):
            weight[c, 40 * c + 2 * j, 1, 1] += F(PASS / 20)
            weight[c, 40 * c + 2 * j + 1, 1, 1] -= F(PASS / 20)
    w.put(name + ".weight", weight)
    w.random(name + ".bias", (4,), 0.02)


def _residual(w: Weights, name: str, n_in: int) -> None:
    w.norm(f"{name}.in_layers.0", n_in)
    w.conv(f"{name}.in_layers.2", CHANNELS, n_in, (3, 3), gain=SILU_GAIN)
    w.linear(f"{name}.emb_layers.1", CHANNELS, TIME, gain=2.0)
    w.norm(f"{name}.out_layers.0", CHANNELS)
    w.conv(f"{name}.out_layers.3", CHANNELS, CHANNELS, (3, 3), gain=SILU_GAIN * 0.6)
    if n_in == CHANNELS:
        return
    # the shortcut of a decoder block sees [main, skip]; the skip half keeps its channel order, so that the first
    # convolution's copy of x reaches the output
    weight = uniform(w.seed, f"{name}.skip_connection.weight", (CHANNELS, n_in, 1, 1), 0.3 / n_in**0.5)
    for i in range(CHANNELS):
        weight[i, n_in - CHANNELS + i, 0, 0] += F(0.7)
        weight[i, i, 0, 0] += F(0.5)
    w.put(f"{name}.skip_connection.weight", weight)
    w.random(f"{name}.skip_connection.bias", (CHANNELS,), 0.02)


def _transformer(w: Weights, name: str) -> None:
    w.norm(f"{name}.norm", CHANNELS)
    w.conv(f"{name}.proj_in", CHANNELS, CHANNELS, (1, 1))
    block = f"{name}.transformer_blocks.0"
    for attention, width, gain, sharpness in (("attn1", CHANNELS, 1.0, 1.3), ("attn2", CONTEXT, 1.2, 1.8)):
        w.linear(f"{block}.{attention}.to_q", CHANNELS, CHANNELS, gain=sharpness, bias=None)
        w.linear(f"{block}.{attention}.to_k", CHANNELS, width, gain=sharpness, bias=None)
        w.linear(f"{block}.{attention}.to_v", CHANNELS, width, bias=None)
        w.linear(f"{block}.{attention}.to_out.0", CHANNELS, CHANNELS, gain=gain)
    w.linear(f"{block}.ff.net.0.proj", 8 * CHANNELS, CHANNELS)
    w.linear(f"{block}.ff.net.2", CHANNELS, 4 * CHANNELS, gain=0.8)
    for norm in ("norm1", "norm2", "norm3"):
        w.norm(f"{block}.{norm}", CHANNELS)
    w.conv(f"{name}.proj_out", CHANNELS, CHANNELS, (1, 1), gain=0.4)


# ---------------------------------------------------------------------------------------------------------- VAE


def _kl_vae(w: Weights, p: str) -> None:
    width, multipliers = 128, (1, 2, 4, 4)
    _vae_encoder(w, p + "encoder.", width, multipliers)
    _near_identity(w, p + "quant_conv", 8, halves=True)
    _near_identity(w, p + "post_quant_conv", 4, halves=False)
    _vae_decoder(w, p + "decoder.", width, multipliers)


def _near_identity(w: Weights, name: str, n: int, halves: bool) -> None:
    weight = uniform(w.seed, name + ".weight", (n, n, 1, 1), 0.05)
    if halves:  # means and log-variances do not mix
        weight[: n // 2, n // 2 :] = 0
        weight[n // 2 :, : n // 2] = 0
    for i in range(n):
        weight[i, i, 0, 0] += F(1)
    w.put(name + ".weight", weight)
    w.put(name + ".bias", np.zeros(n, np.float32))


def _vae_residual(w: Weights, name: str, n_in: int, n_out: int) -> None:
    w.norm(name + ".norm1", n_in)
    w.conv(name + ".conv1", n_out, n_in, (3, 3), gain=SILU_GAIN)
    w.norm(name + ".norm2", n_out)
    w.conv(name + ".conv2", n_out, n_out, (3, 3), gain=SILU_GAIN * 0.5)
    if n_in != n_out:
        w.conv(name + ".nin_shortcut", n_out, n_in, (1, 1))


def _vae_middle(w: Weights, name: str, n: int) -> None:
    _vae_residual(w, name + ".block_1", n, n)
    w.norm(name + ".attn_1.norm", n)
    for part in "qkv":
        w.conv(name + ".attn_1." + part, n, n, (1, 1))
    w.conv(name + ".attn_1.proj_out", n, n, (1, 1), gain=0.5)
    _vae_residual(w, name + ".block_2", n, n)


def _vae_encoder(w: Weights, p: str, width: int, multipliers: tuple[int, ...]) -> None:
    w.conv(p + "conv_in", width, 3, (3, 3), gain=2.0)
    n = width
    for level, multiplier in enumerate(multipliers):
        for j in range(2):
            _vae_residual(w, p + f"down.{level}.block.{j}", n, width * multiplier)
            n = width * multiplier
        if level < 3:
            w.conv(p + f"down.{level}.downsample.conv", n, n, (3, 3))
    _vae_middle(w, p + "mid", n)
    w.norm(p + "norm_out", n)
    # four means with a standard deviation near 5.5 (1 / 0.18215), four log-variances near -18
    weight = uniform(w.seed, p + "conv_out.weight", (8, n, 3, 3), SILU_GAIN / (n * 9) ** 0.5)
    weight[:4] *= F(5.5)
    weight[4:] *= F(0.5)
    w.put(p + "conv_out.weight", weight)
    w.put(p + "conv_out.bias", np.array([0, 0, 0, 0, -18, -18, -18, -18], np.float32))


def _vae_decoder(w: Weights, p: str, width: int, multipliers: tuple[int, ...]) -> None:
    n = width * multipliers[-1]
    w.conv(p + "conv_in", n, 4, (3, 3), gain=0.3)
    _vae_middle(w, p + "mid", n)
    for level in (3, 2, 1, 0):
        for j in range(3):
            _vae_residual(w, p + f"up.{level}.block.{j}", n, width * multipliers[level])
            n = width * multipliers[level]
        if level > 0:
            w.conv(p + f"up.{level}.upsample.conv", n, n, (3, 3))
    w.norm(p + "norm_out", n)
    w.conv(p + "conv_out", 3, n, (3, 3), gain=SILU_GAIN * 0.45)


# ---------------------------------------------------------------------------------------------------- upscalers


def _rrdb(w: Weights, scale: int) -> None:
    """RRDBNet, 2 blocks of 16 features. Channels 0..2 carry the picture; all positive, so leaky ReLU keeps it."""
    features, growth = 16, 32
    n_in = 3 if scale == 4 else 12

    def conv(name: str, n_out: int, n: int, gain: float) -> NDArray[np.float32]:
        weight = uniform(w.seed, f"rrdb{scale}/{name}.weight", (n_out, n, 3, 3), gain / (9 * n) ** 0.5)
        w.put(name + ".weight", weight)
        w.put(name + ".bias", uniform(w.seed, f"rrdb{scale}/{name}.bias", (n_out,), 0.01))
        return weight

    first = conv("conv_first", features, n_in, 1.5)
    w.arrays["conv_first.bias"][:3] = 0
    phases = n_in // 3  # the 2x model's pixel-unshuffled input keeps the four phases of a channel together
    for c in range(3):
        first[c] = 0
        for k in range(phases):
            first[c, c * phases + k, 1, 1] = F(3 / n_in)
    for i in range(2):
        for dense in (1, 2, 3):
            for k in range(1, 6):
                name = f"body.{i}.rdb{dense}.conv{k}"
                conv(name, growth if k < 5 else features, features + (k - 1) * growth, 1.3)
    conv("conv_body", features, features, 1.0)[:3] *= F(0.25)
    for name in ("conv_up1", "conv_up2", "conv_hr"):
        weight = conv(name, features, features, 1.3)
        for c in range(3):
            weight[c] = 0
            weight[c, c, 1, 1] = 1
            w.arrays[name + ".bias"][c] = 0
    last = conv("conv_last", 3, features, 0.3)
    for c in range(3):
        last[c, c, 1, 1] += F(0.9)


def _compact(w: Weights) -> None:
    """The 2x "compact" network: 4 convolutions of 16 features with PReLU, pixel shuffle, nearest input added."""
    features, convolutions = 16, 4

    def conv(i: int, n_out: int, n_in: int, std: float) -> NDArray[np.float32]:
        weight = uniform(w.seed, f"compact/body.{i}.weight", (n_out, n_in, 3, 3), std)
        w.put(f"body.{i}.weight", weight)
        w.put(f"body.{i}.bias", uniform(w.seed, f"compact/body.{i}.bias", (n_out,), 0.01))
        return weight

    conv(0, features, 3, 0.3)
    for k in range(convolutions):
        w.put(f"body.{2 * k + 1}.weight", F(0.2) + uniform(w.seed, f"compact/prelu.{k}", (features,), 0.05))
        last = k == convolutions - 1
        weight = conv(2 * k + 2, 12 if last else features, features, 0.12)
        if last:
            weight *= F(0.5)

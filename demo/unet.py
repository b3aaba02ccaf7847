"""A two-level UNet of the SD 1.x kind (24.5 M parameters) that is not trained but behaves like a denoiser.

Its output is 0.92 * y / std(y) with y = x - SMOOTHING * lowpass(x), plus a small smooth function of x, text and time.
Fine noise is thus what it sees as noise and takes away at the right rate, while large soft shapes are what it sees as
picture and keeps. So both passes of a hires fix end in soft coloured shapes, and the second one, which starts from
new noise on a finer grid, adds finer shapes. A linear path through the network carries x and its low-pass: in
residual blocks it uses the shortcut, which has no normalisation. The last normalisation divides by std(y).
"""

from __future__ import annotations

import numpy as np

from .weights import SILU_GAIN, F, Weights, uniform

CHANNELS, CONTEXT, TIME = 320, 768, 1280
LATENT = 4

# Channels 0..159: x, as 20 pairs (+x, -x) for each latent channel, because silu(a) - silu(-a) = a.
# Channels 160..167: a blurred x, one pair for each latent channel; they become the low-pass.
# The rest: random features.
PAIRS = 20
CARRIERS = 2 * PAIRS * LATENT
BLUR = CARRIERS
BLURRED = 2 * LATENT
FREE = BLUR + BLURRED

PASS = 0.92
SMOOTHING = 0.9
FEATURES = 0.06

_TENT = np.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25]).astype(np.float32)


def unet(w: Weights, p: str = "model.diffusion_model.") -> None:
    """Add the network to `w`: channel_mult [1, 1], one block a level, one transformer on the coarse level."""
    w.linear(p + "time_embed.0", TIME, CHANNELS, gain=1.4)
    w.linear(p + "time_embed.2", TIME, TIME, gain=SILU_GAIN)
    _first_convolution(w, p + "input_blocks.0.0")
    _residual(w, p + "input_blocks.1.0", CHANNELS)
    _down(w, p + "input_blocks.2.0.op")
    _residual(w, p + "input_blocks.3.0", CHANNELS)
    _transformer(w, p + "input_blocks.3.1")
    _residual(w, p + "output_blocks.0.0", 2 * CHANNELS)
    _residual(w, p + "output_blocks.1.0", 2 * CHANNELS)
    _up(w, p + "output_blocks.1.1.conv")
    _residual(w, p + "output_blocks.2.0", 2 * CHANNELS)
    _residual(w, p + "output_blocks.3.0", 2 * CHANNELS, subtract=True)
    _last_convolution(w, p)


def _first_convolution(w: Weights, name: str) -> None:
    weight = uniform(w.seed, name + ".weight", (CHANNELS, LATENT, 3, 3), 1.0 / 6.0)
    weight[:FREE] = 0
    for c in range(LATENT):
        for j in range(PAIRS):
            weight[2 * (PAIRS * c + j), c, 1, 1] = 1
            weight[2 * (PAIRS * c + j) + 1, c, 1, 1] = -1
        weight[BLUR + 2 * c, c] = _TENT
        weight[BLUR + 2 * c + 1, c] = -_TENT
    bias = uniform(w.seed, name + ".bias", (CHANNELS,), 0.02)
    bias[:FREE] = 0
    w.put(name + ".weight", weight)
    w.put(name + ".bias", bias)


def _residual(w: Weights, name: str, n_in: int, subtract: bool = False) -> None:
    """A residual block whose branch leaves the carriers alone and adds random features to the other channels.

    In a decoder block the shortcut lets the main path through and drops what the encoder kept. With `subtract` the
    carriers become y = x - SMOOTHING * lowpass(x), with x from the encoder and its low-pass from the main path.
    """
    w.norm(f"{name}.in_layers.0", n_in)
    w.conv(f"{name}.in_layers.2", CHANNELS, n_in, (3, 3), gain=SILU_GAIN)
    w.linear(f"{name}.emb_layers.1", CHANNELS, TIME, gain=2.0)
    w.norm(f"{name}.out_layers.0", CHANNELS)
    fan = CHANNELS * 9
    weight = uniform(w.seed, f"{name}.out_layers.3.weight", (CHANNELS, CHANNELS, 3, 3), 0.5 * SILU_GAIN / fan**0.5)
    weight[:FREE] = 0
    w.put(f"{name}.out_layers.3.weight", weight)
    w.put(f"{name}.out_layers.3.bias", np.zeros(CHANNELS, np.float32))
    if n_in == CHANNELS:
        return
    shortcut = np.zeros((CHANNELS, n_in, 1, 1), np.float32)
    for i in range(CHANNELS):
        shortcut[i, i] = 1
    if subtract:
        for i in range(CARRIERS):
            blurred = BLUR + 2 * (i // (2 * PAIRS)) + i % 2
            shortcut[i, i] = 0
            shortcut[i, CHANNELS + i] = 1
            shortcut[i, blurred] = -SMOOTHING
    w.put(f"{name}.skip_connection.weight", shortcut)
    w.put(f"{name}.skip_connection.bias", np.zeros(CHANNELS, np.float32))


def _down(w: Weights, name: str) -> None:
    """Half the resolution: the mean of 2x2, plus random features of what is there."""
    weight = uniform(w.seed, name + ".weight", (CHANNELS, CHANNELS, 3, 3), 0.5 / (CHANNELS * 9) ** 0.5)
    weight[:FREE] = 0
    for i in range(CHANNELS):
        weight[i, i, 1:, 1:] += F(0.25)
    w.put(name + ".weight", weight)
    w.put(name + ".bias", np.zeros(CHANNELS, np.float32))


def _up(w: Weights, name: str) -> None:
    """Double the resolution: after the nearest-neighbour doubling a tent makes it linear interpolation."""
    weight = np.zeros((CHANNELS, CHANNELS, 3, 3), np.float32)
    for i in range(CHANNELS):
        weight[i, i] = _TENT
    w.put(name + ".weight", weight)
    w.put(name + ".bias", np.zeros(CHANNELS, np.float32))


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
    weight = uniform(w.seed, f"{name}.proj_out.weight", (CHANNELS, CHANNELS, 1, 1), 0.8 / CHANNELS**0.5)
    weight[:FREE] = 0
    w.put(f"{name}.proj_out.weight", weight)
    w.put(f"{name}.proj_out.bias", np.zeros(CHANNELS, np.float32))


def _last_convolution(w: Weights, p: str) -> None:
    w.put(p + "out.0.weight", np.ones(CHANNELS, np.float32))
    w.put(p + "out.0.bias", np.zeros(CHANNELS, np.float32))
    weight = np.zeros((LATENT, CHANNELS, 3, 3), np.float32)
    free = CHANNELS - FREE
    weight[:, FREE:, 1, 1] = uniform(w.seed, p + "out.2.weight", (LATENT, free), FEATURES * SILU_GAIN / free**0.5)
    for c in range(LATENT):
        for j in range(PAIRS):
            weight[c, 2 * (PAIRS * c + j), 1, 1] = PASS / PAIRS
            weight[c, 2 * (PAIRS * c + j) + 1, 1, 1] = -PASS / PAIRS
    w.put(p + "out.2.weight", weight)
    w.put(p + "out.2.bias", np.zeros(LATENT, np.float32))

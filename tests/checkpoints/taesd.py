"""A TAESD-shaped VAE whose weights are set by hand, so that what it does is known exactly.

Encoding takes the mean of every 8x8 block of pixels; decoding gives every latent cell back as an 8x8 block. Three
latent channels hold the colour, the others are zero and are ignored.
The network begins decoding with 3*tanh(x/3); its first layer undoes that by a piecewise linear function.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...demo.weights import F, Weights

WIDTH = 64
KNOTS = 20  # per colour; with the constant channel 61 of the 64 channels

_CENTRE = np.zeros((3, 3))
_CENTRE[1, 1] = 1.0
_MEAN = np.zeros((3, 3))
_MEAN[1:, 1:] = 0.25  # stride 2, padding 1: the 2x2 pixels of one output pixel


def taesd(w: Weights, prefix: str, latent_channels: int, scale: float = 1.0) -> None:
    """Add encoder, decoder and scale factors to `w` under `prefix`.

    The first three latent channels are red, green and blue; a value v (0..1) gets the latent 2v - 1, divided by
    `scale` on the socket.
    """
    w.put(prefix + "vae_scale", np.float32(scale).reshape(()))
    w.put(prefix + "vae_shift", np.float32(0.0).reshape(()))
    _encoder(w, prefix + "taesd_encoder.", latent_channels)
    _decoder(w, prefix + "taesd_decoder.", latent_channels)


def _encoder(w: Weights, p: str, latent_channels: int) -> None:
    _conv(w, p + "0", _passing(_CENTRE, n_in=3), np.zeros(WIDTH))
    _block(w, p + "1")
    for first in (2, 6, 10):
        _conv(w, p + str(first), _passing(_MEAN), None)
        for i in range(first + 1, first + 4):
            _block(w, p + str(i))
    weight, bias = np.zeros((latent_channels, WIDTH, 3, 3)), np.zeros(latent_channels)
    weight[:3, :3, 1, 1] = 2 * np.eye(3)
    bias[:3] = -1  # a mid-grey picture is the zero latent
    _conv(w, p + "14", weight, bias)


def _decoder(w: Weights, p: str, latent_channels: int) -> None:
    limit = 1.4
    latent = np.linspace(-limit, limit, KNOTS + 1)
    squashed = 3 * np.tanh(latent / 3)
    slopes = np.diff(latent) / np.diff(squashed)
    steps = np.diff(slopes, prepend=0.0)  # change of slope at every knot but the last

    one = 3 * KNOTS  # the constant channel
    weight, bias = np.zeros((WIDTH, latent_channels, 3, 3)), np.zeros(WIDTH)
    for c in range(3):
        weight[c * KNOTS : (c + 1) * KNOTS, c, 1, 1] = 1.0
        bias[c * KNOTS : (c + 1) * KNOTS] = -squashed[:-1]
    bias[one] = 1.0
    _conv(w, p + "1", weight, bias)
    for i in (3, 4, 5):
        _block(w, p + str(i))

    weight = np.zeros((WIDTH, WIDTH, 3, 3))
    for c in range(3):
        for k in range(KNOTS):
            weight[c, c * KNOTS + k] = steps[k] / 2 * _CENTRE
        weight[c, one] = (1 - limit) / 2 * _CENTRE
    _conv(w, p + "7", weight, None)
    for i in (8, 9, 10):
        _block(w, p + str(i))
    _conv(w, p + "12", _passing(_CENTRE), None)
    for i in (13, 14, 15):
        _block(w, p + str(i))
    _conv(w, p + "17", _passing(_CENTRE), None)
    _block(w, p + "18")
    _conv(w, p + "19", _passing(_CENTRE, n_out=3), np.zeros(3))


def _passing(kernel: NDArray[np.float64], n_in: int = WIDTH, n_out: int = WIDTH) -> NDArray[np.float64]:
    weight = np.zeros((n_out, n_in, 3, 3))
    for c in range(3):
        weight[c, c] = kernel
    return weight


def _conv(w: Weights, name: str, weight: NDArray[np.float64], bias: NDArray[np.float64] | None) -> None:
    w.put(name + ".weight", weight.astype(F))
    if bias is not None:
        w.put(name + ".bias", bias.astype(F))


def _block(w: Weights, name: str) -> None:
    """A residual block that adds nothing: what is not negative passes unchanged."""
    for i in (0, 2, 4):
        _conv(w, f"{name}.conv.{i}", np.zeros((WIDTH, WIDTH, 3, 3)), np.zeros(WIDTH))

"""The Wan 2.1 video VAE in a width of 8 (0.9 M parameters), with seeded random weights."""

from __future__ import annotations

import numpy as np

from ...demo.weights import Weights

DIM, LATENT = 8, 16
_GAIN = 1.4


def wan_vae(w: Weights, p: str) -> None:
    """Add encoder and decoder to `w`: 8 times smaller in space, 4 times in time, 16 latent channels."""
    wide = 4 * DIM
    _conv(w, p + "encoder.conv1", DIM, 3)
    i, n = 0, DIM
    for level, width in enumerate((DIM, 2 * DIM, wide, wide)):
        for _ in range(2):
            _residual(w, f"{p}encoder.downsamples.{i}", n, width)
            i, n = i + 1, width
        if level < 3:
            _resample(w, f"{p}encoder.downsamples.{i}", n, n, time_channels=n if level else None)
            i += 1
    _middle(w, p + "encoder.middle", wide)
    _head(w, p + "encoder.head", wide, 2 * LATENT)
    w.conv(p + "conv1", 2 * LATENT, 2 * LATENT, (1, 1, 1))
    w.conv(p + "conv2", LATENT, LATENT, (1, 1, 1))

    _conv(w, p + "decoder.conv1", wide, LATENT)
    _middle(w, p + "decoder.middle", wide)
    # every doubling halves the width, so a level starts with half of what the one before it had
    i, n = 0, wide
    for level, width in enumerate((wide, wide, 2 * DIM, DIM)):
        for _ in range(3):
            _residual(w, f"{p}decoder.upsamples.{i}", n, width)
            i, n = i + 1, width
        if level < 3:
            _resample(w, f"{p}decoder.upsamples.{i}", n, n // 2, time_channels=2 * n if level < 2 else None)
            i, n = i + 1, n // 2
    _head(w, p + "decoder.head", DIM, 3)


def _conv(w: Weights, name: str, n_out: int, n_in: int, gain: float = 1.0) -> None:
    w.conv(name, n_out, n_in, (3, 3, 3), gain=gain)


def _gamma(w: Weights, name: str, n: int, dimensions: int) -> None:
    w.put(name + ".gamma", np.ones((n, *(1,) * dimensions), np.float32))


def _residual(w: Weights, name: str, n_in: int, n_out: int) -> None:
    _gamma(w, name + ".residual.0", n_in, 3)
    _conv(w, name + ".residual.2", n_out, n_in, _GAIN)
    _gamma(w, name + ".residual.3", n_out, 3)
    _conv(w, name + ".residual.6", n_out, n_out, 0.5 * _GAIN)
    if n_in != n_out:
        w.conv(name + ".shortcut", n_out, n_in, (1, 1, 1))


def _resample(w: Weights, name: str, n_in: int, n_out: int, time_channels: int | None) -> None:
    w.conv(name + ".resample.1", n_out, n_in, (3, 3))
    if time_channels is not None:
        w.conv(name + ".time_conv", time_channels, n_in, (3, 1, 1))


def _middle(w: Weights, name: str, n: int) -> None:
    _residual(w, name + ".0", n, n)
    _gamma(w, name + ".1.norm", n, 2)
    w.conv(name + ".1.to_qkv", 3 * n, n, (1, 1))
    w.conv(name + ".1.proj", n, n, (1, 1))
    _residual(w, name + ".2", n, n)


def _head(w: Weights, name: str, n_in: int, n_out: int) -> None:
    _gamma(w, name + ".0", n_in, 3)
    _conv(w, name + ".2", n_out, n_in)

"""The VAE of the demo checkpoint as it is trained: a TAESD with most channels and some blocks left out.

TAESD is 64 channels wide at every resolution, without normalisation. Unused channels of the full-size one are zero; a
block whose convolutions are zero passes on what it is given, because nothing in it is negative.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...demo.sizes import LATENT

FULL, HALF, QUARTER, EIGHTH = 16, 32, 48, 64
"""Channels used at each resolution."""

LAST = 24
"""Channels used where the picture is made."""


class ResidualBlock(nn.Module):
    """Three convolutions added to what comes in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            _conv(width, width), nn.ReLU(), _conv(width, width), nn.ReLU(), _conv(width, width, gain=0.1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W) -> the same shape."""
        return F.relu(self.conv(x) + x)


class Squash(nn.Module):
    """What the host does to latents first: limits them to -3..3."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        return torch.tanh(x / 3) * 3


class NarrowVAE(nn.Module):
    """Encoder and decoder between pictures in 0..1 and latents of about unit deviation."""

    def __init__(self) -> None:
        super().__init__()
        self.taesd_encoder = _numbered(
            {
                0: _conv(3, FULL),
                1: ResidualBlock(FULL),
                2: _conv(FULL, HALF, stride=2, bias=False),
                3: ResidualBlock(HALF),
                6: _conv(HALF, QUARTER, stride=2, bias=False),
                7: ResidualBlock(QUARTER),
                10: _conv(QUARTER, EIGHTH, stride=2, bias=False),
                11: ResidualBlock(EIGHTH),
                12: ResidualBlock(EIGHTH),
                14: _conv(EIGHTH, LATENT, gain=0.7),
            }
        )
        self.taesd_decoder = _numbered(
            {
                0: Squash(),
                1: _conv(LATENT, EIGHTH),
                2: nn.ReLU(),
                3: ResidualBlock(EIGHTH),
                4: ResidualBlock(EIGHTH),
                5: ResidualBlock(EIGHTH),
                6: nn.Upsample(scale_factor=2),
                7: _conv(EIGHTH, QUARTER, bias=False),
                8: ResidualBlock(QUARTER),
                9: ResidualBlock(QUARTER),
                11: nn.Upsample(scale_factor=2),
                12: _conv(QUARTER, HALF, bias=False),
                13: ResidualBlock(HALF),
                14: ResidualBlock(HALF),
                16: nn.Upsample(scale_factor=2),
                17: _conv(HALF, LAST, bias=False),
                18: ResidualBlock(LAST),
                19: _conv(LAST, 3, gain=0.3),
            }
        )

    def encode(self, pictures: Tensor) -> Tensor:
        """(B, 3, 8h, 8w) in 0..1 -> (B, 4, h, w)."""
        return self.taesd_encoder(pictures)

    def decode(self, latents: Tensor) -> Tensor:
        """(B, 4, h, w) -> (B, 3, 8h, 8w), not clamped."""
        return self.taesd_decoder(latents)


def _numbered(layers: dict[int, nn.Module]) -> nn.Sequential:
    """Return the layers in a row under the numbers that they have in a TAESD."""
    return nn.Sequential(OrderedDict((str(number), layer) for number, layer in layers.items()))


def _conv(n_in: int, n_out: int, stride: int = 1, bias: bool = True, gain: float = 1.0) -> nn.Conv2d:
    """Return a 3x3 convolution that keeps the size of a signal through a ReLU, times `gain`."""
    layer = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=bias)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    with torch.no_grad():
        layer.weight *= gain
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer

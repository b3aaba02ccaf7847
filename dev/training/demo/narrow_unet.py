"""The UNet of the demo checkpoint as it is trained: SD 1.x with most channels left out.

The host fixes the widths of an SD 1.x UNet (320 channels, 8 heads of 40, time embedding of 1280). A network that is
zero in most of them can be trained without them: this one computes, with `WIDTH` channels and in a fraction of the
time, exactly what the full-size one of `widen.unet` does. Names are those of the full-size tensors.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...demo.sizes import CHANNELS, CONTEXT, HEAD, LATENT, TIME, WIDTH

GROUP = 10
"""Channels of a group where there are 320; twice as many where two are joined."""


class GroupedNorm(nn.GroupNorm):
    """Group normalisation over the groups that have active channels."""

    def __init__(self, channels: int, joined: bool = False, eps: float = 1e-5) -> None:
        super().__init__(channels // (2 * GROUP if joined else GROUP), channels, eps=eps)


class PaddedLayerNorm(nn.Module):
    """Layer normalisation over 320 channels of which only the given ones are there and the others are zero."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """(…, width) -> (…, width)."""
        wide = x.float()
        mean = wide.sum(-1, keepdim=True) / CHANNELS
        variance = wide.square().sum(-1, keepdim=True) / CHANNELS - mean.square()
        return ((wide - mean) * torch.rsqrt(variance + 1e-5) * self.weight + self.bias).to(x.dtype)


class Residual(nn.Module):
    """Two convolutions with the time embedding added between them."""

    def __init__(self, n_in: int, width: int) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(
            GroupedNorm(n_in, joined=n_in != width), nn.SiLU(), nn.Conv2d(n_in, width, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(TIME, width))
        self.out_layers = nn.Sequential(
            GroupedNorm(width), nn.SiLU(), nn.Identity(), _zero(nn.Conv2d(width, width, 3, padding=1))
        )
        self.skip_connection = nn.Identity() if n_in == width else nn.Conv2d(n_in, width, 1)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """(B, n_in, H, W) and (B, TIME) -> (B, width, H, W)."""
        h = self.in_layers(x) + self.emb_layers(time)[..., None, None]
        return self.skip_connection(x) + self.out_layers(h)


class Attention(nn.Module):
    """Attention of heads of 40 channels; `bias` is added to the scores."""

    def __init__(self, width: int, context: int) -> None:
        super().__init__()
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context, width, bias=False)
        self.to_v = nn.Linear(context, width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(width, width))

    def forward(self, x: Tensor, context: Tensor, bias: Tensor | None = None) -> Tensor:
        """(B, N, width) and (B, M, context) -> (B, N, width); bias (B, M)."""

        def heads(y: Tensor) -> Tensor:
            return y.unflatten(-1, (-1, HEAD)).transpose(1, 2)

        q, k, v = heads(self.to_q(x)), heads(self.to_k(context)), heads(self.to_v(context))
        scores = None if bias is None else bias[:, None, None].to(q.dtype)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=scores)
        return self.to_out(mixed.transpose(1, 2).flatten(2))


class Gate(nn.Module):
    """The first half of a gated feed-forward layer."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.proj = nn.Linear(n_in, 2 * n_out)

    def forward(self, x: Tensor) -> Tensor:
        """(…, n_in) -> (…, n_out)."""
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    """Gated, four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(Gate(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """(…, width) -> (…, width)."""
        return self.net(x)


class Block(nn.Module):
    """Attention among the cells, attention to the words, feed-forward."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (PaddedLayerNorm(width) for _ in range(3))
        self.attn1 = Attention(width, width)
        self.attn2 = Attention(width, CONTEXT)
        self.ff = FeedForward(width)

    def forward(self, x: Tensor, context: Tensor, bias: Tensor | None) -> Tensor:
        """(B, N, width) -> (B, N, width)."""
        n = self.norm1(x)
        x = x + self.attn1(n, n)
        x = x + self.attn2(self.norm2(x), context, bias)
        return x + self.ff(self.norm3(x))


class Transformer(nn.Module):
    """A transformer block over the cells of a level."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = GroupedNorm(width, eps=1e-6)
        self.proj_in = nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([Block(width)])
        self.proj_out = _zero(nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor, context: Tensor, bias: Tensor | None) -> Tensor:
        """(B, width, H, W) -> (B, width, H, W)."""
        h = self.proj_in(self.norm(x))
        cells = h.flatten(2).transpose(1, 2)
        for block in self.transformer_blocks:
            cells = block(cells, context, bias)
        return x + self.proj_out(cells.transpose(1, 2).reshape(h.shape))


class Down(nn.Module):
    """Half the resolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(width, width, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W) -> (B, width, H/2, W/2)."""
        return self.op(x)


class Up(nn.Module):
    """Double the resolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W) -> (B, width, 2H, 2W)."""
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


class Sequence(nn.Sequential):
    """Layers in a row, each given what it takes."""

    def forward(self, x: Tensor, time: Tensor, context: Tensor, bias: Tensor | None) -> Tensor:
        """(B, n_in, H, W) -> (B, width, H', W')."""
        for layer in self:
            if isinstance(layer, Residual):
                x = layer(x, time)
            elif isinstance(layer, Transformer):
                x = layer(x, context, bias)
            else:
                x = layer(x)
        return x


class NarrowUNet(nn.Module):
    """Two levels, one block each, transformers on the coarse level and in the middle."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.time_embed = nn.Sequential(nn.Linear(CHANNELS, TIME), nn.SiLU(), nn.Linear(TIME, TIME))
        self.input_blocks = nn.ModuleList(
            [
                Sequence(nn.Conv2d(LATENT, width, 3, padding=1)),
                Sequence(Residual(width, width)),
                Sequence(Down(width)),
                Sequence(Residual(width, width), Transformer(width)),
            ]
        )
        self.middle_block = Sequence(Residual(width, width), Transformer(width), Residual(width, width))
        self.output_blocks = nn.ModuleList(
            [
                Sequence(Residual(2 * width, width), Transformer(width)),
                Sequence(Residual(2 * width, width), Transformer(width), Up(width)),
                Sequence(Residual(2 * width, width)),
                Sequence(Residual(2 * width, width)),
            ]
        )
        self.out = nn.Sequential(GroupedNorm(width), nn.SiLU(), _zero(nn.Conv2d(width, LATENT, 3, padding=1)))

    def forward(self, x: Tensor, timesteps: Tensor, context: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return the predicted noise, (B, 4, H, W) as `x`; timesteps (B,), context (B, M, CONTEXT), bias (B, M)."""
        time = self.time_embed(sinusoids(timesteps))
        kept = []
        for block in self.input_blocks:
            x = block(x, time, context, bias)
            kept.append(x)
        x = self.middle_block(x, time, context, bias)
        for block in self.output_blocks:
            x = block(torch.cat([x, kept.pop()], dim=1), time, context, bias)
        return self.out(x)


def sinusoids(timesteps: Tensor) -> Tensor:
    """Return the 320 numbers that tell the network the time: 160 cosines, then 160 sines."""
    half = CHANNELS // 2
    frequencies = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / half)
    angles = timesteps.float()[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def _zero(layer: nn.Conv2d) -> nn.Conv2d:
    """Return the layer with zero weights: a branch begins by adding nothing."""
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def split(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return what Muon steps (weights inside the network) and what Adam does (its ends, norms and biases)."""
    inner, other = [], []
    for name, parameter in model.named_parameters():
        at_an_end = name.startswith(("input_blocks.0.", "out."))
        (inner if parameter.ndim > 1 and not at_an_end else other).append(parameter)
    return inner, other

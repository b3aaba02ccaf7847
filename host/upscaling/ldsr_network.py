"""LDSR's two networks, of the host's own parts."""

from __future__ import annotations

from typing import Any, cast

import comfy.ops
import torch
from comfy.ldm.modules.attention import optimized_attention
from comfy.ldm.modules.diffusionmodules.model import Decoder
from comfy.ldm.modules.diffusionmodules.openaimodel import Downsample, ResBlock, Upsample
from comfy.ldm.modules.diffusionmodules.util import timestep_embedding

from ...upscale_models.models.ldsr_layout import CHANNELS, Block, DecoderLayout, UnetLayout

_ops = comfy.ops.disable_weight_init
"""Weights come from a file; the host casts and moves what is made of these."""

_GROUPS = 32

_TOGETHER = 2048
"""Cells that are compared with all codes at once: 64 MB with the published 8192."""


class LdsrNetworks(torch.nn.Module):
    """Both, so that the host moves them together; their names are those of the file, without its prefixes."""

    def __init__(self, unet: UnetLayout, decoder: DecoderLayout, head: int) -> None:
        super().__init__()
        self.head = head
        """Channels of one, of attention."""

        self.unet = _Unet(unet, head)
        self.first_stage = _FirstStage(decoder)


class _Unet(torch.nn.Module):
    """Tells the noise in a window from the noised window and the picture there."""

    def __init__(self, layout: UnetLayout, head: int) -> None:
        super().__init__()
        self._width = layout.width
        make = _Maker(layout.embedding, head)
        self.time_embed = torch.nn.Sequential(
            _ops.Linear(layout.width, layout.embedding),
            torch.nn.SiLU(),
            _ops.Linear(layout.embedding, layout.embedding),
        )
        self.input_blocks = make.blocks(layout.inputs)
        channels = layout.middle
        kinds = ("residual", "attention", "residual")
        self.middle_block = torch.nn.ModuleList(make.block(Block(kind, channels, channels)) for kind in kinds)
        self.output_blocks = make.blocks(layout.outputs)
        self.out = torch.nn.Sequential(
            _ops.GroupNorm(_GROUPS, layout.width), torch.nn.SiLU(), _ops.Conv2d(layout.width, CHANNELS, 3, padding=1)
        )

    def forward(self, noised: torch.Tensor, picture: torch.Tensor, step: int) -> torch.Tensor:
        """`(N, 3, h, w)` each, h and w multiples of what the levels halve."""
        x = torch.cat([noised, picture], dim=1)
        times = torch.full((len(x),), step, device=x.device)
        embedded = self.time_embed(timestep_embedding(times, self._width).to(x.dtype))
        kept: list[torch.Tensor] = []
        for block in self.input_blocks:
            x = _run(block, x, embedded)
            kept.append(x)
        x = _run(self.middle_block, x, embedded)
        for block in self.output_blocks:
            x = _run(block, torch.cat([x, kept.pop()], dim=1), embedded)
        return self.out(x)


class _Maker:
    """Makes the parts of a U-Net."""

    def __init__(self, embedding: int, head: int) -> None:
        self._embedding, self._head = embedding, head

    def blocks(self, layout: tuple[tuple[Block, ...], ...]) -> torch.nn.ModuleList:
        return torch.nn.ModuleList(torch.nn.ModuleList(map(self.block, block)) for block in layout)

    def block(self, block: Block) -> torch.nn.Module:
        parts: dict[str, Any] = {"operations": _ops}
        if block.kind == "residual":
            return ResBlock(block.channels, self._embedding, 0.0, block.out, **parts)
        if block.kind == "attention":
            return _Attention(block.channels, self._head)
        if block.kind == "down":
            return Downsample(block.channels, True, out_channels=block.out, **parts)
        if block.kind == "up":
            return Upsample(block.channels, True, out_channels=block.out, **parts)
        return _ops.Conv2d(block.channels, block.out, 3, padding=1)


def _run(block: Any, x: torch.Tensor, embedded: torch.Tensor) -> torch.Tensor:
    for part in block:
        x = part(x, embedded) if isinstance(part, ResBlock) else part(x)
    return x


class _Attention(torch.nn.Module):
    """Every cell looks at every other; heads are parted before queries, keys and values."""

    def __init__(self, channels: int, head: int) -> None:
        super().__init__()
        self._heads = channels // head
        self.norm = _ops.GroupNorm(_GROUPS, channels)
        self.qkv = _ops.Conv1d(channels, 3 * channels, 1)
        self.proj_out = _ops.Conv1d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count, channels, height, width = x.shape
        cells = x.reshape(count, channels, height * width)
        parts = self.qkv(self.norm(cells)).reshape(count, self._heads, 3, channels // self._heads, -1)
        q, k, v = parts.transpose(-1, -2).unbind(2)
        seen = optimized_attention(q, k, v, self._heads, skip_reshape=True)
        return (cells + self.proj_out(seen.transpose(1, 2))).reshape(x.shape)


class _FirstStage(torch.nn.Module):
    """Turns a latent into pixels: to the nearest code in every cell, then up."""

    def __init__(self, layout: DecoderLayout) -> None:
        super().__init__()
        self.quantize = torch.nn.ModuleDict({"embedding": _ops.Embedding(layout.codes, CHANNELS)})
        self.post_quant_conv = _ops.Conv2d(CHANNELS, CHANNELS, 1)
        sizes: dict[str, Any] = {"out_ch": CHANNELS, "in_channels": CHANNELS, "z_channels": CHANNELS, "resolution": 256}
        self.decoder = Decoder(
            ch=layout.width,
            ch_mult=layout.multiples,
            num_res_blocks=layout.blocks,
            attn_resolutions=[],
            **sizes,
        )

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """`(N, 3, h, w)` -> `(N, 3, 4 * h, 4 * w)`."""
        cells = latent.movedim(1, -1)
        codes = cast(torch.Tensor, self.quantize["embedding"].weight).to(latent)
        parts = cells.reshape(-1, CHANNELS).split(_TOGETHER)
        nearest = torch.cat([torch.cdist(part[None], codes[None])[0].argmin(1) for part in parts])
        return self.decoder(self.post_quant_conv(codes[nearest].reshape(cells.shape).movedim(-1, 1)))

"""What the shapes in a file of LDSR say of its networks.

The super-resolution model of latent diffusion: a U-Net of 6 channels (noise and the small picture) to 3, attention of
its own kind, and the decoder of a quantised first stage. All but the width of the attention's heads is in the shapes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ...hires.sampling.ldsr import SCALE
from .cost import CostError, check_numbers

Shapes = Mapping[str, tuple[int, ...]]
"""By name of the tensor."""

UNET, FIRST_STAGE, AVERAGED = "model.diffusion_model.", "first_stage_model.", "model_ema.diffusion_model"
"""What the names of the networks begin with, and those of the U-Net's averaged weights, which have no further dots."""

CODES = FIRST_STAGE + "quantize.embedding.weight"

HEAD = 32
"""Channels of a head in the published model."""

CHANNELS = 3
_INPUT = UNET + "input_blocks.0.0.weight"
_NUMBERED = re.compile(r"(input|output)_blocks\.(\d+)\.(\d+)\.(.+)")


class LayoutError(Exception):
    """Shapes that no network can be built of: why, as the end of a sentence about them."""


def is_ldsr(shapes: Shapes) -> bool:
    """Whether a file is one of LDSR: six channels go in, attention by one convolution, a table of codes."""
    start = shapes.get(_INPUT, ())
    attention = any(
        name.startswith(UNET) and name.endswith(".qkv.weight") and len(shape) == 3 for name, shape in shapes.items()
    )
    return len(start) == 4 and start[1] == 2 * CHANNELS and attention and CODES in shapes


@dataclass(frozen=True)
class Block:
    """A numbered part of the U-Net; its modules in order."""

    kind: str
    """"conv", "residual", "attention", "down" or "up"."""

    channels: int
    """That go in."""

    out: int


@dataclass(frozen=True)
class UnetLayout:
    """The U-Net."""

    width: int
    """Channels of the first convolution, and numbers of a timestep's embedding."""

    embedding: int
    inputs: tuple[tuple[Block, ...], ...]
    middle: int
    """Channels."""

    outputs: tuple[tuple[Block, ...], ...]


@dataclass(frozen=True)
class DecoderLayout:
    """The first stage's decoder, as the host builds such ones."""

    width: int
    multiples: tuple[int, ...]
    blocks: int
    codes: int


def unet_layout(shapes: Shapes) -> UnetLayout:
    """Read the U-Net off the shapes.

    Raises:
        LayoutError: they describe none.
    """
    try:
        check_numbers([name for name in shapes if name.startswith(UNET)])
        own = {name.removeprefix(UNET): shape for name, shape in shapes.items() if name.startswith(UNET)}
        width = own["input_blocks.0.0.weight"][0]
        middle = own["middle_block.0.out_layers.3.weight"][0]
        blocks = _blocks(own)
        return UnetLayout(width, own["time_embed.0.weight"][0], blocks["input"], middle, blocks["output"])
    except CostError as error:
        raise LayoutError(str(error)) from error
    except (KeyError, IndexError) as error:
        raise LayoutError(f"its U-Net is incomplete: {error} is missing") from error


def _blocks(own: Shapes) -> dict[str, tuple[tuple[Block, ...], ...]]:
    found: dict[str, dict[int, dict[int, Block]]] = {"input": {}, "output": {}}
    for name, shape in own.items():
        match = _NUMBERED.fullmatch(name)
        block = match and _block(match[4], shape, own, name)
        if match and block:
            found[match[1]].setdefault(int(match[2]), {})[int(match[3])] = block
    sides = {}
    for side, numbered in found.items():
        if sorted(numbered) != list(range(len(numbered))):
            raise LayoutError(f"its U-Net lacks some of its {side} blocks")
        parts = [numbered[index] for index in range(len(numbered))]
        if any(sorted(part) != list(range(len(part))) for part in parts):
            raise LayoutError(f"its U-Net lacks parts of its {side} blocks")
        sides[side] = tuple(tuple(part[index] for index in range(len(part))) for part in parts)
    return sides


def _block(rest: str, shape: tuple[int, ...], own: Shapes, name: str) -> Block | None:
    """What a tensor tells of the part that it is in; None for all but one of each part."""
    if rest == "weight" and len(shape) == 4:
        return Block("conv", shape[1], shape[0])
    if rest == "in_layers.2.weight":
        return Block("residual", shape[1], shape[0])
    if rest == "qkv.weight":
        return Block("attention", shape[1], shape[1])
    if rest == "op.weight":
        return Block("down", shape[1], shape[0])
    if rest == "conv.weight":
        return Block("up", shape[1], shape[0])
    return None


def decoder_layout(shapes: Shapes) -> DecoderLayout:
    """Read the decoder off the shapes.

    Raises:
        LayoutError: they describe none that enlarges by 4.
    """
    start = FIRST_STAGE + "decoder.up."
    try:
        check_numbers([name for name in shapes if name.startswith(FIRST_STAGE)])
        names = [name.removeprefix(start).split(".") for name in shapes if name.startswith(start)]
        levels = sorted({int(parts[0]) for parts in names})
        counts = {len({parts[2] for parts in names if parts[:2] == [str(level), "block"]}) for level in levels}
        widths = [shapes[f"{start}{level}.block.0.conv1.weight"][0] for level in levels]
        codes = shapes[CODES]
    except CostError as error:
        raise LayoutError(str(error)) from error
    except (KeyError, IndexError, ValueError) as error:
        raise LayoutError(f"its decoder is incomplete: {error}") from error
    if levels != list(range(len(levels))) or len(counts) != 1 or 2 ** (len(levels) - 1) != SCALE:
        raise LayoutError(f"its decoder has the levels {levels}, and one that enlarges by {SCALE} has 0, 1 and 2")
    if len(codes) != 2 or codes[1] != CHANNELS or not codes[0]:
        raise LayoutError(f"its codes have the shape {codes}, not {CHANNELS} numbers each")
    width = math.gcd(*widths)
    return DecoderLayout(width, tuple(one // width for one in widths), counts.pop() - 1, codes[0])


def averaged_name(name: str) -> str:
    """The name of the averaged copy of a tensor of the U-Net, both as in the file."""
    return AVERAGED + name.removeprefix(UNET).replace(".", "")

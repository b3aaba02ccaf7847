"""Inputs of the nodes by which a diffusion model sees pictures in windows."""

from __future__ import annotations

from comfy_api.latest import io

from ..hires.tiles.windows import BLENDINGS
from . import inputs


def sides() -> list[io.Input]:
    """Size and overlap: see `host.tiles.canvas.TileRequest`."""
    return [
        io.Int.Input(
            "tile_size",
            default=0,
            min=0,
            max=16384,
            step=8,
            tooltip="Longest side of what the model sees at once, in pixels; up to a quarter less where that "
            "saves work. 0: one and a half times what the model was trained at, or less if memory is small. "
            "The smaller, the more often the prompt's subject is drawn.",
        ),
        io.Int.Input(
            "overlap",
            default=-1,
            min=-1,
            max=8192,
            step=8,
            tooltip="Pixels that neighbouring tiles share at the least. -1: a third of a tile.",
        ),
    ]


def windows() -> list[io.Input]:
    """`sides`, and blending."""
    return [
        *sides(),
        inputs.choice(
            "blending",
            BLENDINGS,
            "How tiles are put together where they overlap. soft: the outermost part of the overlap, where a model "
            "sees the tile's border, is left out, and the rest fades. hard: cut in the middle.",
        ),
    ]


def held() -> list[io.Input]:
    """A ControlNet that sees each window."""
    return [
        io.ControlNet.Input(
            "control_net",
            optional=True,
            tooltip="Sees what is to be redrawn, window by window: a tile ControlNet keeps the picture at "
            "higher strengths.",
        ),
        io.Float.Input(
            "control_strength",
            default=0.6,
            min=0.0,
            max=10.0,
            step=0.05,
            round=0.001,
            optional=True,
            tooltip="Strength of control_net.",
        ),
    ]

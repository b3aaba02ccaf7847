"""How far `precision: auto` is from float32 with real weights, on the hardest part of every photograph.

What `auto` is depends on the processor: half precision where it computes that itself, fast convolutions else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from PIL import Image

from ...hires.tiles.settings import Precision
from ...upscale_models import CpuRuntime, ModelUpscaler, TileSettings, cpu_half_types, upscale_to
from ..benchmarks.pictures import decibels
from ..fixtures.small_upscalers import FastHalves
from .remembered import Remembered
from .upscaler_measures import hardest
from .upscaler_tables import markdown

PROMISED = 50.0
"""Decibels."""

WIDTH, HEIGHT = 184, 136
"""Of what is cut out of a photograph, in pixels: large enough for half precision to be tried."""

SMALL = 1_000_000
"""Weights up to which half precision is tried also where it is imitated: larger networks take many minutes."""


@dataclass(frozen=True)
class Agreement:
    """One photograph with one model."""

    photograph: str
    way: str
    decibels: float
    """`auto` to float32, at most 200."""
    half: float | None
    """The same with half precision where the processor only imitates it; None where that was not tried."""


def agreements(models: Mapping[str, ModelUpscaler], photographs: Mapping[str, Image.Image]) -> list[Agreement]:
    """Measure them all; what was measured before is remembered."""
    found = []
    for way, model in models.items():
        kept = Remembered(way, model)
        imitated = not cpu_half_types() and sum(it.numel() for it in model.descriptor.model.parameters()) <= SMALL
        for name, photograph in photographs.items():
            part = hardest(photograph, WIDTH, HEIGHT)
            auto = kept.figures(f"auto {cpu_half_types()}, {name}", part, partial(apart, model, part, CpuRuntime()))
            half = kept.figures(f"half, {name}", part, partial(apart, model, part, FastHalves())) if imitated else None
            found.append(Agreement(name, way, auto, half))
    return found


def apart(model: ModelUpscaler, part: Image.Image, runtime: CpuRuntime) -> float:
    """Decibels between `auto` on such a device and float32."""
    pixels = torch.from_numpy(np.array(part, np.float32) / 255)[None]
    size = part.width * model.scale, part.height * model.scale
    exact: Precision = "float32"
    expected = upscale_to(pixels, model, *size, TileSettings(precision=exact))
    return decibels(upscale_to(pixels, model, *size, runtime=runtime), expected)


def agreement_table(rows: Sequence[Agreement]) -> str:
    """A line per photograph: `auto`, and after a slash half precision where it was imitated."""
    ways = list(dict.fromkeys(row.way for row in rows))
    cells = {
        (row.photograph, row.way): f"{row.decibels:.1f}" + ("" if row.half is None else f" / {row.half:.1f}")
        for row in rows
    }
    lines = [["photograph", *ways]]
    for photograph in dict.fromkeys(row.photograph for row in rows):
        lines.append([photograph, *(cells[photograph, way] for way in ways)])
    least = {way: min(row.decibels for row in rows if row.way == way) for way in ways}
    lines.append(["**least**", *(f"{least[way]:.1f}" for way in ways)])
    kind = "half precision" if cpu_half_types() else "fast convolutions; / half precision, imitated"
    return f"auto ({kind}) to float32 in dB, of {WIDTH}x{HEIGHT} pixels; {PROMISED:g} are promised\n\n{markdown(lines)}"

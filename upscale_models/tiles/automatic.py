"""What is chosen where tiles and precision are automatic."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from ...hires.tiles.settings import Precision, TileSettings
from ..models.precision import half_types
from ..models.reach import reach_of
from ..models.runtime import Runtime
from ..models.spandrel_model import ModelUpscaler
from ..on_cpu.strips import works_in_strips
from .working_memory import Footprint, footprint

LARGEST_TILE = 544
"""Side of the largest automatic tile. A GPU is busy with it, two of them with an overlap of 32 make 1024 pixels, and
in half precision they take half the memory of ComfyUI's 512 in float32."""

LARGEST_CPU_TILE = 448
"""The same on a CPU, where larger ones are not faster."""

LARGEST_BLOCK = 30 << 20
"""Bytes of features on a CPU up to which memory goes from layer to layer. glibc gets larger blocks, from 32 MB on, from
the system every time and gives them back: finding and clearing their pages takes up to a third of the time."""

LEAST_OWN = 16
"""Overlaps that a tile on a CPU has at least: of smaller ones, made for `LARGEST_BLOCK`, too many pixels would be seen
by several."""

SMALL_TILE = 320
"""For very small results."""

SMALLEST_TILE = 64
"""Where stepping down after an out-of-memory ends, for models that do not need more as overlap."""

SMALL_RESULT = 256 * 256
"""Pixels of a result for which memory is not looked at: any machine has it."""

BYTES_PER_PIXEL = 4608
"""Working memory of a run, per input pixel and unit of scale, where it is not measured: ComfyUI's estimate, about
twice what ESRGAN takes."""


def settle(upscaler: ModelUpscaler, pixels: int, tiles: TileSettings, runtime: Runtime) -> TileSettings:
    """Choose what is automatic for a result of so many pixels; very small ones are not worth a look at the memory.

    `upscaler`: in float32. The result stays as it is if it is settled again.
    """
    size = _known_size(upscaler, pixels, tiles, runtime)
    if not size:
        runtime.prepare(upscaler, SMALLEST_TILE**2 * upscaler.scale * BYTES_PER_PIXEL)
        size = _fitting_size(upscaler, tiles, runtime) or SMALLEST_TILE
    return _settled(upscaler, tiles, size)


def foresee(outline: ModelUpscaler, pixels: int, tiles: TileSettings, runtime: Runtime) -> TileSettings | None:
    """Foresee the settings that `settle` chooses, without weights; None if that is not possible.

    Exact if the free memory stays what it is. Where the size of the tiles is automatic, `outline` has no weights (see
    `outline_of`).
    """
    size = _known_size(outline, pixels, tiles, runtime) or _fitting_size(outline, tiles, runtime)
    return None if size is None else _settled(outline, tiles, size)


def overlap_of(upscaler: ModelUpscaler, tiles: TileSettings) -> int:
    """The overlap asked for, or that which the architecture needs, in pixels."""
    return reach_of(upscaler).overlap if tiles.overlap < 0 else tiles.overlap


def smallest_window(tile: int, overlap: int, align: int) -> int:
    """The side of a tile's window in pixels: `tile`, made large enough that a third of the window is the tile's own."""
    block = math.ceil(overlap / align) * align
    return max(tile, 2 * block + max(align, block))


def fitting_tile(per_pixel: Footprint, overlap: int, free: int | None, device: torch.device) -> int:
    """Side of the fastest tile that fits the free bytes (None if unknown)."""
    fastest = LARGEST_TILE
    if device.type == "cpu":
        handed_on = math.isqrt(int(LARGEST_BLOCK / per_pixel.block))
        fastest = min(LARGEST_CPU_TILE, max(LEAST_OWN * overlap, handed_on))
    return fastest if free is None else max(SMALLEST_TILE, min(fastest, math.isqrt(int(free / per_pixel.peak))))


def number_format(upscaler: ModelUpscaler, precision: Precision, runtime: Runtime) -> torch.dtype:
    """What tiles are made for: half precision where that will be tried."""
    halves = half_types(upscaler, runtime) if precision == "auto" else []
    return halves[0] if halves else upscaler.dtype


def _settled(upscaler: ModelUpscaler, tiles: TileSettings, size: int) -> TileSettings:
    overlap = overlap_of(upscaler, tiles)
    return replace(tiles, size=smallest_window(size, overlap, reach_of(upscaler).align), overlap=overlap)


def _known_size(upscaler: ModelUpscaler, pixels: int, tiles: TileSettings, runtime: Runtime) -> int:
    """The tile size where memory need not be counted to decide about it, else 0."""
    if tiles.size or pixels <= SMALL_RESULT:
        return tiles.size or SMALL_TILE
    free, most = runtime.free_memory(), LARGEST_CPU_TILE**2 * upscaler.scale * BYTES_PER_PIXEL
    return LARGEST_CPU_TILE if works_in_strips(upscaler, runtime.device) and (free is None or free >= most) else 0


def _fitting_size(upscaler: ModelUpscaler, tiles: TileSettings, runtime: Runtime) -> int | None:
    found = footprint(upscaler, number_format(upscaler, tiles.precision, runtime))
    return found and fitting_tile(found, overlap_of(upscaler, tiles), runtime.free_memory(), runtime.device)

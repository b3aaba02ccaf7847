"""What is chosen where tiles and precision are automatic."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from ...hires.tiles.settings import Precision, TileSettings
from ..models.precision import half_type, in_half_precision
from ..models.reach import reach_of
from ..models.runtime import Runtime
from ..models.spandrel_model import ModelUpscaler
from .working_memory import bytes_per_pixel, foreseen

LARGEST_TILE = 544
"""Side of the largest automatic tile. A GPU is busy with it, two of them with an overlap of 32 make 1024 pixels, and
in half precision they take half the memory of ComfyUI's 512 in float32."""

LARGEST_CPU_TILE = 384
"""The same on a CPU, where larger ones are not faster: half the memory of ComfyUI's 512, too."""

CACHED_TILE = 320
"""The same on a CPU for light models, whose features then stay in its caches."""

LIGHT = 2048
"""Bytes of working memory per input pixel up to which a model is light: what fills 32 MB with 128 x 128 pixels never
stays in a cache, and runs faster with less overlap."""

SMALLEST_TILE = 64
"""Where stepping down after an out-of-memory ends, for models that do not need more as overlap."""

SMALL_RESULT = 256 * 256
"""Pixels of a result for which no memory is measured: any machine has it."""

BYTES_PER_PIXEL = 4608
"""Working memory of a run, per input pixel and unit of scale, where it is not measured: ComfyUI's estimate, about
twice what ESRGAN takes."""


def settle(
    upscaler: ModelUpscaler, pixels: int, tiles: TileSettings, runtime: Runtime
) -> tuple[ModelUpscaler, TileSettings]:
    """Choose what is automatic for a result of so many pixels; very small ones are not worth a measurement.

    Returns:
        The model, given in float32, in the precision to use, and settings without automatic numbers; these stay as
        they are if they are settled again.
    """
    chosen = upscaler if tiles.precision == "float32" else in_half_precision(upscaler, runtime)
    return chosen, _settled(upscaler, tiles, _known_size(tiles, pixels) or _measured_size(chosen, runtime))


def foresee(outline: ModelUpscaler, pixels: int, tiles: TileSettings, runtime: Runtime) -> TileSettings | None:
    """Foresee the settings that `settle` chooses, without weights; None if that is not possible.

    Exact if the free memory stays what it is, and the model bears half precision where the device has it. Where the
    size of the tiles is automatic, `outline` has no weights (see `outline_of`).
    """
    size = _known_size(tiles, pixels) or _foreseen_size(outline, tiles.precision, runtime)
    return None if size is None else _settled(outline, tiles, size)


def overlap_of(upscaler: ModelUpscaler, tiles: TileSettings) -> int:
    """The overlap asked for, or that which the architecture needs, in pixels."""
    return reach_of(upscaler).overlap if tiles.overlap < 0 else tiles.overlap


def smallest_window(tile: int, overlap: int, align: int) -> int:
    """The side of a tile's window in pixels: `tile`, made large enough that a third of the window is the tile's own."""
    block = math.ceil(overlap / align) * align
    return max(tile, 2 * block + max(align, block))


def fitting_tile(per_pixel: float, free: int | None, device: torch.device) -> int:
    """Side of the fastest tile that fits: working memory in bytes per input pixel, free bytes (None if unknown)."""
    fastest = LARGEST_TILE
    if device.type == "cpu":
        fastest = CACHED_TILE if per_pixel <= LIGHT else LARGEST_CPU_TILE
    return fastest if free is None else max(SMALLEST_TILE, min(fastest, math.isqrt(int(free / per_pixel))))


def _settled(upscaler: ModelUpscaler, tiles: TileSettings, size: int) -> TileSettings:
    overlap = overlap_of(upscaler, tiles)
    return replace(tiles, size=smallest_window(size, overlap, reach_of(upscaler).align), overlap=overlap)


def _known_size(tiles: TileSettings, pixels: int) -> int:
    """The tile size where memory does not decide about it, else 0."""
    return tiles.size or (CACHED_TILE if pixels <= SMALL_RESULT else 0)


def _measured_size(upscaler: ModelUpscaler, runtime: Runtime) -> int:
    runtime.prepare(upscaler, SMALLEST_TILE**2 * upscaler.scale * BYTES_PER_PIXEL)
    free = runtime.free_memory()
    try:
        per_pixel = bytes_per_pixel(upscaler, runtime)
    except Exception as error:
        if not runtime.is_out_of_memory(error):
            raise
        return SMALLEST_TILE
    return fitting_tile(per_pixel, free, runtime.device)


def _foreseen_size(outline: ModelUpscaler, precision: Precision, runtime: Runtime) -> int | None:
    dtype = outline.dtype if precision == "float32" else half_type(outline, runtime) or outline.dtype
    per_pixel = foreseen(outline, dtype)
    return None if per_pixel is None else fitting_tile(per_pixel, runtime.free_memory(), runtime.device)

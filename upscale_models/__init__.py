"""Pixel upscalers: classical resamplers, single-image models, and the tiled engine that runs them to an exact size."""

from ..hires.remaining_time import RemainingTime
from ..hires.tiles.settings import PRECISIONS, Precision, TileSettings
from .a1111 import draw_as_if_loading, is_none, resize_pictures
from .classical import CLASSICAL, ClassicalUpscaler
from .errors import UnusableModelError, UpscalerError, UpscalerMemoryError
from .extras import upscale_extras
from .models.spandrel_model import ModelUpscaler, from_descriptor, from_state_dict
from .runtime import CpuRuntime, Runtime, cpu_half_types, is_allocation_failure
from .tiles.sources import Block, PictureSource
from .tiles.upscale import settle_tiles, upscale_blocks, upscale_to
from .upscaler import Upscaler

__all__ = [
    "CLASSICAL",
    "PRECISIONS",
    "Block",
    "ClassicalUpscaler",
    "CpuRuntime",
    "ModelUpscaler",
    "PictureSource",
    "Precision",
    "RemainingTime",
    "Runtime",
    "TileSettings",
    "UnusableModelError",
    "Upscaler",
    "UpscalerError",
    "UpscalerMemoryError",
    "cpu_half_types",
    "draw_as_if_loading",
    "from_descriptor",
    "from_state_dict",
    "is_allocation_failure",
    "is_none",
    "resize_pictures",
    "settle_tiles",
    "upscale_blocks",
    "upscale_extras",
    "upscale_to",
]

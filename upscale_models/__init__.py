"""Pixel upscalers: classical resamplers, single-image models, and the tiled engine that runs them to an exact size."""

from .a1111 import draw_as_if_loading, is_none, resize_pictures
from .classical import CLASSICAL, ClassicalUpscaler
from .engine import TileSettings
from .errors import UnusableModelError, UpscalerError, UpscalerMemoryError
from .extras import extras_size, upscale_extras
from .runtime import CpuRuntime, Runtime, is_allocation_failure
from .spandrel_model import ModelUpscaler, from_descriptor, from_state_dict
from .upscale import upscale_to
from .upscaler import Upscaler

__all__ = [
    "CLASSICAL",
    "ClassicalUpscaler",
    "CpuRuntime",
    "ModelUpscaler",
    "Runtime",
    "TileSettings",
    "UnusableModelError",
    "Upscaler",
    "UpscalerError",
    "UpscalerMemoryError",
    "draw_as_if_loading",
    "extras_size",
    "from_descriptor",
    "from_state_dict",
    "is_allocation_failure",
    "is_none",
    "resize_pictures",
    "upscale_extras",
    "upscale_to",
]

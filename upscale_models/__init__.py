"""Pixel upscalers: classical resamplers, single-image models, and the tiled engine that runs them to an exact size."""

from .classical import CLASSICAL, ClassicalUpscaler
from .engine import TileSettings
from .errors import UnusableModelError, UpscalerError, UpscalerMemoryError
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
    "from_descriptor",
    "from_state_dict",
    "is_allocation_failure",
    "upscale_to",
]

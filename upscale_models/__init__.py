"""Pixel upscalers: classical resamplers, single-image models, and the tiles that bring them to an exact size.

Used as a library: what others need is named here. Inside, each room imports those before it: `models` (upscalers
and what is known of them), `on_cpu` (the same networks, faster), `tiles` (running one in tiles, exactly), then this
folder (A1111's numbers), `faces` apart. May import `hires`.
"""

from ..hires.tiles.settings import PRECISIONS, Precision, TileSettings
from .a1111 import count_a1111_tiles, draw_as_if_loading, is_none, resize_pictures
from .extras import upscale_extras
from .models.classical import CLASSICAL, ClassicalUpscaler
from .models.errors import UnusableModelError, UpscalerError, UpscalerMemoryError
from .models.network import Network
from .models.placed import OnPart, PlacedUpscaler
from .models.runtime import CpuRuntime, Runtime, cpu_half_types, is_allocation_failure
from .models.spandrel_model import ModelUpscaler, from_descriptor, from_state_dict
from .models.upscaler import Upscaler
from .tiles.helpers import Helpers
from .tiles.run_plan import count_tiles, plan_runs
from .tiles.sources import Block, PictureSource
from .tiles.upscale import settle_tiles, upscale_blocks, upscale_to

__all__ = [
    "CLASSICAL",
    "PRECISIONS",
    "Block",
    "ClassicalUpscaler",
    "CpuRuntime",
    "Helpers",
    "ModelUpscaler",
    "Network",
    "OnPart",
    "PictureSource",
    "PlacedUpscaler",
    "Precision",
    "Runtime",
    "TileSettings",
    "UnusableModelError",
    "Upscaler",
    "UpscalerError",
    "UpscalerMemoryError",
    "count_a1111_tiles",
    "count_tiles",
    "cpu_half_types",
    "draw_as_if_loading",
    "from_descriptor",
    "from_state_dict",
    "is_allocation_failure",
    "is_none",
    "plan_runs",
    "resize_pictures",
    "settle_tiles",
    "upscale_blocks",
    "upscale_extras",
    "upscale_to",
]

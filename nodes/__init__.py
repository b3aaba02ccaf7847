"""The nodes, one file a stage."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from .a1111_settings import HiresFixA1111Settings
from .base_sampling import HiresFixBaseSampling
from .latent_upscale import HiresFixLatentUpscale
from .noise import HiresFixNoise
from .pixel_upscale import HiresFixPixelUpscale
from .prompt import HiresFixPrompt
from .refiner import HiresFixRefiner
from .renoise import HiresFixRenoise
from .second_sampling import HiresFixSecondSampling
from .target_size import HiresFixTargetSize
from .upscale_image import HiresFixUpscaleImage
from .upscaler_loader import HiresFixUpscalerLoader


class HiresFixExtension(ComfyExtension):
    """What ComfyUI asks the pack for."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """All nodes, in the order of the stages."""
        return [
            HiresFixNoise,
            HiresFixPrompt,
            HiresFixBaseSampling,
            HiresFixTargetSize,
            HiresFixLatentUpscale,
            HiresFixUpscalerLoader,
            HiresFixPixelUpscale,
            HiresFixRenoise,
            HiresFixSecondSampling,
            HiresFixUpscaleImage,
            HiresFixA1111Settings,
            HiresFixRefiner,
        ]

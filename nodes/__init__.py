"""The nodes, one file a stage."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from ..host.editor import routes
from ..host.upscaling import upscalers
from .a1111_settings import HiresFixA1111Settings
from .any_size import HiresFixDecodeToSize, HiresFixEncodeAnySize
from .base_sampling import HiresFixBaseSampling
from .face_restore import HiresFixFaceModelLoader, HiresFixRestoreFaces
from .infotext import HiresFixInfotext
from .latent_upscale import HiresFixLatentUpscale
from .load_image import HiresFixLoadImage
from .multi_stage_upscale import HiresFixMultiStageUpscale
from .noise import HiresFixNoise
from .pixel_upscale import HiresFixPixelUpscale
from .prompt import HiresFixPrompt
from .refiner import HiresFixRefiner
from .renoise import HiresFixRenoise
from .save_image import HiresFixSaveImage
from .second_sampling import HiresFixSecondSampling
from .target_size import HiresFixTargetSize
from .upscale_folder import HiresFixUpscaleFolder
from .upscale_image import HiresFixUpscaleImage
from .upscaler_loader import HiresFixUpscalerLoader


class HiresFixExtension(ComfyExtension):
    """What ComfyUI asks the pack for."""

    async def on_load(self) -> None:
        """What the host lets a pack do before it starts to listen."""
        upscalers.list_shipped_weights()
        routes.register()

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
            HiresFixUpscaleFolder,
            HiresFixMultiStageUpscale,
            HiresFixEncodeAnySize,
            HiresFixDecodeToSize,
            HiresFixFaceModelLoader,
            HiresFixRestoreFaces,
            HiresFixLoadImage,
            HiresFixSaveImage,
            HiresFixInfotext,
            HiresFixA1111Settings,
            HiresFixRefiner,
        ]

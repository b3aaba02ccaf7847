"""Every workflow and box of the pack by the name of its file; called without arguments, each is as it is shipped."""

from collections.abc import Callable

from ..hires.graph.builder import Graph
from ..hires.graph.to_blueprint import Blueprint
from .blueprints import hires_fix_latent_box, hires_fix_pixel_box, upscale_image_box
from .gallery import hires_fix_a1111, hires_fix_image, hires_fix_latent, hires_fix_pixel
from .gallery_models import hires_fix_controlnet, hires_fix_flow, hires_fix_other_model, hires_fix_sdxl
from .gallery_upscale import (
    multi_stage_image,
    multi_stage_upscale,
    restore_faces,
    standalone_two_upscalers,
    standalone_upscale,
    upscale_folder,
)
from .job import NEGATIVE_PROMPT

__all__ = [
    "BLUEPRINTS",
    "NEGATIVE_PROMPT",
    "WORKFLOWS",
    "hires_fix_a1111",
    "hires_fix_controlnet",
    "hires_fix_flow",
    "hires_fix_image",
    "hires_fix_latent",
    "hires_fix_other_model",
    "hires_fix_pixel",
    "hires_fix_sdxl",
    "multi_stage_image",
    "multi_stage_upscale",
    "restore_faces",
    "standalone_two_upscalers",
    "standalone_upscale",
    "upscale_folder",
]

WORKFLOWS: dict[str, Callable[[], Graph]] = {
    "hires-fix-latent": hires_fix_latent,
    "hires-fix-pixel": hires_fix_pixel,
    "hires-fix-image": hires_fix_image,
    "hires-fix-a1111": hires_fix_a1111,
    "hires-fix-sdxl": hires_fix_sdxl,
    "hires-fix-flow": hires_fix_flow,
    "hires-fix-other-model": hires_fix_other_model,
    "hires-fix-controlnet": hires_fix_controlnet,
    "multi-stage-upscale": multi_stage_upscale,
    "multi-stage-image": multi_stage_image,
    "standalone-upscale": standalone_upscale,
    "standalone-two-upscalers": standalone_two_upscalers,
    "upscale-folder": upscale_folder,
    "restore-faces": restore_faces,
}

BLUEPRINTS: dict[str, Callable[[], Blueprint]] = {
    "Hires Fix (latent)": hires_fix_latent_box,
    "Hires Fix (pixel)": hires_fix_pixel_box,
    "Upscale Image": upscale_image_box,
}

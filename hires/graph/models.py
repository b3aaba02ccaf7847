"""Model files that recipes name: the pack's own, and public ones with their addresses, so that the editor can offer to
get missing ones.
"""

from dataclasses import dataclass

UPSCALER_2X = "hires-fix-2x.safetensors"
UPSCALER_4X = "hires-fix-4x.safetensors"
"""Upscalers that come with the pack."""


@dataclass(frozen=True)
class PublicModel:
    """One file that anybody can download into this folder of the host's `models`."""

    name: str
    directory: str
    url: str


def _hugging_face(directory: str, repository: str, path: str) -> PublicModel:
    url = f"https://huggingface.co/{repository}/resolve/main/{path}"
    return PublicModel(path.rsplit("/", 1)[-1], directory, url)


SD15 = _hugging_face("checkpoints", "Comfy-Org/stable-diffusion-v1-5-archive", "v1-5-pruned-emaonly-fp16.safetensors")
DREAMSHAPER = _hugging_face("checkpoints", "Lykon/DreamShaper", "DreamShaper_8_pruned.safetensors")
SDXL = _hugging_face("checkpoints", "stabilityai/stable-diffusion-xl-base-1.0", "sd_xl_base_1.0.safetensors")
FLUX = _hugging_face("checkpoints", "Comfy-Org/flux1-dev", "flux1-dev-fp8.safetensors")
TILE_CONTROLNET = _hugging_face(
    "controlnet", "comfyanonymous/ControlNet-v1-1_fp16_safetensors", "control_v11f1e_sd15_tile_fp16.safetensors"
)
FACE_DETECTION = _hugging_face("detection", "Comfy-Org/mediapipe", "detection/mediapipe_face_fp32.safetensors")
GFPGAN = PublicModel(
    "GFPGANv1.4.pth", "face_restore", "https://github.com/TencentARC/GFPGAN/releases/download/v1.3.0/GFPGANv1.4.pth"
)
DETAIL_LORA = PublicModel("add_detail.safetensors", "loras", "https://civitai.com/api/download/models/62833")
"""Detail Tweaker, for SD 1.5."""

PUBLIC_MODELS = {
    model.name: model for model in (SD15, DREAMSHAPER, SDXL, FLUX, TILE_CONTROLNET, FACE_DETECTION, GFPGAN, DETAIL_LORA)
}
"""All of them by file name."""

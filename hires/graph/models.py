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
    """The editor only offers to get it from Hugging Face and Civitai; other addresses it shows."""

    sha256: str = ""
    """Where it is known."""

    def listed(self) -> dict[str, str]:
        """As the editor's files list it, at the node that loads it."""
        entry = {"name": self.name, "url": self.url, "directory": self.directory}
        return {**entry, "hash": self.sha256, "hash_type": "SHA256"} if self.sha256 else entry


def _hugging_face(directory: str, repository: str, path: str, sha256: str = "", name: str = "") -> PublicModel:
    """`name`: what to call the file, where its own name says nothing."""
    url = f"https://huggingface.co/{repository}/resolve/main/{path}"
    return PublicModel(name or path.rsplit("/", 1)[-1], directory, url, sha256)


SD15 = _hugging_face(
    "checkpoints",
    "Comfy-Org/stable-diffusion-v1-5-archive",
    "v1-5-pruned-emaonly-fp16.safetensors",
    "e9476a13728cd75d8279f6ec8bad753a66a1957ca375a1464dc63b37db6e3916",
)
DREAMSHAPER = _hugging_face(
    "checkpoints",
    "Lykon/DreamShaper",
    "DreamShaper_8_pruned.safetensors",
    "879db523c30d3b9017143d56705015e15a2cb5628762c11d086fed9538abd7fd",
)
"""SD 1.5, trained further: better pictures from short prompts at the same size and speed."""

SDXL = _hugging_face(
    "checkpoints",
    "stabilityai/stable-diffusion-xl-base-1.0",
    "sd_xl_base_1.0.safetensors",
    "31e35c80fc4829d14f90153f4c74cd59c90b779f6afe05a74cd6120b893f7e5b",
)
FLUX = _hugging_face(
    "checkpoints",
    "Comfy-Org/flux1-dev",
    "flux1-dev-fp8.safetensors",
    "8e91b68084b53a7fc44ed2a3756d821e355ac1a7b6fe29be760c1db532f3d88a",
)
TILE_CONTROLNET = _hugging_face(
    "controlnet",
    "comfyanonymous/ControlNet-v1-1_fp16_safetensors",
    "control_v11f1e_sd15_tile_fp16.safetensors",
    "2f31868eedb243a77932e3c63907a6ba0a2058b6d65b5c27b89ee1b7f618ea33",
)
FACE_DETECTION = _hugging_face("detection", "Comfy-Org/mediapipe", "detection/mediapipe_face_fp32.safetensors")
GFPGAN = PublicModel(
    "GFPGANv1.4.pth",
    "face_restore",
    "https://huggingface.co/datasets/Gourieff/ReActor/resolve/main/models/facerestore_models/GFPGANv1.4.pth",
    "e2cd4703ab14f4d01fd1383a8a8b266f9a5833dacee8e6a79d3bf21a1b6be5ad",
)
"""A copy of the file of github.com/TencentARC/GFPGAN, from where the editor would not get it."""

DETAIL_LORA = PublicModel("add_detail.safetensors", "loras", "https://civitai.com/api/download/models/62833")
"""Detail Tweaker, for SD 1.5."""

SDXL_TILE_CONTROLNET = _hugging_face(
    "controlnet",
    "xinsir/controlnet-tile-sdxl-1.0",
    "diffusion_pytorch_model.safetensors",
    name="xinsir-controlnet-tile-sdxl-1.0.safetensors",
)
FLUX_UPSCALER_CONTROLNET = _hugging_face(
    "controlnet",
    "jasperai/Flux.1-dev-Controlnet-Upscaler",
    "diffusion_pytorch_model.safetensors",
    name="Flux.1-dev-Controlnet-Upscaler.safetensors",
)
AURASR = _hugging_face("upscale_models", "fal/AuraSR-v2", "model.safetensors", name="AuraSR-v2.safetensors")
LDSR = PublicModel("last.ckpt", "upscale_models", "https://heibox.uni-heidelberg.de/f/578df07c8fc04ffbadf3/?dl=1")
"""Its authors' file under their name. A1111 calls the same file LDSR/model.ckpt."""

SD_X4 = _hugging_face("checkpoints", "stabilityai/stable-diffusion-x4-upscaler", "x4-upscaler-ema.safetensors")
SEEDVR2 = _hugging_face("diffusion_models", "Comfy-Org/SeedVR2", "diffusion_models/seedvr2_3b_int8_convrot.safetensors")
SEEDVR2_VAE = _hugging_face("vae", "Comfy-Org/SeedVR2", "vae/seedvr2_ema_vae_fp16.safetensors")
SUPIR = _hugging_face("model_patches", "Kijai/SUPIR_pruned", "SUPIR-v0Q_fp16.safetensors")
PID = _hugging_face(
    "diffusion_models", "Comfy-Org/PixelDiT", "diffusion_models/pid_flux1_512_to_2048_4step_bf16.safetensors"
)
PID_TEXT = _hugging_face(
    "text_encoders", "Comfy-Org/PixelDiT", "text_encoders/gemma_2_2b_it_elm_fp8_scaled.safetensors"
)
FLUX_VAE = _hugging_face("vae", "Comfy-Org/z_image_turbo", "split_files/vae/ae.safetensors")

PUBLIC_MODELS = {
    model.name: model
    for model in (
        *(SD15, DREAMSHAPER, SDXL, FLUX, TILE_CONTROLNET, SDXL_TILE_CONTROLNET, FLUX_UPSCALER_CONTROLNET),
        *(
            FACE_DETECTION,
            GFPGAN,
            DETAIL_LORA,
            AURASR,
            LDSR,
            SD_X4,
            SEEDVR2,
            SEEDVR2_VAE,
            SUPIR,
            PID,
            PID_TEXT,
            FLUX_VAE,
        ),
    )
}
"""All of them by file name."""

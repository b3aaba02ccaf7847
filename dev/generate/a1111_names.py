"""What A1111's pages and settings call the inputs of the nodes. The help pages' tables are made from here."""

from __future__ import annotations

from collections.abc import Mapping

from ...hires.sampling.settings import LABELS

_PASS = {"sampler_name": "Sampling method", "scheduler": "Schedule type", "cfg": "CFG Scale"}
_SECOND_PASS = {"sampler_name": "Hires sampling method", "scheduler": "Hires schedule type"}
_PROMPTS = {"positive": "Prompt", "negative": "Negative prompt"}
_TILES = {"tile_size": "Tile size for ESRGAN upscalers", "tile_overlap": "Tile overlap for ESRGAN upscalers"}
_EXTRAS = {
    "upscaler": "Upscaler 1",
    "resize_mode": "Scale by, Scale to",
    "upscaling_resize": "Resize",
    "upscaling_resize_w": "Width",
    "upscaling_resize_h": "Height",
    "upscaling_crop": "Crop to fit",
    "max_side": "Max side length",
    "upscaler_2": "Upscaler 2",
    "extras_upscaler_2_visibility": "Upscaler 2 visibility",
}

A1111_NAMES: Mapping[str, Mapping[str, str]] = {
    "HiresFixNoise": {
        "seed": "Seed",
        "source": "Random number generator source",
        "subseed": "Variation seed",
        "subseed_strength": "Variation strength",
        "seed_resize_from_w": "Resize seed from width",
        "seed_resize_from_h": "Resize seed from height",
        "eta_noise_seed_delta": "Eta noise seed delta (ENSD)",
    },
    "HiresFixPrompt": {
        "text": "Prompt, Hires prompt",
        "steps": "Sampling steps",
        "hr_second_pass_steps": "Hires steps",
        "sampler_name": "Sampling method",
        "clip_skip": "Clip skip",
        "emphasis": "Emphasis mode",
        "comma_padding_backtrack": "Prompt word wrap length limit",
        "hr_sampler_name": "Hires sampling method",
        "negative_prompt": "Negative prompt",
        "pad_cond_uncond": "Pad prompt/negative prompt",
    },
    "HiresFixBaseSampling": {
        "model": "Checkpoint",
        "steps": "Sampling steps",
        "refiner": "Refiner",
        **_PROMPTS,
        **_PASS,
    },
    "HiresFixTargetSize": {
        "width": "Width",
        "height": "Height",
        "hr_scale": "Upscale by",
        "hr_resize_x": "Resize width to",
        "hr_resize_y": "Resize height to",
    },
    "HiresFixLatentUpscale": {"mode": "Upscaler: Latent …"},
    "HiresFixUpscalerLoader": {"upscaler_name": "Upscaler"},
    "HiresFixPixelUpscale": {"upscaler": "Upscaler: any but Latent …", **_TILES},
    "HiresFixRenoise": {
        "model": "Hires checkpoint",
        "steps": "Sampling steps",
        "denoising_strength": "Denoising strength",
        "hr_second_pass_steps": "Hires steps",
        **_SECOND_PASS,
    },
    "HiresFixSecondSampling": {
        "model": "Hires checkpoint",
        "positive": "Hires prompt",
        "negative": "Hires negative prompt",
        "cfg": "CFG Scale; Forge: Hires CFG Scale",
        "sampler_name": "Hires sampling method",
        "refiner": "Refiner",
    },
    "HiresFixUpscaleImage": {**_EXTRAS, **_TILES},
    "HiresFixUpscaleFolder": {
        "input_folder": "Input directory",
        "output_folder": "Output directory",
        "quality": "Quality for saved jpeg and avif images",
        "format": "File format for images",
        **_EXTRAS,
        **_TILES,
    },
    "HiresFixMultiStageUpscale": {
        **{name: label for name, label in _EXTRAS.items() if name.startswith(("resize", "upscaling"))},
        "upscaler": "Upscaler",
        "steps": "Sampling steps",
        "denoising_strength": "Denoising strength",
        **_PASS,
        **_PROMPTS,
        **_TILES,
    },
    "HiresFixFaceModelLoader": {"face_model_name": "GFPGAN, CodeFormer"},
    "HiresFixRestoreFaces": {
        "visibility": "GFPGAN or CodeFormer: Visibility",
        "codeformer_weight": "CodeFormer: Weight",
    },
    "HiresFixSaveImage": {
        "filename_prefix": "Images filename pattern",
        "format": "File format for images",
        "quality": "Quality for saved jpeg and avif images",
        "write_infotext": "Write infotext to metadata of the generated image",
    },
    "HiresFixA1111Settings": LABELS,
    "HiresFixRefiner": {
        "model": "Refiner: Checkpoint",
        "switch_at": "Switch at",
        "by_steps": "Switch to refiner by sampling steps instead of model timesteps",
    },
}
"""Node id -> input -> A1111's label. An input that is not here has nothing of its kind in A1111."""

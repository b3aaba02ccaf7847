"""What A1111's pages and settings call the inputs of the nodes. The help pages' tables are made from here."""

from __future__ import annotations

from collections.abc import Mapping

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
    "HiresFixA1111Settings": {
        "eta_ancestral": "Eta for k-diffusion samplers",
        "eta_ddim": "Eta for DDIM",
        "s_churn": "sigma churn",
        "s_tmin": "sigma tmin",
        "s_tmax": "sigma tmax",
        "s_noise": "sigma noise",
        "sigma_min": "sigma min",
        "sigma_max": "sigma max",
        "rho": "rho",
        "always_discard_next_to_last_sigma": "Always discard next-to-last sigma",
        "use_old_karras_scheduler_sigmas": "Use old karras scheduler sigmas (0.1 to 10)",
        "beta_dist_alpha": "Beta scheduler - alpha",
        "beta_dist_beta": "Beta scheduler - beta",
        "sgm_noise_multiplier": "SGM noise multiplier",
        "img2img_extra_noise": "Extra noise multiplier for img2img and hires fix",
        "s_min_uncond": "Negative Guidance minimum sigma (NGMS)",
        "s_min_uncond_all": "Negative Guidance minimum sigma all steps",
        "skip_early_cond": "Ignore negative prompt during early sampling",
        "uni_pc_variant": "UniPC variant",
        "uni_pc_skip_type": "UniPC skip type",
        "uni_pc_order": "UniPC order",
        "uni_pc_lower_order_final": "UniPC lower order final",
        "sd_noise_schedule": "Noise schedule for sampling",
        "use_downcasted_alpha_bar": "Downcast model alphas_cumprod to fp16 before sampling",
        "enable_quantization": "Enable quantization in K samplers",
    },
    "HiresFixRefiner": {
        "model": "Refiner: Checkpoint",
        "switch_at": "Switch at",
        "by_steps": "Switch to refiner by sampling steps instead of model timesteps",
    },
}
"""Node id -> input -> A1111's label. An input that is not here has nothing of its kind in A1111."""

"""A1111's settings, as `/sdapi/v1/options` lists them: which there are, and which of them do something here.

Names and defaults are those of v1.10.1, in `options.json`. The texts of its settings pages are left empty.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..hires.sampling.settings import DEFAULTS as SAMPLING

DEFAULTS: MappingProxyType[str, Any] = MappingProxyType(
    json.loads((Path(__file__).parent / "options.json").read_text(encoding="utf-8"))
)
"""Every setting with its default, in A1111's order. Its type is the type that values have to have."""

CHECKPOINT, CHECKPOINT_HASH = "sd_model_checkpoint", "sd_checkpoint_hash"
LDSR_STEPS = "ldsr_steps"

HONOURED = frozenset(
    (
        *SAMPLING,
        *(CHECKPOINT, "sd_vae", "CLIP_stop_at_last_layers", "randn_source", "eta_noise_seed_delta"),
        *("emphasis", "comma_padding_backtrack", "pad_cond_uncond"),
        *("hires_fix_refiner_pass", "refiner_switch_by_sample_steps"),
        *("ESRGAN_tile", "ESRGAN_tile_overlap", LDSR_STEPS),
        *("upscaler_for_img2img", "img2img_background_color"),
        *("img2img_color_correction", "samples_format", "jpeg_quality", "webp_lossless", "return_grid"),
    )
)
"""Jobs look at these."""

REFUSED = frozenset(
    (
        *("tiling", "token_merging_ratio", "token_merging_ratio_img2img", "token_merging_ratio_hr"),
        *("pad_cond_uncond_v0", "use_old_emphasis_implementation", "use_old_scheduling"),
        *("no_dpmpp_sde_batch_determinism", "enable_batch_seeds", "use_old_hires_fix_width_height"),
        *("fp8_storage", "cache_fp16_weight", "sd_hypernetwork", "sd_lora", "sd_unet", "ddim_discretize"),
        *("sd_vae_encode_method", "sd_vae_decode_method", "sdxl_crop_top", "sdxl_crop_left", "sdxl_clip_l_skip"),
        *("sdxl_refiner_low_aesthetic_score", "sdxl_refiner_high_aesthetic_score", "sd3_enable_t5"),
        *("extra_networks_default_multiplier", "enable_prompt_comments", "overlay_inpaint"),
        *("face_restoration", "postprocessing_enable_in_main_ui", "hires_fix_use_firstpass_conds"),
        *("return_mask", "return_mask_composite"),
    )
)
"""They change pictures and have no counterpart here: only their default is taken, any other value is refused."""

PLACES = frozenset(
    name for name in DEFAULTS if name.startswith("outdir_") or name in ("temp_dir", "directories_filename_pattern")
)
"""They name folders, which a request may not."""

EMPTY = ("", "None")
"""What clients send for nothing."""

"""What A1111's clients send to draw and to enlarge: fields, defaults and bounds of its API v1.10.1.

`model_dump()` is the echo in the reply. Unknown fields are passed over; those of drawing may be null.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from .models import Flag, Items, Keys, Mode, Number, Text, Whole


def _mode(value: Any) -> Any:
    """Some clients send their choice as text."""
    return int(value) if value in ("0", "1") else value


Share = Annotated[Number, Field(ge=0, le=1)]


class Generation(BaseModel):
    """What both calls that sample share."""

    prompt: Text | None = ""
    negative_prompt: Text | None = ""
    styles: list[Text] | None = None
    seed: Whole | None = -1
    subseed: Whole | None = -1
    subseed_strength: Number | None = 0
    seed_resize_from_h: Whole | None = -1
    seed_resize_from_w: Whole | None = -1
    sampler_name: Text | None = None
    scheduler: Text | None = None
    batch_size: Whole | None = 1
    n_iter: Whole | None = 1
    steps: Whole | None = 50
    cfg_scale: Number | None = 7.0
    width: Whole | None = 512
    height: Whole | None = 512
    restore_faces: Flag | None = None
    tiling: Flag | None = None
    do_not_save_samples: Flag | None = False
    do_not_save_grid: Flag | None = False
    eta: Number | None = None
    denoising_strength: Number | None = None
    s_min_uncond: Number | None = None
    s_churn: Number | None = None
    s_tmax: Number | None = None
    s_tmin: Number | None = None
    s_noise: Number | None = None
    override_settings: Keys | None = None
    override_settings_restore_afterwards: Flag | None = True
    refiner_checkpoint: Text | None = None
    refiner_switch_at: Number | None = None
    disable_extra_networks: Flag | None = False
    firstpass_image: Text | None = None
    comments: Keys | None = None
    force_task_id: Text | None = None
    sampler_index: Text | None = "Euler"
    script_name: Text | None = None
    script_args: Items | None = Field(default_factory=list)
    send_images: Flag | None = True
    save_images: Flag | None = False
    alwayson_scripts: Keys | None = Field(default_factory=dict)
    infotext: Text | None = None


class Txt2Img(Generation):
    """`POST /sdapi/v1/txt2img`."""

    enable_hr: Flag | None = False
    firstphase_width: Whole | None = 0
    firstphase_height: Whole | None = 0
    hr_scale: Number | None = 2.0
    hr_upscaler: Text | None = None
    hr_second_pass_steps: Whole | None = 0
    hr_resize_x: Whole | None = 0
    hr_resize_y: Whole | None = 0
    hr_checkpoint_name: Text | None = None
    hr_sampler_name: Text | None = None
    hr_scheduler: Text | None = None
    hr_prompt: Text | None = ""
    hr_negative_prompt: Text | None = ""


class Img2Img(Generation):
    """`POST /sdapi/v1/img2img`."""

    denoising_strength: Number | None = 0.75
    init_images: Items | None = None
    resize_mode: Whole | None = 0
    image_cfg_scale: Number | None = None
    mask: Text | None = None
    mask_blur_x: Whole | None = 4
    mask_blur_y: Whole | None = 4
    mask_blur: Whole | None = None
    mask_round: Flag | None = True
    inpainting_fill: Whole | None = 0
    inpaint_full_res: Flag | None = True
    inpaint_full_res_padding: Whole | None = 0
    inpainting_mask_invert: Whole | None = 0
    initial_noise_multiplier: Number | None = None
    latent_mask: Text | None = None
    include_init_images: Flag | None = False


class Extras(BaseModel):
    """What both calls of the Extras tab share."""

    resize_mode: Annotated[Mode, BeforeValidator(_mode)] = 0
    show_extras_results: Flag | None = True
    gfpgan_visibility: Share = 0
    codeformer_visibility: Share = 0
    codeformer_weight: Share = 0
    upscaling_resize: Annotated[Number, Field(gt=0)] = 2
    upscaling_resize_w: Annotated[Whole, Field(ge=1)] = 512
    upscaling_resize_h: Annotated[Whole, Field(ge=1)] = 512
    upscaling_crop: Flag | None = True
    upscaler_1: Text = "None"
    upscaler_2: Text = "None"
    extras_upscaler_2_visibility: Share = 0
    upscale_first: Flag | None = False


class ExtrasSingle(Extras):
    """`POST /sdapi/v1/extra-single-image`."""

    image: Text = ""


class FileData(BaseModel):
    """A picture of a batch."""

    data: Text
    name: Text


class ExtrasBatch(Extras):
    """`POST /sdapi/v1/extra-batch-images`."""

    imageList: list[FileData]  # noqa: N815 - the API's name

"""What A1111's clients send: fields, defaults and bounds of its API, read as A1111 v1.10.1 reads them.

Every field may be null, unknown ones are passed over, numbers may come as texts and whole ones with a fraction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from .errors import ApiError, invalid, problem


def _whole(value: Any) -> Any:
    """Clients send 12.5 where a whole number belongs; A1111 cuts it off."""
    return int(value) if isinstance(value, float) and math.isfinite(value) else value


def _mode(value: Any) -> Any:
    """Some send their choice as text."""
    return int(value) if value in ("0", "1") else value


Whole = Annotated[int, BeforeValidator(_whole)] | None
Number = float | None
Text = str | None
Switch = bool | None
Share = Annotated[float, Field(ge=0, le=1)]


class Request(BaseModel):
    """A body; `model_dump()` is its echo in the reply."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


class _Generation(Request):
    prompt: Text = ""
    negative_prompt: Text = ""
    styles: list[str] | None = None
    seed: Whole = -1
    subseed: Whole = -1
    subseed_strength: Number = 0
    seed_resize_from_h: Whole = -1
    seed_resize_from_w: Whole = -1
    sampler_name: Text = None
    scheduler: Text = None
    batch_size: Whole = 1
    n_iter: Whole = 1
    steps: Whole = 50
    cfg_scale: Number = 7.0
    width: Whole = 512
    height: Whole = 512
    restore_faces: Switch = None
    tiling: Switch = None
    do_not_save_samples: Switch = False
    do_not_save_grid: Switch = False
    eta: Number = None
    denoising_strength: Number = None
    s_min_uncond: Number = None
    s_churn: Number = None
    s_tmax: Number = None
    s_tmin: Number = None
    s_noise: Number = None
    override_settings: dict[str, Any] | None = None
    override_settings_restore_afterwards: Switch = True
    refiner_checkpoint: Text = None
    refiner_switch_at: Number = None
    disable_extra_networks: Switch = False
    firstpass_image: Text = None
    comments: dict[str, Any] | None = None
    force_task_id: Text = None
    sampler_index: Text = "Euler"
    script_name: Text = None
    script_args: list[Any] | None = Field(default_factory=list)
    send_images: Switch = True
    save_images: Switch = False
    alwayson_scripts: dict[str, Any] | None = Field(default_factory=dict)
    infotext: Text = None


class Txt2Img(_Generation):
    """`POST /sdapi/v1/txt2img`."""

    enable_hr: Switch = False
    firstphase_width: Whole = 0
    firstphase_height: Whole = 0
    hr_scale: Number = 2.0
    hr_upscaler: Text = None
    hr_second_pass_steps: Whole = 0
    hr_resize_x: Whole = 0
    hr_resize_y: Whole = 0
    hr_checkpoint_name: Text = None
    hr_sampler_name: Text = None
    hr_scheduler: Text = None
    hr_prompt: Text = ""
    hr_negative_prompt: Text = ""


class Img2Img(_Generation):
    """`POST /sdapi/v1/img2img`."""

    denoising_strength: Number = 0.75
    init_images: list[Any] | None = None
    resize_mode: Whole = 0
    image_cfg_scale: Number = None
    mask: Text = None
    mask_blur_x: Whole = 4
    mask_blur_y: Whole = 4
    mask_blur: Whole = None
    mask_round: Switch = True
    inpainting_fill: Whole = 0
    inpaint_full_res: Switch = True
    inpaint_full_res_padding: Whole = 0
    inpainting_mask_invert: Whole = 0
    initial_noise_multiplier: Number = None
    latent_mask: Text = None
    include_init_images: Switch = False


class Extras(Request):
    """What both calls of the Extras tab share."""

    resize_mode: Annotated[Literal[0, 1], BeforeValidator(_mode)] = 0
    show_extras_results: Switch = True
    gfpgan_visibility: Share = 0
    codeformer_visibility: Share = 0
    codeformer_weight: Share = 0
    upscaling_resize: Annotated[float, Field(gt=0)] = 2
    upscaling_resize_w: Annotated[int, BeforeValidator(_whole), Field(ge=1)] = 512
    upscaling_resize_h: Annotated[int, BeforeValidator(_whole), Field(ge=1)] = 512
    upscaling_crop: Switch = True
    upscaler_1: str = "None"
    upscaler_2: str = "None"
    extras_upscaler_2_visibility: Share = 0
    upscale_first: Switch = False


class ExtrasSingle(Extras):
    """`POST /sdapi/v1/extra-single-image`."""

    image: str = ""


class FileData(Request):
    data: str
    name: str


class ExtrasBatch(Extras):
    """`POST /sdapi/v1/extra-batch-images`."""

    imageList: list[FileData]  # noqa: N815 - the API's name


Model = TypeVar("Model", bound=Request)


def read(model: type[Model], body: Mapping[str, Any]) -> Model:
    """The request in a body.

    Raises:
        ApiError: 422 with an entry for each field that does not fit, in the words of A1111's own validation.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise as_a1111(error) from None


_SAID = {
    "int": ("value is not a valid integer", "type_error.integer"),
    "float": ("value is not a valid float", "type_error.float"),
    "bool": ("value could not be parsed to a boolean", "type_error.bool"),
    "string": ("str type expected", "type_error.str"),
    "list": ("value is not a valid list", "type_error.list"),
    "dict": ("value is not a valid dict", "type_error.dict"),
    "model": ("value is not a valid dict", "type_error.dict"),
    "missing": ("field required", "value_error.missing"),
}
"""First word of pydantic's kind of error -> what its first version says, and calls it."""

_BOUNDS = {
    "greater_than": ("gt", "greater than", "not_gt"),
    "greater_than_equal": ("ge", "greater than or equal to", "not_ge"),
    "less_than_equal": ("le", "less than or equal to", "not_le"),
}


def as_a1111(error: ValidationError) -> ApiError:
    """pydantic's error as its first version, which A1111 has, tells it."""
    return invalid(*(_problem(found) for found in error.errors(include_url=False)))


def _problem(found: Any) -> dict[str, Any]:
    kind, where = found["type"], tuple(part for part in found["loc"] if not _is_internal(part))
    if kind in _BOUNDS:
        key, words, name = _BOUNDS[kind]
        limit = found["ctx"][key]
        limit = int(limit) if isinstance(limit, float) and limit.is_integer() else limit
        message = f"ensure this value is {words} {limit}"
        return problem(where, message, f"value_error.number.{name}", limit_value=limit)
    if kind == "literal_error":
        permitted = [0, 1]
        words = ", ".join(map(str, permitted))
        message = f"unexpected value; permitted: {words}"
        return problem(where, message, "value_error.const", given=found["input"], permitted=permitted)
    first = kind.split("_")[0]
    message, name = _SAID.get(first, (found["msg"], f"value_error.{kind}"))
    if found["input"] is None and first in ("int", "float", "bool", "string", "list", "dict"):
        message, name = "none is not an allowed value", "type_error.none.not_allowed"
    return problem(where, message, name)


def _is_internal(part: str | int) -> bool:
    """Names of pydantic's own steps, which are no part of the path in the body."""
    return isinstance(part, str) and (part.startswith("function-") or part in ("int", "float", "str", "bool"))

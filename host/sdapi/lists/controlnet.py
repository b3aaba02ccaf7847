"""The lists of A1111's ControlNet extension, outside of `/sdapi`: core's ControlNets, and no preprocessors."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from ....sdapi.body import fields_of, no_picture, picture_bytes, text_of
from ....sdapi.errors import refused
from ....sdapi.scripts import UNITS
from . import model_lists

NO_PREPROCESSOR = "none"
_NO_MODEL = "None"
_INTERFACE = 2
"""Version of the extension's interface; clients only look whether there is one."""


def version() -> dict[str, Any]:
    return {"version": _INTERFACE}


def models() -> dict[str, Any]:
    return {"model_list": model_lists.controlnets()}


def preprocessors() -> dict[str, Any]:
    detail = {"model_free": True, "sliders": []}
    return {"module_list": [NO_PREPROCESSOR], "module_detail": {NO_PREPROCESSOR: detail}}


def control_types() -> dict[str, Any]:
    every = {
        "module_list": [NO_PREPROCESSOR],
        "model_list": [_NO_MODEL, *model_lists.controlnets()],
        "default_option": NO_PREPROCESSOR,
        "default_model": _NO_MODEL,
    }
    return {"control_types": {"All": every}}


def settings() -> dict[str, Any]:
    return {"control_net_unit_count": UNITS, "control_net_max_models_num": UNITS}


def detect(body: Any) -> dict[str, Any]:
    """Preprocess pictures: with "none" they stay as they are."""
    fields = fields_of(body)
    module = text_of(fields, "controlnet_module", NO_PREPROCESSOR)
    if module.lower() != NO_PREPROCESSOR:
        raise refused(
            422,
            f"The preprocessor {module!r} is not part of this server: send the finished control picture, with the "
            f"preprocessor {NO_PREPROCESSOR!r}.",
        )
    pictures = fields.get("controlnet_input_images") or fields.get("controlnet_images") or []
    if not pictures:
        raise refused(422, "No image selected")
    if not isinstance(pictures, list) or not all(isinstance(text, str) for text in pictures):
        raise no_picture()
    return {"images": [b64encode(picture_bytes(text)).decode("ascii") for text in pictures], "info": "Success"}

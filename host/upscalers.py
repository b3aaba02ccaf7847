"""Upscalers by name, from ComfyUI's `upscale_models` folders."""

from __future__ import annotations

import pickle
from typing import Any

import comfy.utils
import folder_paths

from ..upscale_models import CLASSICAL, ClassicalUpscaler, ModelUpscaler, Upscaler, from_descriptor, from_state_dict
from ..upscale_models.errors import UnusableModelError, UpscalerError
from .memory import patcher_of

_FOLDER = "upscale_models"


def upscaler_names() -> list[str]:
    """The classical upscalers, then every file of the `upscale_models` folders, in A1111's order."""
    return [*CLASSICAL, *sorted(folder_paths.get_filename_list(_FOLDER), key=str.lower)]


def load_upscaler(name: str) -> Upscaler:
    """Return an upscaler by its name in `upscaler_names`.

    Files go through the host's safe loader, which refuses a pickle that would run code.

    Raises:
        UpscalerError: the file is gone.
        UnusableModelError: the file is damaged, unsafe or not an upscale model.
    """
    if name in CLASSICAL:
        return CLASSICAL[name]
    path = folder_paths.get_full_path(_FOLDER, name)
    if path is None:
        raise UpscalerError(
            f"there is no file '{name}' in the {_FOLDER} folders. Put it there, or choose another upscaler.",
            "upscaler_name",
        )
    try:
        state_dict = comfy.utils.load_torch_file(path, safe_load=True)
    except pickle.UnpicklingError as error:  # torch's own words advise to switch the safety off
        raise UnusableModelError(name, "it is damaged, or it would run code when opened, which is refused") from error
    except Exception as error:  # every container has its own complaints about a damaged file
        first_line = (str(error).strip().splitlines() or [""])[0]
        raise UnusableModelError(name, f"it cannot be read ({type(error).__name__}: {first_line})") from error
    upscaler = from_state_dict(name, state_dict)
    patcher_of(upscaler)
    return upscaler


def as_upscaler(value: Any) -> Upscaler:
    """Accept what an upscaler input may carry: one of ours or core's UPSCALE_MODEL.

    Raises:
        UnusableModelError: something else, or a model that does not work on single pictures.
    """
    return value if isinstance(value, (ClassicalUpscaler, ModelUpscaler)) else from_descriptor(value)

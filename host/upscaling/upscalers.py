"""Upscalers by name, from ComfyUI's `upscale_models` folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import folder_paths

from ...upscale_models import (
    CLASSICAL,
    ClassicalUpscaler,
    ModelUpscaler,
    PlacedUpscaler,
    UnusableModelError,
    Upscaler,
    UpscalerError,
    from_descriptor,
    from_state_dict,
)
from ...upscale_models.shipped import WEIGHTS, is_damaged
from .model_files import UnreadableFileError, read_weights
from .runtime import patcher_of

_FOLDER = "upscale_models"


def list_shipped_weights() -> None:
    """Let the host's own loaders find the pack's weights, too; a user's file of the same name comes first."""
    folder_paths.add_model_folder_path(_FOLDER, str(WEIGHTS))


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
    if is_damaged(Path(path)):
        raise UnusableModelError(name, "it came with Hires Fix, but its SHA-256 is not that of the shipped file")
    try:
        state_dict = read_weights(path)
    except UnreadableFileError as error:
        raise UnusableModelError(name, str(error)) from error
    upscaler = from_state_dict(name, state_dict)
    patcher_of(upscaler)
    return upscaler


def as_upscaler(value: Any) -> Upscaler:
    """Accept what an upscaler input may carry: one of ours or core's UPSCALE_MODEL.

    Raises:
        UnusableModelError: something else, or a model that does not work on single pictures.
    """
    known = isinstance(value, (ClassicalUpscaler, ModelUpscaler, PlacedUpscaler))
    return value if known else from_descriptor(value)


def as_second(value: Any, visibility: float) -> Upscaler | None:
    """`as_upscaler` for an input that may be empty, and is not looked at where nothing is seen of it."""
    return None if value is None or not visibility > 0 else as_upscaler(value)

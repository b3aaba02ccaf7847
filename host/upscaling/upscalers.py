"""Upscalers by name: from ComfyUI's `upscale_models` folders, A1111's `LDSR`, and those that other packs register."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import folder_paths

from ...hires.infotext.names import LDSR_FOLDER, LDSR_SUFFIXES, is_ldsr_file
from ...hires.sampling.ldsr import LdsrSettings
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
from ..plugins.upscalers import registered, registered_names
from .ldsr import LdsrUpscaler, is_ldsr, ldsr_of
from .model_files import UnreadableFileError, read_weights
from .runtime import patcher_of

_FOLDER = "upscale_models"


def _register_ldsr() -> None:
    if LDSR_FOLDER not in folder_paths.folder_names_and_paths:
        folder_paths.folder_names_and_paths[LDSR_FOLDER] = ([], set(LDSR_SUFFIXES))
    folder_paths.add_model_folder_path(LDSR_FOLDER, os.path.join(folder_paths.models_dir, LDSR_FOLDER))


_register_ldsr()  # before any node is asked for its choices


def list_shipped_weights() -> None:
    """Let the host's own loaders find the pack's weights, too; a user's file of the same name comes first."""
    folder_paths.add_model_folder_path(_FOLDER, str(WEIGHTS))


def upscaler_files() -> list[str]:
    """Every file of the `upscale_models` folders, and those of `LDSR` with that before their names."""
    own = [f"{LDSR_FOLDER}/{name}" for name in folder_paths.get_filename_list(LDSR_FOLDER)]
    own = [name for name in own if name.lower().endswith(LDSR_SUFFIXES)]
    return list(dict.fromkeys([*folder_paths.get_filename_list(_FOLDER), *own]))


def upscaler_path(name: str) -> str | None:
    """Where a file of `upscaler_files` is; None if it is not there."""
    path = folder_paths.get_full_path(_FOLDER, name)
    folder, _, own = name.partition("/")
    if path is None and folder == LDSR_FOLDER:
        return folder_paths.get_full_path(LDSR_FOLDER, own)
    return path


def listed_upscalers() -> list[str]:
    """Every upscaler but the classical ones: `upscaler_files`, and those of other packs."""
    return [*upscaler_files(), *registered_names()]


def upscaler_names() -> list[str]:
    """The classical upscalers, then all others, in A1111's order."""
    return [*CLASSICAL, *sorted(listed_upscalers(), key=str.lower)]


def upscaler_state(name: str) -> int:
    """Another number when another pack's upscaler has taken the place of the one before; 0 for all others."""
    entry = registered(name)
    return entry.number if entry else 0


def load_upscaler(name: str) -> Upscaler:
    """Return an upscaler by its name in `upscaler_names`.

    Files go through the host's safe loader, which refuses a pickle that would run code.

    Raises:
        UpscalerError: the file is gone, or the pack that registered it fails.
        UnusableModelError: the file is damaged, unsafe or not an upscale model.
    """
    if name in CLASSICAL:
        return CLASSICAL[name]
    entry = registered(name)
    if entry:
        return entry.make()
    path = upscaler_path(name)
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
        if not is_ldsr_file(name):
            raise UnusableModelError(name, str(error)) from error
        raise UpscalerError(
            f"'{name}' cannot be used as LDSR: {error}. Take LDSR's model.safetensors, which runs no code, or download "
            "the file again.",
            "upscaler_name",
        ) from error
    if is_ldsr(state_dict):
        return ldsr_of(name, state_dict, Path(path))
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


def with_ldsr_settings(value: Any, settings: LdsrSettings) -> Upscaler:
    """An upscaler of LDSR with these settings.

    Raises:
        UpscalerError: it is another upscaler.
    """
    upscaler = as_upscaler(value)
    if not isinstance(upscaler, LdsrUpscaler):
        raise UpscalerError(
            f"'{upscaler.name}' is no LDSR model, and takes none of its settings. Choose a file of "
            f"models/{LDSR_FOLDER} in Load Upscaler, or connect that upscaler without this node.",
            "upscaler",
        )
    return upscaler.with_settings(settings)

"""What this host has, for the translation of requests."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import comfy.model_management
import folder_paths

from ...hires.infotext.settings import GenerationSettings
from ...sdapi.generate.house import House
from ..editor.model_lists import model_files
from ..infotext.model_hashes import HashSearch, file_hash
from ..infotext.texts import network_hashes, program_version
from ..prompts.styles import known_styles

log = logging.getLogger("hires-fix")


def house() -> House:
    """As it is now. Asking it for hashes reads files: not for the event loop."""
    return House(
        files=model_files(HashSearch()),
        version=program_version(),
        controlnets=folder_paths.get_filename_list("controlnet"),
        styles=known_styles(),
        hash_of=_hash_of,
        has_gpu_noise=comfy.model_management.get_torch_device().type != "cpu",
    )


def hashes_of_networks(prompt: Mapping[str, Any], settings: GenerationSettings) -> dict[str, str]:
    """`Lora hashes` and `TI hashes` of a graph that was run. Reads files: not for the event loop."""
    return {parameter.key: parameter.value for parameter in network_hashes(prompt, settings, show_progress=False)}


def _hash_of(folder: str, file: str) -> str:
    path = folder_paths.get_full_path(folder, file)
    try:
        return file_hash(Path(path), show_progress=False) if path else ""
    except OSError as error:
        log.warning("The model file '%s' cannot be hashed: %s", file, error)
        return ""

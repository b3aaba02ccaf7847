"""LoRAs of a prompt, loaded into a model and its text encoder."""

from __future__ import annotations

import logging
from typing import Any

import comfy.sd
import folder_paths

from ...hires.prompts.lora_files import LoraError, LoraFiles, LoraUse, PromptLoras, prompt_loras
from ...hires.prompts.networks import LoraTag
from ..model_headers import read_header, remarks
from ..progress import show_text
from ..upscaling.model_files import UnreadableFileError, read_weights

log = logging.getLogger("hires-fix")

FOLDER = "loras"
NONE = "None"


def lora_names() -> list[str]:
    """The installed files, behind what stands for none."""
    return [NONE, *folder_paths.get_filename_list(FOLDER)]


def alias_of(file: str) -> str:
    """The name that a file gives itself (`ss_output_name`), which A1111 also knows it by; empty if none."""
    path = folder_paths.get_full_path(FOLDER, file)
    if path is None:
        return ""
    try:
        return remarks(read_header(path)).get("ss_output_name", "")
    except (OSError, ValueError) as error:
        log.debug("no name in the LoRA '%s': %s", file, error)
        return ""


def loras_of(text: str, lora_name: str = NONE, lora_strength: float = 1.0) -> PromptLoras:
    """What a prompt asks for, and a file chosen beside it. Raises LoraError; see `prompt_loras`."""
    more = [] if lora_name == NONE else [LoraTag(lora_name, lora_strength, lora_strength)]
    return prompt_loras(text, more, installed())


def installed() -> LoraFiles:
    """All LoRAs of this host."""
    return LoraFiles(folder_paths.get_filename_list(FOLDER), alias_of)


def load_loras(model: Any, clip: Any, asked: PromptLoras) -> tuple[Any, Any]:
    """Return the model and the text encoder with LoRAs; what came in where there are none.

    Raises:
        LoraError: a file cannot be read, or fits neither of them.
    """
    for use in asked.uses:
        model, clip = _loaded(model, clip, use)
    lines = [f"{use.file}: {_strengths(use)}" for use in asked.uses]
    lines += [f"passed over, as A1111 does: {tag}" for tag in asked.passed_over]
    show_text("\n".join(lines))
    return model, clip


def _strengths(use: LoraUse) -> str:
    same = use.clip == use.model
    return f"{use.model:g}" if same else f"{use.clip:g} on the text encoder, {use.model:g} on the model"


def _loaded(model: Any, clip: Any, use: LoraUse) -> tuple[Any, Any]:
    path = folder_paths.get_full_path(FOLDER, use.file)
    if path is None:
        raise LoraError(f"the LoRA '{use.file}' is not there any more.", "text")
    try:
        weights = read_weights(path)
    except UnreadableFileError as error:
        raise LoraError(f"the LoRA '{use.file}' cannot be used: {error}.", "text") from error
    before = _patches(model, clip)
    model, clip = comfy.sd.load_lora_for_models(model, clip, dict(weights), use.model, use.clip)
    if _patches(model, clip) == before:
        raise LoraError(
            f"the LoRA '{use.file}' fits neither this model nor its text encoder: none of its {len(weights)} weights "
            "belongs to them. It was made for another family of models, or is no LoRA.",
            "text",
        )
    return model, clip


def _patches(model: Any, clip: Any) -> int:
    """How many patches both have."""
    patchers = [model, clip.patcher if clip is not None else None]
    return sum(len(of_key) for patcher in patchers if patcher is not None for of_key in patcher.patches.values())

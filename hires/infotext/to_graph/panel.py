"""From the settings of a finished picture to the fields of the box that draws it again larger."""

from __future__ import annotations

from typing import Any

from ...graph import definitions
from ...graph.definitions import GraphError
from ...model_names import stem
from ..markdown import as_code
from ..names import same_name
from ..settings import GenerationSettings, ModelName
from .loaders import ModelFiles

_REDRAWS = {
    "seed": "HiresFixNoise",
    "clip_skip": "HiresFixPrompt",
    "steps": "HiresFixRenoise",
    "scheduler": "HiresFixRenoise",
    "sampler_name": "HiresFixSecondSampling",
    "cfg": "HiresFixSecondSampling",
}
"""By field: the node that takes it, which says what it may be."""


def panel_values(settings: GenerationSettings, files: ModelFiles) -> tuple[dict[str, Any], list[str]]:
    """Values by the fields' names, as far as they are known and can be set; sentences on what cannot."""
    values: dict[str, Any] = {"prompt": settings.prompt, "negative_prompt": settings.negative_prompt}
    notes: list[str] = []
    asked = {
        "seed": settings.seed,
        "clip_skip": settings.clip_skip,
        "steps": settings.steps,
        "scheduler": settings.scheduler,
        "sampler_name": settings.sampler_name,
        "cfg": settings.cfg_scale,
    }
    for name, value in asked.items():
        if value is None:
            continue
        entry = definitions.load()[_REDRAWS[name]].input(name)
        try:
            # ComfyUI's own names differ from A1111's in their capitals alone
            if isinstance(value, str) and value not in entry.options:
                value = same_name(value, entry.options) or value
            values[name] = entry.checked(value)
        except GraphError as error:
            notes.append(f"*{name}* {error}: the form keeps its own.")
    models = (
        ("ckpt_name", "checkpoint", settings.checkpoint, files.checkpoints, "checkpoints"),
        ("vae_name", "VAE", settings.vae, files.vaes, "vae"),
    )
    for name, what, model, listed, folder in models:
        if model is None:
            continue
        found = _file(model, listed, folder, files)
        if found:
            values[name] = found
        else:
            notes.append(f"The {what} {as_code(model.name)} is not among the installed files: choose one.")
    return values, notes


def _file(model: ModelName, listed: Any, folder: str, files: ModelFiles) -> str | None:
    by_stem = {stem(file).lower(): file for file in reversed(listed)}
    return by_stem.get(stem(model.name).lower()) or (files.by_hash(folder, model.hash) if model.hash else None)

"""The lists that clients fill their menus with, from the pack's own menus and the names of files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..hires.infotext.names import UPSCALER_FILES, ldsr_file, upscaler_title
from ..hires.model_names import stem
from ..hires.prompts.styles import Style
from ..hires.sampling.menus import AUTOMATIC, FILTERS, LATENT_MODES, SAMPLERS, SCHEDULES, UNIFORM, Sampler

_NO_RHO = -1.0
_NEED_MODEL = (UNIFORM, "SGM Uniform", "Simple", "Normal", "DDIM", "Beta")
"""A1111 hands these the model, and says so."""

_ESRGAN = "ESRGAN_4x"
_SCALE = 4.0
"""What A1111 says of every upscaler file, whatever it is; it is looked into when it is used."""


def samplers() -> list[dict[str, Any]]:
    return [
        {"name": name, "aliases": list(sampler.aliases), "options": _options(sampler, name)}
        for name, sampler in SAMPLERS.items()
    ]


def _options(sampler: Sampler, name: str) -> dict[str, str]:
    options = {}
    if sampler.schedule:
        options["scheduler"] = SCHEDULES[sampler.schedule].name
    if sampler.discard_penultimate:
        options["discard_next_to_last_sigma"] = "True"
    if name in _USE_ENSD:
        options["uses_ensd"] = "True"
    if sampler.calls_per_step == 2:
        options["second_order"] = "True"
    if sampler.noise == "brownian":
        options["brownian_noise"] = "True"
    if name == "DPM++ 2M SDE Heun":
        options["solver_type"] = "heun"
    return options


_USE_ENSD = ("DPM++ 2S a", "Euler a", "DPM2 a", "DPM fast", "DPM adaptive")
"""A1111 marks these as looking at "Eta noise seed delta". Others do, too."""


def schedulers() -> list[dict[str, Any]]:
    return [
        {
            "name": schedule.name,
            "label": label,
            "aliases": list(schedule.aliases) or None,
            "default_rho": _NO_RHO if schedule.default_rho is None else schedule.default_rho,
            "need_inner_model": label in _NEED_MODEL and label != AUTOMATIC,
        }
        for label, schedule in SCHEDULES.items()
    ]


def latent_upscale_modes() -> list[dict[str, Any]]:
    return [{"name": name} for name in LATENT_MODES]


def upscaler_names(files: Iterable[str]) -> list[str]:
    """Every upscaler under A1111's name, those without a file first."""
    return [*FILTERS, *dict.fromkeys(upscaler_title(file) for file in files)]


def upscalers(files: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """`files`: upscale models as the host lists them -> where they are; None for those that are no files."""
    listed = [_upscaler(name, None, None) for name in FILTERS]
    found: dict[str, dict[str, Any]] = {}
    for file in files:
        name = upscaler_title(file)
        path = files[ldsr_file(name, files) or file]
        found.setdefault(name, _upscaler(name, path and _ESRGAN, path))
    return [*listed, *found.values()]


def _upscaler(name: str, model_name: str | None, path: str | None) -> dict[str, Any]:
    return {"name": name, "model_name": model_name, "model_path": path, "model_url": None, "scale": _SCALE}


def realesrgan_models(files: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """Those of the Real-ESRGAN family that are installed; see `upscalers`."""
    named = {upscaler_title(file): path for file, path in files.items() if path}
    known = [name for name in UPSCALER_FILES if name.startswith("R-ESRGAN") and name in named]
    return [{"name": name, "path": named[name], "scale": 2 if "2x" in name else 4} for name in known]


def face_restorers(files: Iterable[str]) -> list[dict[str, Any]]:
    """Those that have a file."""
    stems = [stem(file).lower() for file in files]
    kinds = [name for name in ("CodeFormer", "GFPGAN") if any(found.startswith(name.lower()) for found in stems)]
    return [{"name": name, "cmd_dir": None} for name in kinds]


def prompt_styles(styles: Mapping[str, Style]) -> list[dict[str, Any]]:
    return [
        {"name": name, "prompt": style.prompt, "negative_prompt": style.negative_prompt}
        for name, style in styles.items()
    ]


def cmd_flags(has_auth: bool, port: str, addresses: str) -> dict[str, Any]:
    """A1111's command line, as if it had been started the way this server was; folders are left empty."""
    flags = json.loads((Path(__file__).parent / "cmd_flags.json").read_text(encoding="utf-8"))
    shown = {"api": True, "nowebui": True, "skip_version_check": True, "port": port, "server_name": addresses}
    return {**flags, **shown, "api_auth": "set" if has_auth else None}

"""Generation data that other programs store as JSON, under A1111's names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .infotext import Infotext, Parameter, parse
from .infotext_names import split_sampler, stem
from .infotext_networks import LoraTag, number, with_tags

_NAMES: dict[str, tuple[str, ...]] = {
    "prompt": ("prompt", "positiveprompt", "positive", "c"),
    "negative": ("negativeprompt", "uc", "negative", "negativeconditioning", "ucp"),
    "Steps": ("steps", "numinferencesteps", "samplingsteps"),
    "Sampler": ("sampler", "samplername"),
    "Schedule type": ("scheduler", "schedulername", "scheduletype", "noiseschedule"),
    "CFG scale": ("cfgscale", "guidancescale", "scale", "cfg"),
    "Seed": ("seed", "noiseseed"),
    "Size": ("size", "resolution"),
    "Width": ("width",),
    "Height": ("height",),
    "Model": ("model", "basemodel", "modelname", "checkpoint", "usestablediffusionmodel"),
    "Model hash": ("modelhash", "basemodelhash"),
    "VAE": ("vae", "vaename", "usevaemodel"),
    "Clip skip": ("clipskip",),
    "Distilled CFG Scale": ("distilledcfgscale", "fluxguidancescale"),
}
"""What is looked for, by the keys that programs give it: in small letters, without blanks, `_` and `-`."""

_PROGRAMS = {
    "sui_image_params": "SwarmUI",
    "swarm_version": "SwarmUI",
    "metadata_scheme": "Fooocus",
    "base_model": "Fooocus",
    "positive_conditioning": "InvokeAI",
    "generation_mode": "InvokeAI",
    "use_stable_diffusion_model": "Easy Diffusion",
    "reference_information_extractor_strength": "NovelAI",
    "noise_schedule": "NovelAI",
    "uc": "NovelAI or Draw Things",
    "civitaiResources": "Civitai",
}
"""Whose the data are, by a key that others do not have."""

_ON_COMFYUI = ("SwarmUI", "Fooocus")
"""Those that draw with ComfyUI's noise."""

_INSIDE = ("sui_image_params", "image", "meta", "metadata", "generation_data", "v4_prompt", "parameters", "caption")
"""Keys under which programs store what is asked for."""


def read_json(text: str) -> tuple[Infotext, str] | None:
    """Read JSON of another program.

    Returns:
        What it says under A1111's names, and a sentence on whose it is; None if the text is no JSON object, or has no
        prompt.
    """
    data = _object(text)
    if data is None:
        return None
    inner = data.get("parameters")
    if isinstance(inner, str):  # A1111's text in the answer of a program
        return parse(inner), ""
    flat: dict[str, Any] = {}
    for key, value in _flat(data):
        flat.setdefault(_plain(key), value)
    if not any(_text(flat.get(name)) for name in _NAMES["prompt"]):
        return None
    program = next((name for key, name in _PROGRAMS.items() if key in data or _plain(key) in flat), "another program")
    found = {name: value for name, keys in _NAMES.items() if (value := _first(flat, keys)) is not None}
    prompt, negative = found.pop("prompt", ""), found.pop("negative", "")
    prompt = with_tags(prompt, _loras(data))
    sampler, within = split_sampler(found.get("Sampler", ""))
    if within and "Schedule type" not in found:
        found["Sampler"], found["Schedule type"] = sampler, within
    if "Sampler" not in found and program == "InvokeAI":
        found["Sampler"] = found.pop("Schedule type", "")
    if "Sampler" in found:
        found["Sampler"] = found["Sampler"].removeprefix("k_")
    for key in ("Model", "VAE"):
        name = stem(found.pop(key, ""))
        if name and not name.lower().startswith(("default", "automatic")):
            found[key] = name
    if "Width" in found and "Height" in found:
        found["Size"] = f"{found.pop('Width')}x{found.pop('Height')}"
    known = {key for keys in _NAMES.values() for key in keys}
    rest = [Parameter(key, _shown(value)) for key, value in _flat(data) if _plain(key) not in known]
    if program in _ON_COMFYUI:
        found["RNG"] = "ComfyUI"
    parameters = tuple(Parameter(key, value) for key, value in found.items())
    note = f"The text is JSON of {program}, not of A1111: what both know was taken, samplers may differ."
    return Infotext(prompt, negative, (*parameters, *rest)), note


def is_unknown_json(text: str) -> bool:
    """Whether the text is a JSON object without anything that `read_json` knows."""
    return _object(text) is not None and read_json(text) is None


def _object(text: str) -> dict[str, Any] | None:
    text = text.strip("\0\ufeff \r\n\t")
    if not text.startswith("{"):
        return None
    try:
        data = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _flat(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Keys and values, with those of inner objects in place of the objects."""
    for key, value in data.items():
        if key in _INSIDE and isinstance(value, dict):
            yield from _flat(value)
        elif value is not None and value != "" and value != []:
            yield key, value


def _first(flat: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    return next((text for key in keys if (text := _text(flat.get(key)))), None)


def _text(value: Any) -> str:
    """What a value says; empty for what cannot be a setting."""
    if isinstance(value, dict):
        value = next((value[key] for key in ("model_name", "modelName", "name", "base_caption") if key in value), "")
    if isinstance(value, list) and len(value) == 2 and all(isinstance(side, int) for side in value):
        return f"{value[0]}x{value[1]}"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _loras(data: Mapping[str, Any]) -> list[LoraTag]:
    """LoRAs in a list of their own: names, pairs of name and weight, or objects."""
    found = []
    for key, value in _flat(data):
        if _plain(key) not in ("loras", "lora") or not isinstance(value, list):
            continue
        weights = next((given for name, given in _flat(data) if _plain(name) == "loraweights"), [])
        for index, entry in enumerate(value):
            if isinstance(entry, list) and entry:
                name, weight = entry[0], entry[1] if len(entry) > 1 else 1
            elif isinstance(entry, dict):
                name = next(
                    (_text(entry[part]) for part in ("name", "model", "file", "model_name", "lora") if part in entry),
                    "",
                )
                weight = next((entry[part] for part in ("weight", "strength") if part in entry), 1)
            else:
                name, weight = entry, weights[index] if isinstance(weights, list) and index < len(weights) else 1
            strength = number(str(weight))
            if isinstance(name, str) and name and strength is not None:
                found.append(LoraTag(stem(name), strength, strength))
    return found


def _plain(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "").replace(" ", "")

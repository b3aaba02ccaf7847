"""Generation data that other programs store as JSON or as a list, under A1111's names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..amounts import number
from ..model_names import stem
from ..prompts.networks import LoraTag, network_tags, with_tags
from .names import split_sampler
from .text import Infotext, Parameter, parse

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
    "workEngine": "Tensor.Art",
    "uc": "NovelAI or Draw Things",
    "civitaiResources": "Civitai",
}
"""Whose the data are, by a key that others do not have."""

_ON_COMFYUI = ("SwarmUI", "Fooocus")  # those that draw with ComfyUI's noise

_JSON = re.compile(r'[\0\ufeff\s]*(?:\[\s*)?\{\s*(?:\}|"[^"]*"\s*:)')
"""How an object begins, or a list of objects; alternatives of a prompt are `{no|JSON}`."""

_LORAS, _WEIGHTS = ("loras", "lora", "useloramodel"), ("loraweights", "loraalpha")
"""Lists of LoRAs and of their weights, written as the keys of `_NAMES`."""

_SETTINGS = frozenset(key for name, keys in _NAMES.items() if name not in ("prompt", "negative") for key in keys)
_FEWEST = 4  # settings in lines of their own that make a list

_LINE = re.compile(r"(?P<key>[A-Z][\w \-]{0,40}):[^\S\n]*(?P<value>(?:(?!, *[A-Z][\w ]*:).)*)")
_FURTHER_PAIR = re.compile(r"^Steps:|, *[A-Z][\w ]*: ")
"""A line of a list, and what shows that a line has several settings, as A1111's has."""

_NAMING = ("model_name", "modelName", "modelFileName", "name", "base_caption")
"""Keys of an object by which it names itself."""

_INSIDE = ("sui_image_params", "image", "meta", "metadata", "generation_data", "v4_prompt", "parameters", "caption")
"""Keys under which programs store what is asked for."""


def read_json(text: str) -> tuple[Infotext, str] | None:
    """Read JSON of another program: its data under A1111's names, and a sentence on whose they are.

    None if the text is no JSON object, or has no prompt.
    """
    data = _object(text)
    if data is None:
        return None
    texts = data.get("infotexts")
    inner = texts[0] if isinstance(texts, list) and texts else data.get("parameters")
    if isinstance(inner, str):  # A1111's text in the answer of a program
        return parse(inner), ""
    if isinstance(data.get("info"), str) and (found := read_json(data["info"])):  # of A1111's own
        return found
    return _of_data(data, "JSON")


def read_lines(text: str) -> tuple[Infotext, str] | None:
    """Read as `read_json` a list of `Key: value` lines that are not in A1111's order, of Fooocus or Easy Diffusion."""
    data, current, found = {"": ""}, "", set()
    for line in text.strip("\0\ufeff").splitlines():
        pair = _LINE.fullmatch(line)
        if pair:
            current = pair["key"].strip()
            if current == "Steps" and not found & _SETTINGS and not found & set(_NAMES["prompt"]):  # A1111's order
                return None
            found.add(_plain(current))
            data[current] = pair["value"]
        elif _FURTHER_PAIR.search(line):
            return None
        else:
            data[current] = f"{data[current]}\n{line}".strip("\n")
    first = data.pop("")
    return _of_data({"prompt": first, **data}, "a list") if len(found & _SETTINGS) >= _FEWEST else None


def _of_data(data: dict[str, Any], form: str) -> tuple[Infotext, str] | None:
    flat: dict[str, Any] = {}
    for key, value in _flat(data):
        flat.setdefault(_plain(key), value)
    if not any(_text(flat.get(name)) for name in _NAMES["prompt"]):
        return None
    given = {*data, *(key for key, _ in _flat(data))}
    program = next((name for key, name in _PROGRAMS.items() if key in given), "another program")
    found = {name: value for name, keys in _NAMES.items() if (value := _first(flat, keys)) is not None}
    prompt, negative = found.pop("prompt", ""), found.pop("negative", "")
    loras = _loras(data)
    prompt = with_tags(prompt, loras)
    sampler, within = split_sampler(found.get("Sampler", ""))
    if within and "Schedule type" not in found:
        found["Sampler"], found["Schedule type"] = sampler, within
    if "Sampler" not in found and program == "InvokeAI":
        found["Sampler"] = found.pop("Schedule type", "")
    if "Sampler" in found:
        found["Sampler"] = found["Sampler"].removeprefix("k_")
    if program == "InvokeAI" and found.get("Sampler", "").endswith("_k"):
        found["Sampler"], found["Schedule type"] = found["Sampler"].removesuffix("_k"), "karras"
    for key in ("Model", "VAE"):
        name = stem(found.pop(key, ""))
        if name and not name.lower().startswith(("default", "automatic")):
            found[key] = name
    if "Width" in found and "Height" in found:
        found["Size"] = f"{found.pop('Width')}x{found.pop('Height')}"
    known = {key for keys in _NAMES.values() for key in keys}
    listed = [value for key, value in _flat(data) if _plain(key) in _LORAS]
    if sum(len(value) if isinstance(value, list) else 1 for value in listed) == len(loras):
        known |= {*_LORAS, *_WEIGHTS} if set(loras) <= set(network_tags(prompt)[0]) else set()
    others = ((key, value) for key, value in _flat(data) if _plain(key) not in known)
    rest = [Parameter(key, v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)) for key, v in others]
    if program in _ON_COMFYUI:
        found["RNG"] = "ComfyUI"
    parameters = tuple(Parameter(key, value) for key, value in found.items())
    note = f"The text is {form} of {program}, not of A1111: what both know was taken, samplers may differ."
    return Infotext(prompt, negative, (*parameters, *rest)), note


def is_unknown_json(text: str) -> bool:
    """Whether the text is JSON, whole or in part, without anything that `read_json` knows."""
    return _JSON.match(text) is not None and read_json(text) is None


def _object(text: str) -> dict[str, Any] | None:
    text = text.strip("\0\ufeff \r\n\t")
    if not text.startswith(("{", "[")):
        return None
    try:
        data = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    data = data[0] if isinstance(data, list) and len(data) == 1 else data
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
        value = next((value[key] for key in _NAMING if key in value), "")
    if isinstance(value, list) and len(value) == 2 and all(isinstance(side, int) for side in value):
        return f"{value[0]}x{value[1]}"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()


def _loras(data: Mapping[str, Any]) -> list[LoraTag]:
    """LoRAs in a list of their own: names, pairs of name and weight, or objects."""
    found = []
    for key, value in _flat(data):
        if _plain(key) not in _LORAS or not isinstance(value, list):
            continue
        weights = next((given for name, given in _flat(data) if _plain(name) in _WEIGHTS), [])
        for index, entry in enumerate(value):
            if isinstance(entry, list) and entry:
                name, weight = entry[0], entry[1] if len(entry) > 1 else 1
            elif isinstance(entry, dict):
                names = ("name", "model", "file", "model_name", "lora")
                name = next((_text(entry[part]) for part in names if part in entry), "")
                weight = next((entry[part] for part in ("weight", "strength") if part in entry), 1)
            else:
                name, weight = entry, weights[index] if isinstance(weights, list) and index < len(weights) else 1
            strength = number(str(weight))
            if isinstance(name, str) and name and strength is not None:
                found.append(LoraTag(stem(name), strength, strength))
    return found


def _plain(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "").replace(" ", "")

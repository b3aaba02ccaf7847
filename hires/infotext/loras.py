"""LoRAs that other programs list as parameters of a generation text, and the hashes of LoRAs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ..amounts import number
from ..model_names import stem
from ..prompts.networks import LoraTag, network_tags
from .text import Infotext

_KEY = re.compile(
    r"lora[ _](?:(?P<before>hash|weight|strength)[ _])?(?P<number>\d{1,4})(?:[ _](?P<behind>[\w ]+))?", re.IGNORECASE
)
"""`Lora 1`, `Lora Weight 1`, `Lora Hash 1`; `Lora_0 Model name`, `Lora_0 Strength clip`, `Lora_0 Model hash`."""

_WEIGHED = re.compile(r"(?P<name>.+) : (?P<weight>-?[\d.]+)")
"""A value with both, as in Fooocus's list."""


@dataclass(frozen=True)
class ListedLoras:
    """What a text says of its LoRAs beside the tags of its prompts."""

    tags: tuple[LoraTag, ...]
    """Of those that are listed by a number."""

    unnameable: tuple[str, ...]
    """Names of such that no tag can name."""

    hashes: dict[str, str]
    """First digits of the hashes, by names in small letters; also of those that only a prompt names."""

    keys: frozenset[str]


def listed_loras(infotext: Infotext) -> ListedLoras:
    """Read all that a text lists."""
    numbered: dict[str, dict[str, str]] = {}
    keys = set()
    for parameter in infotext.parameters:
        if found := _KEY.fullmatch(parameter.key):
            what = (found["before"] or found["behind"] or "name").lower().split()[-1]
            both = _WEIGHED.fullmatch(parameter.value) if what == "name" else None
            given = both.groupdict() if both else {what: parameter.value.strip()}
            numbered.setdefault(found["number"], {}).update(given)
            keys.add(parameter.key)
    if weights := infotext.find("Lora weights"):  # as Fooocus writes them
        keys.add(weights.key)
        for entry in weights.value.split(","):
            name, _, weight = entry.rpartition(":")
            numbered[name] = {"name": name.strip(), "weight": weight.strip()}
    named = [{**given, "name": stem(given.get("name", ""))} for given in numbered.values()]
    tags = [_tag(given) for given in named if given["name"]]
    can_be_named = [network_tags(str(tag))[0] == (tag,) for tag in tags]
    hashes = {**_hashes(infotext), **{given["name"].lower(): given["hash"] for given in named if given.get("hash")}}
    return ListedLoras(
        tuple(tag for tag, can in zip(tags, can_be_named, strict=True) if can),
        tuple(tag.name for tag, can in zip(tags, can_be_named, strict=True) if not can),
        hashes,
        frozenset(keys),
    )


def json_hashes(infotext: Infotext) -> dict[str, str]:
    """The value of `Hashes`, as Civitai's helpers write it: `{"model": "6ce0161689", "lora:detail": "7c6bad76"}`."""
    try:
        found = json.loads(infotext.get("Hashes") or "{}")
    except (ValueError, RecursionError):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def _tag(given: dict[str, str]) -> LoraTag:
    both = given.get("weight") or given.get("strength") or "1"
    clip, model = (number(given.get(side, both)) for side in ("clip", "model"))
    return LoraTag(given["name"], 1.0 if clip is None else clip, 1.0 if model is None else model)


def _hashes(infotext: Infotext) -> dict[str, str]:
    listed = [entry.rpartition(":") for entry in (infotext.get("Lora hashes") or "").split(",")]
    others, mark = json_hashes(infotext).items(), "lora:"
    listed += [(key.removeprefix(mark), ":", digits) for key, digits in others if key.startswith(mark)]
    return {stem(name.strip()).lower(): digits.strip() for name, _, digits in listed if name.strip() and digits.strip()}

"""ControlNets in a generation text, as A1111's extension sd-webui-controlnet writes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from ...model_names import stem
from ..settings import ModelName
from ..text import Parameter
from .walk import PictureGraph

HiresOption = Literal["Both", "Low res only", "High res only"]

_APPLY, _APPLY_BOTH = "ControlNetApply", ("ControlNetApplyAdvanced", "ControlNetApplySD3")
"""Core's nodes: for one prompt, and for both."""

PICTURES = frozenset(("image", "mask"))
"""Inputs of those nodes that lead to what is drawn after: A1111's text does not say either where that is from."""


@dataclass(frozen=True)
class ControlUnit:
    """A ControlNet that works on the picture, under the names of the text."""

    file: str
    weight: float
    guidance_start: float
    guidance_end: float
    """Shares of the way from noise to picture, 0 to 1."""

    hr_option: HiresOption = "Both"
    """The passes that it works in."""

    resize_mode: str = "Crop and Resize"
    """What is done to pictures of another shape: of core's nodes this."""


def is_control(kind: str) -> bool:
    """Whether nodes of this type apply a ControlNet in a way that the text can tell."""
    return kind == _APPLY or kind in _APPLY_BOTH


def control_units(walk: PictureGraph, first: str, second: str | None) -> tuple[list[ControlUnit], set[str]]:
    """The ControlNets of both passes in the order that they are applied, and the nodes that this covers."""
    passes: list[dict[ControlUnit, None]] = []
    covered: set[str] = set()
    for sampling in (first, second):
        units, negative = dict[ControlUnit, None](), walk.prompt_way(sampling, "negative")
        # from the prompt on: the way begins at the sampling
        for node in reversed(walk.prompt_way(sampling, "positive")):
            # what is for one of the prompts only, A1111 has no mode for
            fits = walk[node].kind == _APPLY or (walk[node].kind in _APPLY_BOTH and node in negative)
            unit, nodes = _unit(walk, node) if fits else (None, set())
            covered |= nodes
            if unit:
                units[unit] = None
        passes.append(units)
    low, high = passes
    if second is None:
        return list(low), covered
    in_first = [unit if unit in high else replace(unit, hr_option="Low res only") for unit in low]
    return in_first + [replace(unit, hr_option="High res only") for unit in high if unit not in low], covered


def control_parameters(units: list[ControlUnit], hash_of: Callable[[str], str]) -> list[Parameter]:
    """What the text says of them; `hash_of` gives a file's short hash, empty if it is not known.

    The extension knows no node that works out the picture of edges or depths, so none is named ("none"), with the
    values it then has. `Hr Option` is what its versions of 2023 and Forge write; only where it is not both passes.
    """
    return [Parameter(f"ControlNet {index}", _words(unit, hash_of(unit.file))) for index, unit in enumerate(units)]


def _words(unit: ControlUnit, digits: str) -> str:
    words = {
        "Module": "none",
        "Model": ModelName(stem(unit.file), digits),
        "Weight": unit.weight,
        "Resize Mode": unit.resize_mode,
        "Processor Res": 512,
        "Threshold A": 0.5,
        "Threshold B": 0.5,
        "Guidance Start": unit.guidance_start,
        "Guidance End": unit.guidance_end,
        "Pixel Perfect": True,
        "Control Mode": "Balanced",
        "Hr Option": unit.hr_option,
    }
    return ", ".join(f"{key}: {value}" for key, value in words.items() if value != "Both")


def _unit(walk: PictureGraph, node: str) -> tuple[ControlUnit | None, set[str]]:
    """What a node applies, and the nodes that this covers; nothing if it is not known."""
    weight = walk[node].number("strength")
    start, end = (
        default if walk[node].kind == _APPLY else walk[node].number(name)
        for name, default in (("start_percent", 0.0), ("end_percent", 1.0))
    )
    loaders = walk.upstream(walk[node].source("control_net"), lambda _, name: name == "control_net")
    loader = next((found for found in loaders if walk[found].text("control_net_name")), None)
    file = walk[loader].text("control_net_name")
    if file is None or weight is None or start is None or end is None or any(mark in stem(file) for mark in ",:"):
        return None, set()
    covered = {node, *([loader] if loader else [])}
    return (ControlUnit(file, weight, start, end) if weight else None), covered

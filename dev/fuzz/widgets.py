"""Nodes as the host describes them, and random values for their widgets: ends of the range, defaults, in between."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WIDGETS = ("INT", "FLOAT", "BOOLEAN", "STRING", "COMBO")

TEXTS = (
    "", " ", "\n", "a", "fish, 木 🐟", "a/b", "a\\b", "../up", "/absolute", "C:\\x", ".", "..", "~", "con", "nul.png",
    "%date%", "%width%x%height%", "%batch_num%", "%Nobody.value%", "{name}", "{", "{0}", "{name!r:>9}", "*", "?", "[",
    "'", '"', "name [output]", "x\0y", "x\ty", "x" * 200, "木" * 90, "-" * 3000, "a:b|c<d>", " lead", "trail ", "dot.",
)  # fmt: skip
"""Where a name or a text is asked for."""

SHORT = 6
"""Lists of more choices, such as the samplers, are gone through evenly."""


@dataclass(frozen=True)
class Input:
    """An input of a node."""

    name: str
    kind: str
    """A widget's kind, one of `WIDGETS`, or what may be linked: types with commas between."""
    optional: bool = False
    default: Any = None
    low: float = 0
    high: float = 100
    step: float = 1
    options: tuple[Any, ...] = ()

    @property
    def is_widget(self) -> bool:
        """Whether a value can be given; else only a link."""
        return self.kind in WIDGETS


@dataclass(frozen=True)
class Kind:
    """A node class."""

    name: str
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    title: str

    def links(self) -> list[Input]:
        """Inputs that only a link fills."""
        return [each for each in self.inputs if not each.is_widget]


def kinds_of(object_info: Mapping[str, Any]) -> dict[str, Kind]:
    """Read what the server says under `/object_info`."""
    return {name: _kind(name, info) for name, info in object_info.items()}


def _kind(name: str, info: Mapping[str, Any]) -> Kind:
    sections = info["input"]
    groups = [(section == "optional", sections.get(section) or {}) for section in ("required", "optional")]
    inputs = [_input(key, value, optional) for optional, group in groups for key, value in group.items()]
    # a list in place of an output's type holds the choices of a combo
    outputs = tuple(one if isinstance(one, str) else "COMBO" for one in info["output"])
    return Kind(name, tuple(inputs), outputs, info.get("display_name") or name)


def _input(name: str, value: list[Any], optional: bool) -> Input:
    kind, more = value[0], value[1] if len(value) > 1 else {}
    if isinstance(kind, list):
        kind, more = "COMBO", {**more, "options": kind}
    if more.get("forceInput"):
        kind = f"{kind} "  # by a link only
    bounds = more.get("min", 0), more.get("max", 100), more.get("step") or 1
    return Input(name, kind, optional, more.get("default"), *bounds, tuple(more.get("options") or ()))


def value_of(
    rng: random.Random, widget: Input, least: float | None = None, most: float | None = None, calm: float = 0.3
) -> Any:
    """A value that the host takes for this widget; `least` and `most` narrow the range of a number.

    `calm` is the chance of the default, where the range holds it.
    """
    default, is_short = widget.default, len(widget.options) <= SHORT
    if default is not None and (widget.kind != "COMBO" or is_short) and rng.random() < calm:
        is_number = widget.kind in ("INT", "FLOAT")
        if not is_number or (least or widget.low) <= default <= (widget.high if most is None else most):
            return default
    if widget.kind == "BOOLEAN":
        return rng.random() < 0.5
    if widget.kind == "COMBO":
        return rng.choice(widget.options) if widget.options else widget.default
    if widget.kind == "STRING":
        return rng.choice(TEXTS)
    low = widget.low if least is None else max(widget.low, least)
    high = widget.high if most is None else max(low, min(widget.high, most))
    number = _number(rng, widget, low, high)
    return min(int(number), int(high)) if widget.kind == "INT" else round(float(number), 4)


def _number(rng: random.Random, widget: Input, low: float, high: float) -> float:
    """An end, next to an end, evenly or by size: small numbers are as likely as large ones."""
    way, step = rng.random(), widget.step
    if way < 0.15:
        return low
    if way < 0.3:
        return high
    if way < 0.45:
        return rng.choice([min(low + step, high), max(high - step, low)])
    if way < 0.75:
        return rng.uniform(low, high) if widget.kind == "FLOAT" else rng.randint(math.ceil(low), math.floor(high))
    span = high - low
    return low if span <= 0 else low + min(span, math.exp(rng.uniform(math.log(span * 1e-3), math.log(span))))

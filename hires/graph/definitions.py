"""What each node accepts and gives, as recorded from a real host in `node_defs.json`.

Only the nodes that recipes use are recorded. `dev.py generate` writes the file; nothing else should.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PATH = Path(__file__).parent / "node_defs.json"

WIDGET_TYPES = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"})
"""Types the editor shows as a field on the node; every other type is only a socket."""

UPLOAD = "image"  # value of the button that uploads a picture


class GraphError(ValueError):
    """A recipe asks for something the host would refuse, or shows in red."""


@dataclass(frozen=True)
class InputDefinition:
    """One input of a node, in the order of the schema."""

    name: str
    type: str
    """Socket type such as `MODEL`, several joined by commas, or one of `WIDGET_TYPES`."""

    optional: bool = False
    default: Any = None
    min: float | None = None
    max: float | None = None
    options: tuple[str, ...] = ()
    """Choices of a COMBO, without the names of files found on the recording machine."""

    files: bool = False
    """True for a COMBO that also lists files: any file name is accepted besides `options`."""

    multiline: bool = False
    socket: bool = False
    """True for a number or text that can only be linked."""

    companion: str | None = None
    """Start value of an extra widget of the editor, in its `widgets_values` but never sent to the host: it stands after
    this one, and the button that uploads files, `UPLOAD`, after all of the node."""

    advanced: bool = False
    """True for a widget that Nodes 2.0 folds away."""

    @property
    def is_widget(self) -> bool:
        return self.type in WIDGET_TYPES and not self.socket

    def accepts(self, output_type: str) -> bool:
        return "*" in (self.type, output_type) or bool({*self.type.split(",")} & {*output_type.split(",")})

    def checked(self, value: Any) -> Any:
        """Return `value` as it is written to files.

        Raises:
            GraphError: another type, out of range, or no choice of the list. The caller adds the node's name.
        """
        if self.type == "INT":
            self._require(isinstance(value, int) and not isinstance(value, bool), value, "a whole number")
            return self._in_range(value)
        if self.type == "FLOAT":
            self._require(isinstance(value, int | float) and not isinstance(value, bool), value, "a number")
            return float(self._in_range(value))
        if self.type == "BOOLEAN":
            self._require(isinstance(value, bool), value, "True or False")
            return value
        self._require(isinstance(value, str), value, "text")
        if self.type == "COMBO" and value not in self.options and not (self.files and Path(value).suffix):
            choices = ", ".join(repr(option) for option in self.options) or "no fixed choices"
            raise GraphError(f"is {value!r}, which is not among {choices}{' or a file name' * self.files}")
        return value

    def _require(self, holds: bool, value: Any, wanted: str) -> None:
        if not holds:
            raise GraphError(f"is {value!r} ({type(value).__name__}), but {self.type} needs {wanted}")

    def _in_range(self, value: float) -> float:
        if not math.isfinite(value):
            raise GraphError(f"is {value}, which is not a finite number")
        if self.min is not None and value < self.min:
            raise GraphError(f"is {value}, but the smallest allowed value is {self.min}")
        if self.max is not None and value > self.max:
            raise GraphError(f"is {value}, but the largest allowed value is {self.max}")
        return value


@dataclass(frozen=True)
class OutputDefinition:
    name: str
    type: str


@dataclass(frozen=True)
class NodeDefinition:
    """One node type of the host."""

    type: str
    """Class name in prompts, also called node id."""

    display_name: str
    pack: str
    """Registry id of the pack that brings it; `comfy-core` for the host's own."""

    pack_version: str
    is_output: bool
    inputs: tuple[InputDefinition, ...]
    outputs: tuple[OutputDefinition, ...]

    def input(self, name: str) -> InputDefinition:
        """The input of that name; GraphError if there is none."""
        by_name = {definition.name: definition for definition in self.inputs}
        if name not in by_name:
            raise GraphError(f"{self.type} has no input {name!r}; it has {', '.join(by_name)}")
        return by_name[name]


def parse(recorded: Mapping[str, Any]) -> dict[str, NodeDefinition]:
    """Turn the content of `node_defs.json` into definitions by node type."""
    return {
        name: NodeDefinition(
            type=name,
            display_name=node["display_name"],
            pack=node["pack"],
            pack_version=recorded["packs"][node["pack"]],
            is_output=node.get("is_output", False),
            inputs=tuple(
                InputDefinition(**entry | {"options": (*entry.get("options", ()),)}) for entry in node["inputs"]
            ),
            outputs=tuple(OutputDefinition(**entry) for entry in node["outputs"]),
        )
        for name, node in recorded["nodes"].items()
    }


@cache
def load() -> dict[str, NodeDefinition]:
    """The recorded definitions by node type, read once."""
    return parse(json.loads(PATH.read_text(encoding="utf-8")))

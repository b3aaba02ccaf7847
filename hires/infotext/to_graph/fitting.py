"""Nodes from values that come from outside: what a node would refuse is brought into its range and noted."""

from typing import Any

from ...graph import definitions
from ...graph.builder import Graph, Node, Output
from ...graph.definitions import InputDefinition
from ..markdown import as_code
from ..names import same_name


class FittingGraph:
    """Adds nodes to a graph, and keeps notes."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.notes: list[str] = []

    def note(self, line: str) -> None:
        """Keep a sentence for the reader, once."""
        if line not in self.notes:
            self.notes.append(line)

    def put(self, kind: str, /, title: str | None = None, **inputs: Any) -> Node:
        """Add a node; None takes the node's default."""
        fitting = {name: self.fitting(kind, name, value) for name, value in inputs.items()}
        given = {name: value for name, value in fitting.items() if value is not None}
        return self.graph.node(kind, title=title, **given)

    def fitting(self, kind: str, name: str, value: Any) -> Any:
        """The nearest number or the choice that this input of a node accepts; other values as they are."""
        entry = definitions.load()[kind].input(name)
        if value is None or isinstance(value, Output):
            return value
        if entry.type == "COMBO" and not entry.files:
            return self._choice(entry, value)
        return self._number(entry, value) if entry.type in ("INT", "FLOAT") else value

    def _choice(self, entry: InputDefinition, value: str) -> str:
        found = value if value in entry.options else same_name(value, entry.options)
        if found is None:
            self.note(
                f"*{entry.name}* is {as_code(value)} in the text, which is not known here; {entry.default} is set."
            )
        return found or entry.default

    def _number(self, entry: InputDefinition, value: float) -> float:
        fitting = value if entry.min is None else max(value, entry.min)
        fitting = fitting if entry.max is None else min(fitting, entry.max)
        if fitting != value:
            self.note(f"*{entry.name}* is {value} in the text; {fitting} is the nearest that works here.")
        return type(value)(fitting)

"""Nodes from values that come from outside: what a node would refuse is brought into its range and noted."""

from typing import Any

from ...graph import definitions
from ...graph.builder import Graph, Node, Output
from ...graph.definitions import InputDefinition
from ..markdown import as_code
from ..names import same_name


class FittingGraph(Graph):
    """A graph whose nodes take any value, with remarks on what was changed."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.remarks: list[str] = []

    def remark(self, line: str) -> None:
        """Keep a sentence for the reader, once."""
        if line not in self.remarks:
            self.remarks.append(line)

    def node(self, type_name: str, /, *, title: str | None = None, folded: bool = False, **inputs: Any) -> Node:
        """Add a node, see `Graph.node` and `fitting`."""
        fitting = {name: self.fitting(type_name, name, value) for name, value in inputs.items()}
        return super().node(type_name, title=title, folded=folded, **fitting)

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
            self.remark(
                f"*{entry.name}* is {as_code(value)} in the text, which is not known here; {entry.default} is set."
            )
        return found or entry.default

    def _number(self, entry: InputDefinition, value: float) -> float:
        fitting = value if entry.min is None else max(value, entry.min)
        fitting = fitting if entry.max is None else min(fitting, entry.max)
        if fitting != value:
            self.remark(f"*{entry.name}* is {value} in the text; {fitting} is the nearest that works here.")
        return type(value)(fitting)

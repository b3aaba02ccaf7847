"""Write a graph as an App of the editor: a form of some of its widgets in place of the graph, which lies behind it."""

from dataclasses import dataclass
from typing import Any

from .builder import Graph, GraphError, Node
from .to_ui import to_ui

TEXT_HEIGHT = 110
"""Of a prompt's field in the form, in pixels."""


@dataclass(frozen=True)
class Field:
    """A widget that the form shows, under its label."""

    node: Node
    widget: str
    hint: str = ""
    """A line below it, in editors that have a place for it."""


@dataclass(frozen=True)
class App:
    """A graph and its form."""

    graph: Graph

    form: tuple[Field, ...]
    """From top to bottom."""

    results: tuple[Node, ...]
    """The nodes whose pictures are shown."""


def whole_box(box: Node, hints: dict[str, str] | None = None) -> list[Field]:
    """Every field of a box, in its order. `hints`: by the names of fields."""
    return [
        Field(box, entry.name, (hints or {}).get(entry.name, "")) for entry in box.definition.inputs if entry.is_widget
    ]


def to_app(app: App) -> dict[str, Any]:
    """Return the JSON-ready workflow that opens as a form.

    Raises:
        GraphError: a field or result is not in the graph, or a field has no label.
    """
    nodes = [*app.graph.nodes]
    for field in app.form:
        if field.node not in nodes:
            raise GraphError(
                f"the form shows {field.widget} of {field.node.title!r}, which is not in {app.graph.name!r}"
            )
        if field.widget not in field.node.labels:
            raise GraphError(
                f"the form of {app.graph.name!r} shows {field.widget} of {field.node.title!r} without a label"
            )
    if not app.results or any(node not in nodes or not node.definition.is_output for node in app.results):
        raise GraphError(f"the form of {app.graph.name!r} needs nodes of its graph that show or save something")
    workflow = to_ui(app.graph)
    data = {"inputs": [_entry(field) for field in app.form], "outputs": [node.id for node in app.results]}
    workflow["extra"] |= {"linearMode": True, "linearData": data}
    return workflow


def _entry(field: Field) -> list[Any]:
    multiline = field.node.definition.input(field.widget).multiline
    config = ({"height": TEXT_HEIGHT} if multiline else {}) | ({"description": field.hint} if field.hint else {})
    return [field.node.id, field.widget, *([config] if config else [])]

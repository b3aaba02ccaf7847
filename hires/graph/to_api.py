"""Write a graph as the API format that `POST /prompt` takes."""

from collections.abc import Iterator, Mapping
from typing import Any

from .builder import FIRST_CHOICE, BoxInput, Graph, GraphError, Output


def to_api(graph: Graph) -> dict[str, Any]:
    """Return `{node id: {class_type, inputs, _meta}}`, JSON-ready.

    Every widget is listed, because the host fills in no defaults; notes are left out, because it knows none, and boxes
    are what is in them: node 3 of the box 7 is "7:3".

    Raises:
        GraphError: no node of the graph shows or saves anything, which the host refuses, the graph is a box, or a box
            in it starts with a file that only the reader knows.
    """
    if graph.box_inputs or graph.box_outputs:
        raise GraphError(f"{graph.name} is a box, which only the editor knows; use to_blueprint")
    if not any(node.definition.is_output for node in graph.nodes):
        raise GraphError(f"{graph.name} has no node that saves or previews; add SaveImage or PreviewImage")
    return dict(_entries(graph, "", {}))


def _entries(graph: Graph, box: str, given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The nodes of a graph; `box`: what its ids begin with, `given`: what enters it."""
    for node in graph.nodes:
        values = ((name, _in_box(value, box, given)) for name, value in node.inputs.items())
        inputs = {name: value for name, value in values if value is not None}
        if node.inside:
            fields = {entry.name: entry.start for entry in node.inside.box_inputs if entry.start is not None}
            yield from _entries(node.inside, f"{box}{node.id}:", fields | inputs)
        else:
            title = {"title": node.title}
            yield f"{box}{node.id}", {"class_type": node.definition.type, "inputs": inputs, "_meta": title}


def api_value(value: Any) -> Any:
    """An input of a graph that is no box, as the API format has it: links are `["id", output]`."""
    return _in_box(value, "", {})


def _in_box(value: Any, box: str, given: Mapping[str, Any]) -> Any:
    """An input of a node in a box; None for a socket of the box that is not linked."""
    if isinstance(value, BoxInput):
        value = given.get(value.name)
        if value is FIRST_CHOICE:
            raise GraphError(
                "a box starts with the first file that the reader has, which no file can name; give it one"
            )
        return value
    if not isinstance(value, Output):
        return value
    if value.node.inside:
        return _in_box(value.node.inside.box_outputs[value.index].source, f"{box}{value.node.id}:", {})
    return [f"{box}{value.node.id}", value.index]

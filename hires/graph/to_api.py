"""Write a graph as the API format that `POST /prompt` takes."""

from typing import Any

from .builder import Graph, GraphError, Output


def to_api(graph: Graph) -> dict[str, Any]:
    """Return `{node id: {class_type, inputs, _meta}}`, JSON-ready.

    Every widget is listed, because the host fills in no defaults; notes are left out, because it knows none.

    Raises:
        GraphError: no node of the graph shows or saves anything, which the host refuses, or the graph is a box.
    """
    if graph.box_inputs or graph.box_outputs:
        raise GraphError(f"{graph.name} is a box, which only the editor knows; use to_blueprint")
    if not any(node.definition.is_output for node in graph.nodes):
        raise GraphError(f"{graph.name} has no node that saves or previews; add SaveImage or PreviewImage")
    return {
        str(node.id): {
            "class_type": node.definition.type,
            "inputs": {name: api_value(value) for name, value in node.inputs.items()},
            "_meta": {"title": node.title},
        }
        for node in graph.nodes
    }


def api_value(value: Any) -> Any:
    """An input as the API format has it: links are `["id", output]`."""
    return [str(value.node.id), value.index] if isinstance(value, Output) else value

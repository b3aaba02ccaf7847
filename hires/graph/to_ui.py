"""Write a graph as the editor's workflow format, version 0.4."""

from dataclasses import astuple
from typing import Any

from .builder import Graph, GraphError, identity
from .drawing import Drawing, draw
from .layout import Layout
from .subgraph import subgraph

READABLE = 0.6
"""Zoom below which the editor leaves texts out."""

FORMAT_VERSION = 0.4

WINDOW = (1700, 950)
"""Size in screen pixels of the window in which the saved view shows the whole workflow."""

WINDOW_LEFT, WINDOW_TOP, WINDOW_RIGHT, WINDOW_BOTTOM = 80, 100, 30, 70
"""Screen pixels that the editor's own bars and a margin take at each side."""


def to_ui(graph: Graph) -> dict[str, Any]:
    """Return the JSON-ready workflow; the same graph always gives the same result.

    Raises:
        GraphError: the graph is a box.
    """
    if graph.box_inputs or graph.box_outputs:
        raise GraphError(f"{graph.name} is a box; use to_blueprint")
    drawing = draw(graph)
    boxes = {node.definition.type: subgraph(node.inside) for node in graph.nodes if node.inside}
    return {
        "id": identity(graph.name),
        "revision": 0,
        "last_node_id": len(graph.items),
        "last_link_id": len(drawing.links),
        "nodes": drawing.nodes,
        "links": [list(astuple(link)[:6]) for link in drawing.links],
        "groups": drawing.groups,
        **({"definitions": {"subgraphs": [*boxes.values()]}} if boxes else {}),
        "config": {},
        "extra": {"ds": _view(drawing.placed), **_corners(drawing)},
        "version": FORMAT_VERSION,
    }


def _corners(drawing: Drawing) -> dict[str, Any]:
    """Where links turn, as this version of the format has it."""
    if not drawing.corners:
        return {}
    last = [{"id": link.id, "parentId": link.corner} for link in drawing.links if link.corner is not None]
    return {"reroutes": drawing.corners, "linkExtensions": last}


def _view(placed: Layout) -> dict[str, Any]:
    """Zoom and offset that show the whole workflow when it is opened, or its start where that would be unreadable."""
    width, height = placed.size
    fitting = min(
        1.0, (WINDOW[0] - WINDOW_LEFT - WINDOW_RIGHT) / width, (WINDOW[1] - WINDOW_TOP - WINDOW_BOTTOM) / height
    )
    scale = max(READABLE, fitting)
    # the editor adds the offset before it scales
    return {"scale": round(scale, 2), "offset": [round(WINDOW_LEFT / scale), round(WINDOW_TOP / scale)]}

"""Write a graph as one box of the editor: a file of `subgraphs/`, a workflow whose only node is a subgraph."""

from dataclasses import dataclass
from typing import Any

from .builder import Graph, identity
from .drawing import draw_box
from .subgraph import subgraph
from .to_ui import FORMAT_VERSION


@dataclass(frozen=True)
class Blueprint:
    """A box and what the editor says about it."""

    graph: Graph
    """Its inside; the graph's name is the name of the box and of its file."""

    category: str
    """Folder in the node library, inside the editor's folder of blueprints."""

    description: str
    aliases: tuple[str, ...]
    """Other words that find it."""


def to_blueprint(blueprint: Blueprint) -> dict[str, Any]:
    """Return the JSON-ready file; the same box always gives the same result.

    Raises:
        GraphError: a box input feeds nothing, or the box has no output.
    """
    graph = blueprint.graph
    definition = subgraph(graph, category=blueprint.category, description=blueprint.description)
    number = len(graph.items) + 1
    return {
        "id": identity(f"{graph.name}/file"),
        "revision": 0,
        "last_node_id": number,
        "last_link_id": 0,
        "nodes": [draw_box(graph, number)],
        "links": [],
        "groups": [],
        "definitions": {"subgraphs": [definition]},
        "config": {},
        "extra": {"BlueprintSearchAliases": list(blueprint.aliases)},
        "version": FORMAT_VERSION,
    }

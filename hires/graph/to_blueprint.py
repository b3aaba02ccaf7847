"""Write a graph as one box of the editor: a file of `subgraphs/`, a workflow whose only node is a subgraph."""

import uuid
from dataclasses import dataclass
from typing import Any

from .builder import Graph, GraphError
from .drawing import END_GAP, END_MARGIN, END_ROW, END_WIDTH, ENTRANCE, EXIT, Drawing, Link, draw
from .layout import FLAT_WIDGET_ROW, PADDING, SAMPLING, SLOT_ROW, TEXT_FIELD, TEXT_WIDTH, TITLE_BAR
from .to_ui import FORMAT_VERSION, NAMESPACE

PREVIEW = "$$canvas-image-preview"
"""The editor's name for the picture on a node."""


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
    if not graph.box_outputs:
        raise GraphError(f"the box {graph.name!r} gives nothing; call box_output()")
    for entry in graph.box_inputs:
        if not graph.fed_by(entry):
            raise GraphError(f"the box {graph.name!r} has an input {entry.name!r} that feeds nothing")
    definition = _definition(blueprint, draw(graph))
    return {
        "id": _identity(graph, "file"),
        "revision": 0,
        "last_node_id": len(graph.items) + 1,
        "last_link_id": 0,
        "nodes": [_host_node(graph, definition["id"])],
        "links": [],
        "groups": [],
        "definitions": {"subgraphs": [definition]},
        "config": {},
        "extra": {"BlueprintSearchAliases": list(blueprint.aliases)},
        "version": FORMAT_VERSION,
    }


def _identity(graph: Graph, part: str) -> str:
    return str(uuid.uuid5(NAMESPACE, f"{graph.name}/{part}"))


def _definition(blueprint: Blueprint, drawing: Drawing) -> dict[str, Any]:
    graph = blueprint.graph
    width, _ = drawing.placed.size
    left, right = -END_GAP - END_WIDTH, width + END_GAP
    return {
        "id": _identity(graph, "inside"),
        "version": 1,
        "state": {
            "lastGroupId": len(drawing.groups),
            "lastNodeId": len(graph.items),
            "lastLinkId": len(drawing.links),
            "lastRerouteId": len(drawing.corners),
        },
        "revision": 0,
        "config": {},
        "name": graph.name,
        "inputNode": _end(ENTRANCE, left, len(graph.box_inputs)),
        "outputNode": _end(EXIT, right, len(graph.box_outputs)),
        "inputs": [
            {
                "id": _identity(graph, f"input {entry.name}"),
                "name": entry.name,
                "type": graph.fed_by(entry)[0].type,
                "label": entry.label,
                "linkIds": [link.id for link in drawing.links if (link.source, link.source_slot) == (ENTRANCE, slot)],
                "pos": [left + END_WIDTH - END_MARGIN, END_MARGIN + slot * END_ROW],
            }
            for slot, entry in enumerate(graph.box_inputs)
        ],
        "outputs": [
            {
                "id": _identity(graph, f"output {output.name}"),
                "name": output.name,
                "type": output.source.type,
                "linkIds": [link.id for link in drawing.links if (link.target, link.target_slot) == (EXIT, slot)],
                "pos": [right + END_MARGIN, END_MARGIN + slot * END_ROW],
            }
            for slot, output in enumerate(graph.box_outputs)
        ],
        "widgets": [],
        "nodes": drawing.nodes,
        "groups": drawing.groups,
        "links": [_link(link) for link in drawing.links],
        "reroutes": drawing.corners,
        "extra": {},
        "category": blueprint.category,
        "description": blueprint.description,
    }


def _end(number: int, left: int, rows: int) -> dict[str, Any]:
    # one row is always free, for a link that is drawn by hand
    return {"id": number, "bounding": [left, 0, END_WIDTH, (rows + 1) * END_ROW + 2 * END_MARGIN]}


def _link(link: Link) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": link.id,
        "origin_id": link.source,
        "origin_slot": link.source_slot,
        "target_id": link.target,
        "target_slot": link.target_slot,
        "type": link.type,
    }
    if link.corner is not None:
        entry["parentId"] = link.corner
    return entry


def _previews(graph: Graph) -> list[dict[str, str]]:
    """Latent previews from inside that the box shows, too; the editor does so in Nodes 2.0 only."""
    shown = [node.id for node in graph.nodes if node.definition.type in SAMPLING]
    return [
        {
            "name": PREVIEW if not number else f"{PREVIEW}_{number}",
            "sourceNodeId": str(node_id),
            "sourcePreviewName": PREVIEW,
        }
        for number, node_id in enumerate(shown)
    ]


def _host_node(graph: Graph, definition: str) -> dict[str, Any]:
    """The box itself. It has no values of its own yet: the editor takes those of the nodes inside."""
    inputs, fields, texts = [], 0, 0
    for entry in graph.box_inputs:
        fed = graph.fed_by(entry)[0]
        slot: dict[str, Any] = {"name": entry.name, "type": fed.type, "label": entry.label}
        if fed.is_widget:
            slot["widget"] = {"name": entry.name}
            fields, texts = fields + (not fed.multiline), texts + fed.multiline
        inputs.append({**slot, "link": None})
    slots = max(len(inputs) - fields - texts, len(graph.box_outputs))
    return {
        "id": len(graph.items) + 1,
        "type": definition,
        "pos": [0, TITLE_BAR],
        "size": [TEXT_WIDTH, slots * SLOT_ROW + fields * FLAT_WIDGET_ROW + texts * TEXT_FIELD + PADDING],
        "flags": {},
        "order": 0,
        "mode": 0,
        "inputs": inputs,
        "outputs": [{"name": output.name, "type": output.source.type, "links": None} for output in graph.box_outputs],
        "title": graph.name,
        "properties": {"previewExposures": _previews(graph)},
    }

"""What the editor stores of the inside of a box: its definition in a file, which every node of that box points to."""

from typing import Any

from .builder import Graph, identity
from .drawing import END_GAP, END_MARGIN, END_ROW, END_WIDTH, ENTRANCE, EXIT, Link, draw


def subgraph(graph: Graph, **about: str) -> dict[str, Any]:
    """Return the JSON-ready definition. `about`: further words on it, such as its "description".

    Raises:
        GraphError: a box input feeds nothing, or the box has no output.
    """
    node, drawing = graph.as_node(), draw(graph)
    width, _ = drawing.placed.size
    left, right = -END_GAP - END_WIDTH, width + END_GAP
    return {
        "id": node.type,
        "version": 1,
        "state": {
            "lastGroupId": len(drawing.groups),
            "lastNodeId": max(item.id for item in graph.items),
            "lastLinkId": max(link.id for link in drawing.links),
            "lastRerouteId": len(drawing.corners),
        },
        "revision": 0,
        "config": {},
        "name": graph.name,
        "inputNode": _end(ENTRANCE, left, len(graph.box_inputs)),
        "outputNode": _end(EXIT, right, len(graph.box_outputs)),
        "inputs": [
            {
                "id": identity(f"{graph.name}/input {entry.name}"),
                "name": entry.name,
                "type": shown.type,
                "label": entry.label,
                "linkIds": [link.id for link in drawing.links if (link.source, link.source_slot) == (ENTRANCE, slot)],
                "pos": [left + END_WIDTH - END_MARGIN, END_MARGIN + slot * END_ROW],
            }
            for slot, (entry, shown) in enumerate(zip(graph.box_inputs, node.inputs, strict=True))
        ],
        "outputs": [
            {
                "id": identity(f"{graph.name}/output {output.name}"),
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
        **about,
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

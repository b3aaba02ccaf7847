"""Write a graph as the editor's workflow format, version 0.4."""

import uuid
from typing import Any

from .definitions import InputDefinition
from .graph import Graph, Node, Note, Output
from .layout import Box, Layout, layout

READABLE = 0.6
"""Zoom below which the editor leaves texts out."""

FORMAT_VERSION = 0.4

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "hires-fix/workflows")

OPTIONAL_SOCKET = 7
"""The editor's number for the hollow socket of an optional input."""

GROUP_COLOR = "#3f789e"
NOTE_COLORS = {"color": "#432", "bgcolor": "#653"}
"""The editor's own palette: its default group, its yellow nodes."""

WINDOW = (1700, 950)
"""Size in screen pixels of the window in which the saved view shows the whole workflow."""

WINDOW_LEFT, WINDOW_TOP, WINDOW_RIGHT, WINDOW_BOTTOM = 80, 100, 30, 70
"""Screen pixels that the editor's own bars and a margin take at each side."""

Link = tuple[int, int, int, int, int, str]
"""Link id, from node, from slot, to node, to slot, type."""


def to_ui(graph: Graph) -> dict[str, Any]:
    """Return the JSON-ready workflow; the same graph always gives the same result."""
    placed = layout(graph)
    links = _links(graph)
    nodes = [
        _node(item, order, placed.items[item.id], links)
        if isinstance(item, Node)
        else _note(item, order, placed.items[item.id])
        for order, item in enumerate(graph.items)
    ]
    return {
        "id": str(uuid.uuid5(NAMESPACE, graph.name)),
        "revision": 0,
        "last_node_id": len(graph.items),
        "last_link_id": len(links),
        "nodes": nodes,
        "links": [list(link) for link in links],
        "groups": [
            {
                "id": number,
                "title": stage.name,
                "bounding": [box.x, box.y, box.width, box.height],
                "color": GROUP_COLOR,
                "font_size": 24,
                "flags": {},
            }
            for number, (stage, box) in enumerate(placed.groups.items(), start=1)
        ],
        "config": {},
        "extra": {"ds": _view(placed)},
        "version": FORMAT_VERSION,
    }


def input_slots(node: Node) -> list[InputDefinition]:
    """The inputs that have a socket in the file, in the editor's order: plain sockets, then linked widgets."""
    sockets = [entry for entry in node.definition.inputs if not entry.is_widget]
    widgets = [entry for entry in node.definition.inputs if entry.is_widget]
    return sockets + [entry for entry in widgets if isinstance(node.inputs.get(entry.name), Output)]


def _links(graph: Graph) -> list[Link]:
    links: list[Link] = []
    for node in graph.nodes:
        for slot, entry in enumerate(input_slots(node)):
            source = node.inputs.get(entry.name)
            if isinstance(source, Output):
                links.append((len(links) + 1, source.node.id, source.index, node.id, slot, source.type))
    return links


def _node(node: Node, order: int, box: Box, links: list[Link]) -> dict[str, Any]:
    definition = node.definition
    entry: dict[str, Any] = {
        "id": node.id,
        "type": definition.type,
        "pos": [box.x, box.y],
        "size": [box.width, box.height],
        "flags": {},
        "order": order,
        "mode": 0,
        "inputs": [_input(node, slot, definition, links) for slot, definition in enumerate(input_slots(node))],
        "outputs": [
            {
                "name": output.name,
                "type": output.type,
                "slot_index": index,
                "links": [link[0] for link in links if link[1:3] == (node.id, index)] or None,
            }
            for index, output in enumerate(definition.outputs)
        ],
        "properties": {
            "Node name for S&R": definition.type,
            "cnr_id": definition.pack,
            "ver": definition.pack_version,
        },
        "widgets_values": _widget_values(node),
    }
    # an unchanged title is left out, so that the editor shows it in the reader's language
    if node.title != definition.display_name:
        entry["title"] = node.title
    return entry


def _input(node: Node, slot: int, definition: InputDefinition, links: list[Link]) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": definition.name, "type": definition.type}
    if definition.optional:
        entry["shape"] = OPTIONAL_SOCKET
    if definition.is_widget:
        entry["widget"] = {"name": definition.name}
    entry["link"] = next((link[0] for link in links if link[3:5] == (node.id, slot)), None)
    return entry


def _widget_values(node: Node) -> list[Any]:
    """Values by position, as the editor stores them: its own extra widgets take a place, linked widgets keep theirs."""
    values: list[Any] = []
    for entry in node.definition.inputs:
        if not entry.is_widget:
            continue
        value = node.inputs.get(entry.name)
        values.append(_shown(value, entry) if isinstance(value, Output) else value)
        if entry.companion is not None:
            values.append(entry.companion)
    return values


def _shown(source: Output, entry: InputDefinition) -> Any:
    """What a linked widget shows: the value it will get where that is known, as from an Int node, else its default."""
    inputs = source.node.definition.inputs
    if len(inputs) == 1 and inputs[0].type == entry.type and not isinstance(source.node.inputs[inputs[0].name], Output):
        return source.node.inputs[inputs[0].name]
    return entry.default


def _note(note: Note, order: int, box: Box) -> dict[str, Any]:
    return {
        "id": note.id,
        "type": "MarkdownNote",
        "pos": [box.x, box.y],
        "size": [box.width, box.height],
        "flags": {},
        "order": order,
        "mode": 0,
        "inputs": [],
        "outputs": [],
        "title": note.title,
        "properties": {},
        "widgets_values": [note.text],
        **NOTE_COLORS,
    }


def _view(placed: Layout) -> dict[str, Any]:
    """Zoom and offset that show the whole workflow when it is opened, or its start where that would be unreadable."""
    width, height = placed.size
    fitting = min(
        1.0,
        (WINDOW[0] - WINDOW_LEFT - WINDOW_RIGHT) / width,
        (WINDOW[1] - WINDOW_TOP - WINDOW_BOTTOM) / height,
    )
    scale = max(READABLE, fitting)
    # the editor adds the offset before it scales
    return {"scale": round(scale, 2), "offset": [round(WINDOW_LEFT / scale), round(WINDOW_TOP / scale)]}

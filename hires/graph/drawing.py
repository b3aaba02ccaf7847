"""What a graph looks like in the files of the editor: nodes, links and groups, of a workflow or the inside of a box."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Any

from .builder import FIRST_CHOICE, BoxInput, Graph, Node, Note, Output
from .definitions import UPLOAD, InputDefinition
from .layout import Box, Layout, layout
from .models import PUBLIC_MODELS

OPTIONAL_SOCKET = 7
"""The editor's number for the hollow socket of an optional input."""

GROUP_COLOR = "#3f789e"
NOTE_COLORS = {"color": "#432", "bgcolor": "#653"}
"""The editor's own palette: its default group, its yellow nodes."""

ENTRANCE, EXIT = -10, -20
"""The editor's numbers for the two ends of a box, from which and to which links run as between nodes."""


@dataclass(frozen=True)
class Link:
    """A line between two sockets, by the ids of their nodes, `ENTRANCE` and `EXIT`."""

    id: int
    source: int
    source_slot: int
    target: int
    target_slot: int
    type: str


@dataclass(frozen=True)
class Drawing:
    """The parts that all files share, JSON-ready."""

    nodes: list[dict[str, Any]]
    groups: list[dict[str, Any]]
    links: list[Link]
    placed: Layout


def draw(graph: Graph) -> Drawing:
    """Place and describe everything in a graph; the same graph always gives the same result."""
    placed = layout(graph)
    links = _links(graph)
    ends = _Ends(links)
    nodes = [
        _node(item, order, placed.items[item.id], ends)
        if isinstance(item, Node)
        else _note(item, order, placed.items[item.id])
        for order, item in enumerate(graph.items)
    ]
    groups = [
        {"id": number, "title": stage.name, "bounding": list(astuple(box)), "color": GROUP_COLOR}
        | {"font_size": 24, "flags": {}}
        for number, (stage, box) in enumerate(placed.groups.items(), start=1)
    ]
    return Drawing(nodes, groups, links, placed)


def frame(number: int, kind: str, box: Box, order: int) -> dict[str, Any]:
    """What the editor stores of everything it draws, in its order."""
    place = {"pos": [box.x, box.y], "size": [box.width, box.height]}
    return {"id": number, "type": kind, **place, "flags": {}, "order": order, "mode": 0}


def input_slots(node: Node) -> list[InputDefinition]:
    """The inputs that have a socket in the file, in the editor's order: plain sockets, then linked widgets."""
    sockets = [entry for entry in node.definition.inputs if not entry.is_widget]
    widgets = [entry for entry in node.definition.inputs if entry.is_widget]
    return sockets + [entry for entry in widgets if isinstance(node.inputs.get(entry.name), Output | BoxInput)]


class _Ends:
    """Which links end at a socket, by its node's id and its place."""

    def __init__(self, links: Iterable[Link]) -> None:
        self.leaving: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        self.entering: dict[tuple[int, int], int] = {}
        for link in links:
            self.leaving[link.source, link.source_slot].append(link.id)
            self.entering[link.target, link.target_slot] = link.id


def _links(graph: Graph) -> list[Link]:
    links: list[Link] = []
    for node in graph.nodes:
        for slot, entry in enumerate(input_slots(node)):
            source = node.inputs.get(entry.name)
            if isinstance(source, Output):
                links.append(Link(len(links) + 1, source.node.id, source.index, node.id, slot, source.type))
            elif isinstance(source, BoxInput):
                index = graph.box_inputs.index(source)
                links.append(Link(len(links) + 1, ENTRANCE, index, node.id, slot, entry.type))
    for slot, output in enumerate(graph.box_outputs):
        source = output.source
        links.append(Link(len(links) + 1, source.node.id, source.index, EXIT, slot, source.type))
    return links


def _node(node: Node, order: int, box: Box, ends: _Ends) -> dict[str, Any]:
    definition = node.definition
    entry: dict[str, Any] = {
        **frame(node.id, definition.type, box, order),
        "inputs": [_input(node, slot, definition, ends) for slot, definition in enumerate(input_slots(node))],
        "outputs": [
            {"name": output.name, "type": output.type, "slot_index": index, "links": ends.leaving.get((node.id, index))}
            for index, output in enumerate(definition.outputs)
        ],
        "properties": {"Node name for S&R": definition.type, "cnr_id": definition.pack, "ver": definition.pack_version},
        "widgets_values": _widget_values(node),
    }
    if models := _models(node):
        entry["properties"]["models"] = models
    # an unchanged title is left out, so that the editor shows it in the reader's language
    if node.title != definition.display_name:
        entry["title"] = node.title
    return entry


def _models(node: Node) -> list[dict[str, str]]:
    """The public files that the node loads, as the editor wants to know them."""
    values = (_shown(node.inputs.get(entry.name), entry) for entry in node.definition.inputs if entry.files)
    return [PUBLIC_MODELS[value].listed() for value in values if value in PUBLIC_MODELS]


def _input(node: Node, slot: int, definition: InputDefinition, ends: _Ends) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": definition.name, "type": definition.type}
    if definition.optional:
        entry["shape"] = OPTIONAL_SOCKET
    if definition.is_widget:
        entry["widget"] = {"name": definition.name}
    entry["link"] = ends.entering.get((node.id, slot))
    return entry


def _widget_values(node: Node) -> list[Any]:
    """Values by position, as the editor stores them: its own extra widgets take a place, linked widgets keep theirs.

    The editor fills in what is missing at the end, and a list of files is the only or last widget of its node.
    """
    values: list[Any] = []
    buttons: list[Any] = []
    for entry in node.definition.inputs:
        if not entry.is_widget:
            continue
        values.append(_shown(node.inputs.get(entry.name), entry))
        if entry.companion is not None:
            (buttons if entry.companion == UPLOAD else values).append(entry.companion)
    values += buttons
    while values and values[-1] is None:
        values.pop()
    return values


def _shown(value: Any, entry: InputDefinition) -> Any:
    """What a widget shows; a linked one the value it will get where that is known, as from an Int node."""
    if isinstance(value, BoxInput):
        return None if value.start is FIRST_CHOICE else entry.checked(value.start)
    if not isinstance(value, Output):
        return value
    inputs = value.node.definition.inputs
    if len(inputs) == 1 and inputs[0].type == entry.type:
        return _shown(value.node.inputs[inputs[0].name], inputs[0])
    return entry.default


def _note(note: Note, order: int, box: Box) -> dict[str, Any]:
    return {
        **frame(note.id, "MarkdownNote", box, order),
        "inputs": [],
        "outputs": [],
        "title": note.title,
        "properties": {},
        "widgets_values": [note.text],
        **NOTE_COLORS,
    }

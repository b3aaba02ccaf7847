"""What a graph looks like in the files of the editor: nodes, links and groups, of a workflow or the inside of a box."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, replace
from typing import Any

from .builder import FIRST_CHOICE, IDS_OF_BOX, BoxInput, Graph, Node, Note, Output, Place, Stage
from .definitions import UPLOAD, InputDefinition
from .layout import (
    FLAT_WIDGET_ROW,
    LIVE_PREVIEW,
    SAMPLING,
    SLOT_ROW,
    TEXT_FIELD,
    TITLE_BAR,
    Box,
    Layout,
    box_size,
    layout,
    slot_rows,
)
from .models import PUBLIC_MODELS
from .routes import BELOW, Columns, Corner, Way, route

OPTIONAL_SOCKET = 7
"""The editor's number for the hollow socket of an optional input."""

GROUP_COLOR = "#3f789e"
NOTE_COLORS = {"color": "#432", "bgcolor": "#322614"}
"""The editor's default group; its yellow nodes, darker, because Nodes 2.0 writes notes in grey."""

PREVIEW = "$$canvas-image-preview"
"""The editor's name for the picture on a node."""

ENTRANCE, EXIT = -10, -20
"""The editor's numbers for the two ends of a box, from which and to which links run as between nodes."""


END_WIDTH, END_GAP, END_ROW, END_MARGIN = 200, 120, 20, 20
"""Sizes of the two ends of an opened box, in canvas units: width, distance to the nodes, height of a row, frame."""


@dataclass(frozen=True)
class Link:
    """A line between two sockets, by the ids of their nodes, `ENTRANCE` and `EXIT`."""

    id: int
    source: int
    source_slot: int
    target: int
    target_slot: int
    type: str
    corner: int | None = None
    """Id of the last corner that it turns; None when it goes straight to its end."""


@dataclass(frozen=True)
class Drawing:
    """The parts that all files share, JSON-ready."""

    nodes: list[dict[str, Any]]
    groups: list[dict[str, Any]]
    links: list[Link]
    corners: list[dict[str, Any]]
    """Where links turn, JSON-ready: what the editor calls reroutes."""

    placed: Layout


def draw(graph: Graph) -> Drawing:
    """Place and describe everything in a graph; the same graph always gives the same result."""
    placed = layout(graph)
    corners, links = _turned(graph, placed)
    ends = _Ends(links)
    nodes = [
        _node(item, order, placed.items[item.id], ends)
        if isinstance(item, Node)
        else _note(item, order, placed.items[item.id])
        for order, item in enumerate(graph.items)
    ]
    groups = [
        {"id": number, "title": f"{number} {stage.name}", "bounding": list(astuple(box)), "color": GROUP_COLOR}
        | {"font_size": 24, "flags": {}}
        for number, (stage, box) in enumerate(placed.groups.items(), start=1)
    ]
    return Drawing(nodes, groups, links, [_corner(corner) for corner in corners], placed)


def _turned(graph: Graph, placed: Layout) -> tuple[list[Corner], list[Link]]:
    """Corners, and all links with their last one."""
    links = _links(graph)
    columns = Columns(_when_run(graph, placed))
    ways = [
        Way(
            link.id,
            (link.source, link.source_slot),
            -1 if link.source == ENTRANCE else columns.at(placed.items[link.source]),
            _output_height(placed, link),
            len(columns.sides) if link.target == EXIT else columns.at(placed.items[link.target]),
            _input_height(graph, placed, link),
        )
        for link in links
        # a panel has more fields than there are ways around its nodes
        if link.source != ENTRANCE or len(graph.box_inputs) <= BELOW
    ]
    corners, last = route(columns, ways)
    return corners, [replace(link, corner=last.get(link.id)) for link in links]


def _when_run(graph: Graph, placed: Layout) -> Iterator[Box]:
    """The places of all items as they are when those that sample show a picture."""
    for item in graph.items:
        box = placed.items[item.id]
        samples = isinstance(item, Node) and item.definition.type in SAMPLING
        yield replace(box, height=box.height + LIVE_PREVIEW * samples)


def _output_height(placed: Layout, link: Link) -> int:
    if link.source == ENTRANCE:
        return END_MARGIN + link.source_slot * END_ROW
    return placed.items[link.source].y + _row(link.source_slot)


def _input_height(graph: Graph, placed: Layout, link: Link) -> int:
    if link.target == EXIT:
        return END_MARGIN + link.target_slot * END_ROW
    top = placed.items[link.target].y
    node = next(node for node in graph.nodes if node.id == link.target)
    entry = input_slots(node)[link.target_slot]
    if not entry.is_widget:
        return top + _row(link.target_slot)
    above = [other for other in node.definition.inputs[: node.definition.inputs.index(entry)] if other.is_widget]
    fields = sum(TEXT_FIELD if other.multiline else FLAT_WIDGET_ROW for other in above)
    return top + slot_rows(node.definition) * SLOT_ROW + fields + FLAT_WIDGET_ROW // 2


def _row(slot: int) -> int:
    """How far below the upper edge of a node's body the middle of a socket lies."""
    return slot * SLOT_ROW + 14


def _corner(corner: Corner) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": corner.id, "pos": [corner.x, corner.y], "linkIds": list(corner.links)}
    if corner.parent is not None:
        entry["parentId"] = corner.parent
    return entry


def draw_box(inside: Graph, number: int) -> dict[str, Any]:
    """A box alone, linked to nothing."""
    definition = inside.as_node()
    labels = {entry.name: entry.label for entry in inside.box_inputs}
    node = Node(number, definition, inside.name, Place(Stage(inside.name), 0), labels=labels, inside=inside)
    return _box(node, inside, 0, Box(0, TITLE_BAR, *box_size(definition)), _Ends([]))


def frame(number: int, kind: str, box: Box, order: int) -> dict[str, Any]:
    """What the editor stores of everything it draws, in its order."""
    place = {"pos": [box.x, box.y], "size": [box.width, box.height]}
    return {"id": number, "type": kind, **place, "flags": {}, "order": order, "mode": 0}


def input_slots(node: Node) -> list[InputDefinition]:
    """The inputs that have a socket in the file, in the editor's order: plain sockets, then linked or labelled widgets.

    A box has all of them in its own order.
    """
    if node.inside:
        return [*node.definition.inputs]
    sockets = [entry for entry in node.definition.inputs if not entry.is_widget]
    widgets = [entry for entry in node.definition.inputs if entry.is_widget]
    linked = [entry for entry in widgets if isinstance(node.inputs.get(entry.name), Output | BoxInput)]
    return sockets + [entry for entry in widgets if entry in linked or entry.name in node.labels]


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
    # ids are unique in a file: those inside of the box 3 begin with 3001
    before = graph.items[0].id // IDS_OF_BOX * 10 * IDS_OF_BOX
    for node in graph.nodes:
        for slot, entry in enumerate(input_slots(node)):
            source = node.inputs.get(entry.name)
            if isinstance(source, Output):
                links.append(Link(before + len(links) + 1, source.node.id, source.index, node.id, slot, source.type))
            elif isinstance(source, BoxInput):
                index = graph.box_inputs.index(source)
                links.append(Link(before + len(links) + 1, ENTRANCE, index, node.id, slot, entry.type))
    for slot, output in enumerate(graph.box_outputs):
        source = output.source
        links.append(Link(before + len(links) + 1, source.node.id, source.index, EXIT, slot, source.type))
    return links


def _node(node: Node, order: int, box: Box, ends: _Ends) -> dict[str, Any]:
    definition = node.definition
    if node.inside:
        return _box(node, node.inside, order, box, ends)
    entry: dict[str, Any] = {
        **frame(node.id, definition.type, box, order),
        "inputs": [_input(node, slot, definition, ends) for slot, definition in enumerate(input_slots(node))],
        "outputs": [
            {
                "name": output.name,
                "type": node.out(index).type,
                "slot_index": index,
                "links": ends.leaving.get((node.id, index)),
            }
            for index, output in enumerate(definition.outputs)
        ],
        "properties": {"Node name for S&R": definition.type, "cnr_id": definition.pack, "ver": definition.pack_version},
        "widgets_values": _widget_values(node),
    }
    if node.folded:
        entry["flags"] = {"collapsed": True}
    if models := _models(node):
        entry["properties"]["models"] = models
    # an unchanged title is left out, so that the editor shows it in the reader's language
    if node.title != definition.display_name:
        entry["title"] = node.title
    return entry


def _box(node: Node, inside: Graph, order: int, box: Box, ends: _Ends) -> dict[str, Any]:
    """A box has no values of its own yet: the editor takes those of the nodes inside."""
    return {
        **frame(node.id, node.definition.type, box, order),
        "inputs": [_input(node, slot, entry, ends) for slot, entry in enumerate(node.definition.inputs)],
        "outputs": [
            {"name": output.name, "type": output.type, "links": ends.leaving.get((node.id, index))}
            for index, output in enumerate(node.definition.outputs)
        ],
        "title": node.title,
        "properties": {"previewExposures": _previews(inside)},
    }


def _previews(inside: Graph) -> list[dict[str, str]]:
    """Latent previews from inside that the box shows, too; the editor does so in Nodes 2.0 only."""
    shown = [node.id for node in inside.nodes if node.definition.type in SAMPLING]
    return [
        {
            "name": PREVIEW if not number else f"{PREVIEW}_{number}",
            "sourceNodeId": str(node_id),
            "sourcePreviewName": PREVIEW,
        }
        for number, node_id in enumerate(shown)
    ]


def _models(node: Node) -> list[dict[str, str]]:
    """The public files that the node loads, as the editor wants to know them."""
    values = (_shown(node.inputs.get(entry.name), entry) for entry in node.definition.inputs if entry.files)
    return [PUBLIC_MODELS[value].listed() for value in values if value in PUBLIC_MODELS]


def _input(node: Node, slot: int, definition: InputDefinition, ends: _Ends) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": definition.name, "type": definition.type}
    if definition.optional:
        entry["shape"] = OPTIONAL_SOCKET
    if definition.name in node.labels:
        entry["label"] = node.labels[definition.name]
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
            is_button = entry.companion == UPLOAD
            (buttons if is_button else values).append(entry.companion if is_button else node.control or entry.companion)
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

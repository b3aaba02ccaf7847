"""Where everything goes in the editor: stages from left to right, each in its own group, nothing overlapping.

All numbers are canvas units (pixels at 100 % zoom). A node's box is its body; its title bar lies above the box.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from .builder import Graph, Node, Note, Stage
from .definitions import UPLOAD, NodeDefinition

LARGEST = (1740, 820)
"""Width and height of all nodes together up to which the editor's template dialog shows a graph at 0.58 or more in a
window of 1366x657 pixels. It fits the nodes (title bars included, groups not) into three quarters of the window, and
below 0.571 the editor draws no text."""

TITLE_BAR = 30
"""Height of the title bar that the editor draws above a node's body."""

GROUP_TITLE = 40
"""Room for a group's own title."""

MARGIN = 15
"""Space between a group's border and its nodes."""

COLUMN_GAP = 46
"""Space between columns, in which links turn; as wide between two groups, their margins included."""

ROW_GAP = 26
"""Space between a node's lower edge and the next title bar, through which links run."""

SLOT_ROW = 20
WIDGET_ROW = 28
TEXT_FIELD = 78
PADDING = 14
"""Heights of the parts of a node; the last is what is below and above them."""

BADGE, UNFOLD = 24, 24
"""Heights, in Nodes 2.0 alone, of the pack's line of text and of the button that shows advanced widgets."""

FLAT_WIDGET_ROW = 24
"""Height of a widget in the classic renderer, which shows advanced ones, and gives companions a row of their own."""

NODE_WIDTH, WIDEST = 240, 245
TEXT_WIDTH = 270

LETTER = 6
ARROWS = 60
"""Width of a letter in a widget, and of what is left and right of its name and value."""

PICTURE = 220
RESULT = 220
COMPARED = 240
"""Heights of a picture on the way, of the result, and of two with a slider between them."""

SAMPLING = ("HiresFixBaseSampling", "HiresFixSecondSampling", "HiresFixMultiStageUpscale")
"""Nodes that show a picture when they sample: the editor makes them longer then, so that they stand lowest."""

LIVE_PREVIEW = 190
"""How much longer: no link runs there, either."""

NOTE_LINE = 21
NOTE_LINE_CHARACTERS = 38
"""Height of a line of a note, and how many letters surely fit in it at `TEXT_WIDTH`."""


@dataclass(frozen=True)
class Box:
    """A rectangle, y growing downwards."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Layout:
    """The places of everything in a graph."""

    items: dict[int, Box]
    """Body of each node and note by id, without its title bar; those of a column have one left and one width."""

    groups: dict[Stage, Box]
    """Frame of each stage, in order; every item of the stage lies inside, title bar included."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of all items with their title bars, which start at (0, 0)."""
        boxes = self.items.values()
        return max(box.x + box.width for box in boxes), max(box.y + box.height for box in boxes)


def _picture_height(definition: NodeDefinition) -> int:
    """Height of the picture that the editor draws at the bottom of the node; 0 when it draws none."""
    if definition.type == "HiresFixCompare":
        return COMPARED
    if definition.type in ("SaveImage", "HiresFixSaveImage"):
        return RESULT
    loads = any(entry.companion == UPLOAD for entry in definition.inputs)
    shows = definition.is_output and any(entry.accepts("IMAGE") for entry in definition.inputs)
    return PICTURE if loads or shows else 0


def item_size(item: Node | Note) -> tuple[int, int]:
    """Width and height that the editor needs to show all of a node or note."""
    if isinstance(item, Note):
        lines = sum(1 + len(line) // NOTE_LINE_CHARACTERS for line in item.text.splitlines())
        return TEXT_WIDTH, lines * NOTE_LINE + PADDING
    if item.folded:
        return NODE_WIDTH, 0
    if item.inside:
        return box_size(item.definition)
    return max(_width(item.definition), _names_width(item)), _height(item.definition)


def _height(definition: NodeDefinition, is_box: bool = False) -> int:
    widgets = [entry for entry in definition.inputs if entry.is_widget]
    fields = sum(entry.multiline for entry in widgets)
    rows = len(widgets) - fields
    companions = sum(entry.companion is not None for entry in widgets)
    advanced = sum(entry.advanced for entry in widgets)
    modern = (rows - advanced) * WIDGET_ROW + bool(advanced) * UNFOLD
    if is_box or definition.type.startswith("HiresFix"):
        modern += BADGE
    widget_rows = max(modern, (rows + companions) * FLAT_WIDGET_ROW)
    return slot_rows(definition) * SLOT_ROW + widget_rows + fields * TEXT_FIELD + PADDING + _picture_height(definition)


def box_size(box: NodeDefinition) -> tuple[int, int]:
    """Width and height of a box with all its fields."""
    return _width(box), _height(box, is_box=True)


def _width(definition: NodeDefinition) -> int:
    return TEXT_WIDTH if any(entry.multiline for entry in definition.inputs) else NODE_WIDTH


def slot_rows(definition: NodeDefinition) -> int:
    """How many rows of sockets stand above the widgets of a node."""
    return max(sum(not entry.is_widget for entry in definition.inputs), len(definition.outputs))


def _names_width(node: Node) -> int:
    """Width at which no name of a widget is cut off beside its text, such as a long file name."""
    lines = [entry.name for entry in node.definition.inputs if entry.is_widget and not entry.multiline]
    texts = [name + text for name in lines if isinstance(text := node.inputs.get(name), str)]
    return min(max(map(len, texts), default=0) * LETTER + ARROWS, WIDEST)


def _columns(graph: Graph, stage: Stage) -> Iterator[list[Node | Note]]:
    """The stacks of a stage from left to right; what would be too high goes on in another column."""
    mine = [item for item in graph.items if item.place.stage == stage]
    for column in sorted({item.place.column for item in mine}):
        stack: list[Node | Note] = []
        bottom = 0
        for item in (item for item in mine if item.place.column == column):
            height = TITLE_BAR + item_size(item)[1]
            if stack and bottom + height > LARGEST[1]:
                yield stack
                stack, bottom = [], 0
            stack.append(item)
            bottom += height + ROW_GAP
        yield stack


def layout(graph: Graph) -> Layout:
    """Place every item: one group a stage, one stack a column, all groups of equal height."""
    items: dict[int, Box] = {}
    spans: dict[Stage, tuple[int, int]] = {}
    x, tallest = 0, 0
    for stage in graph.stages:
        left = x
        for stack in _columns(graph, stage):
            width = max(item_size(item)[0] for item in stack)
            y = 0
            for item in stack:
                height = item_size(item)[1]
                items[item.id] = Box(x, y + TITLE_BAR, width, height)
                y += TITLE_BAR + height + ROW_GAP
            tallest = max(tallest, y - ROW_GAP)
            x += width + COLUMN_GAP
        spans[stage] = (left - MARGIN, x - COLUMN_GAP + MARGIN)
    top = -MARGIN - GROUP_TITLE
    height = tallest + MARGIN - top
    return Layout(items, {stage: Box(left, top, right - left, height) for stage, (left, right) in spans.items()})

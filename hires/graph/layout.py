"""Where everything goes in the editor: stages from left to right, each in its own group, nothing overlapping.

All numbers are canvas units (pixels at 100 % zoom). A node's box is its body; its title bar lies above the box.
"""

from dataclasses import dataclass

from .builder import Graph, Node, Note, Stage
from .definitions import UPLOAD, NodeDefinition

TITLE_BAR = 30
"""Height of the title bar that the editor draws above a node's body."""

GROUP_TITLE = 50
"""Room for a group's own title."""

MARGIN = 20
"""Space between a group's border and its nodes."""

COLUMN_GAP = 40
"""Space between columns, wide enough to see where links turn."""

ROW_GAP = 30
"""Space between a node's lower edge and the next title bar."""

GROUP_GAP = 40
"""Space between groups."""

SLOT_ROW = 24
WIDGET_ROW = 34
TEXT_FIELD = 120
PADDING = 32
"""Heights of the parts of a node, in the taller of the editor's two renderers; the last holds the pack's badge."""

FLAT_WIDGET_ROW = 24
"""Height of a widget in the classic renderer, the only one that gives companion widgets a row of their own."""

NODE_WIDTH = 300
TEXT_WIDTH = 400

LETTER = 7
ARROWS = 60
"""Width of a letter in a widget, and of what is left and right of its name and value."""

PICTURE = 340
RESULT = 480
"""Sides of the square that shows a picture: on the way, and at the end."""

LIVE_PREVIEW = 220
SAMPLING = ("HiresFixBaseSampling", "HiresFixSecondSampling", "HiresFixMultiStageUpscale")
"""Height of the picture that the editor shows in a node that samples, as long as it does, and those nodes."""

NOTE_LINE = 22
NOTE_LINE_CHARACTERS = 66
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
    """Body of each node and note by id, without its title bar."""

    groups: dict[Stage, Box]
    """Frame of each stage, in order; every item of the stage lies inside, title bar included."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the whole picture, which starts at (0, 0)."""
        frames = self.groups.values()
        return max(box.x + box.width for box in frames), max(box.y + box.height for box in frames)


def _picture_side(definition: NodeDefinition) -> int:
    """Side of the picture that the editor draws at the bottom of the node; 0 when it draws none."""
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
    if item.inside:
        return box_size(item.definition)
    inputs = item.definition.inputs
    widgets = [entry for entry in inputs if entry.is_widget]
    fields = sum(entry.multiline for entry in widgets)
    rows = len(widgets) - fields
    companions = sum(entry.companion is not None for entry in widgets)
    slots = max(len(inputs) - len(widgets), len(item.definition.outputs))
    widget_rows = max(rows * WIDGET_ROW, (rows + companions) * FLAT_WIDGET_ROW)
    height = slots * SLOT_ROW + widget_rows + fields * TEXT_FIELD + PADDING
    if item.definition.type in SAMPLING:
        height += LIVE_PREVIEW
    if side := _picture_side(item.definition):
        return side, height + side
    return max(TEXT_WIDTH if fields else NODE_WIDTH, _names_width(item)), height


def box_size(box: NodeDefinition) -> tuple[int, int]:
    """Width and height of a box with all its fields, in the classic renderer; the other gives it what it needs."""
    fields = [entry for entry in box.inputs if entry.is_widget]
    texts = sum(entry.multiline for entry in fields)
    slots = max(len(box.inputs) - len(fields), len(box.outputs))
    return TEXT_WIDTH, slots * SLOT_ROW + (len(fields) - texts) * FLAT_WIDGET_ROW + texts * TEXT_FIELD + PADDING


def _names_width(node: Node) -> int:
    """Width at which no name of a widget is cut off beside its text, such as a long file name."""
    lines = [entry.name for entry in node.definition.inputs if entry.is_widget and not entry.multiline]
    texts = [name + text for name in lines if isinstance(text := node.inputs.get(name), str)]
    return max(map(len, texts), default=0) * LETTER + ARROWS


def layout(graph: Graph) -> Layout:
    """Place every item: one group a stage, one stack a column, all groups of equal height."""
    items: dict[int, Box] = {}
    spans: dict[Stage, tuple[int, int]] = {}
    x, tallest = 0, 0
    for stage in graph.stages:
        left = x
        x += MARGIN
        mine = [item for item in graph.items if item.place.stage == stage]
        for column in sorted({item.place.column for item in mine}):
            stack = [item for item in mine if item.place.column == column]
            width = max(item_size(item)[0] for item in stack)
            y = GROUP_TITLE + MARGIN
            for item in stack:
                height = item_size(item)[1]
                items[item.id] = Box(x, y + TITLE_BAR, width, height)
                y += TITLE_BAR + height + ROW_GAP
            tallest = max(tallest, y - ROW_GAP + MARGIN)
            x += width + COLUMN_GAP
        x += MARGIN - COLUMN_GAP
        spans[stage] = (left, x - left)
        x += GROUP_GAP
    return Layout(items, {stage: Box(left, 0, width, tallest) for stage, (left, width) in spans.items()})

"""What a person can read of the graph as it stands in the window: text is drawn, and nothing lies over it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .editor import Editor

WINDOWS = {"full-hd": (1920, 950), "laptop": (1366, 657)}
"""Width and height of the page in a browser on a screen of 1920x1080 and on a small laptop's of 1366x768."""

_LOOK = """() => {
    const { canvas, graph } = window.app
    const { ds } = canvas, area = canvas.canvas.getBoundingClientRect()
    const [titleHeight, rowHeight] = [LiteGraph.NODE_TITLE_HEIGHT, LiteGraph.NODE_WIDGET_HEIGHT]
    const onPage = (x, y) => [area.left + (x + ds.offset[0]) * ds.scale, area.top + (y + ds.offset[1]) * ds.scale]
    const middle = ({ left, top, width, height }) => [left + width / 2, top + height / 2]
    const nodes = graph.nodes.map((node) => {
        const [x, y] = node.pos, [, , width, height] = node.boundingRect // with the title, folded or not
        const box = document.querySelector(`[data-node-id="${node.id}"]`), place = box?.getBoundingClientRect()
        const [left, top] = place ? [place.left, place.top] : onPage(x, y - titleHeight)
        const [right, bottom] = place ? [place.right, place.bottom] : onPage(x + width, y - titleHeight + height)
        const fields = (node.widgets ?? []).map(({ element }) => element?.parentElement ?? element)
        const own = [canvas.canvas, box, ...fields]
        const isFree = (point) => {
            const found = document.elementFromPoint(...point)
            return Boolean(found) && own.some((one) => one?.contains(found))
        }
        const rows = box
            ? [...box.querySelectorAll('[data-testid=node-widget]')].map((row) => middle(row.getBoundingClientRect()))
            : (node.flags.collapsed ? [] : node.widgets ?? []).filter(({ hidden, last_y }) => !hidden && last_y > 0)
                .map((widget) => onPage(x + width / 2, y + widget.last_y + rowHeight / 2))
        const ends = [left + 30 * ds.scale, Math.min(right - 10 * ds.scale, left + 160 * ds.scale)]
        return {
            id: String(node.id), kind: node.type, name: node.getTitle(), rect: [left, top, right, bottom],
            title: ends.every((across) => isFree([across, top + titleHeight / 2 * ds.scale])),
            values: rows.every(isFree),
        }
    })
    return {
        zoom: ds.scale, least: canvas.min_font_size_for_lod / LiteGraph.NODE_TEXT_SIZE, nodes,
        drawn: LiteGraph.vueNodesMode || !canvas.low_quality,
    }
}"""


@dataclass(frozen=True)
class SeenNode:
    """A node or a note in the window."""

    id: str
    kind: str
    name: str
    rect: tuple[float, float, float, float]
    """Left, top, right and bottom in the page."""
    title: bool
    """Whether its title lies free in the window."""
    values: bool
    """Whether all of its widgets do."""


@dataclass(frozen=True)
class Seen:
    """The graph in the window."""

    zoom: float
    """1 is 100 %."""
    least: float
    """The zoom below which the classic editor draws no text at all. Nodes 2.0 does, but too small to be read."""
    drawn: bool
    """Whether the editor draws text at this zoom."""
    nodes: list[SeenNode]

    def require_readable(self, values: bool = False) -> None:
        """Everything has to be seen at once: text, all titles, with `values` all widgets, and no node under another."""
        at = f"at a zoom of {self.zoom:.0%}"
        assert self.is_text_shown, f"{at} no text is drawn, or too small: it takes {self.least:.0%}"
        assert not self.hidden_titles, f"{at} these titles are hidden: {self.hidden_titles}"
        assert not (values and self.hidden_values), f"{at} something lies over the widgets of {self.hidden_values}"
        assert not self.overlaps, f"these nodes lie on each other: {self.overlaps}"

    @property
    def is_text_shown(self) -> bool:
        """Whether there is text, and large enough."""
        return self.drawn and self.zoom >= self.least

    @property
    def hidden_titles(self) -> list[str]:
        """Names of the nodes whose title is out of the window or under something."""
        return [node.name for node in self.nodes if not node.title]

    @property
    def hidden_values(self) -> list[str]:
        """Names of the nodes with a widget that is."""
        return [node.name for node in self.nodes if not node.values]

    @property
    def overlaps(self) -> list[tuple[str, str]]:
        """Names of nodes that lie on each other."""
        return [(one.name, other.name) for one, other in combinations(self.nodes, 2) if _meet(one.rect, other.rect)]


def look(editor: Editor) -> Seen:
    """What there is to read now."""
    found = editor.page.evaluate(_LOOK)
    nodes = [SeenNode(**{**node, "rect": tuple(node["rect"])}) for node in found.pop("nodes")]
    return Seen(**found, nodes=nodes)


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across > 1 and down > 1

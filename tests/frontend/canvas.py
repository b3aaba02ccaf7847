"""Nodes on the canvas: finding them, linking, widgets, dropping files. Nodes are named by id, never by position."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .editor import Editor

EMPTY_SPOT = (700, 450)
"""A place in the page where a blank workflow shows bare canvas."""

_TYPES = {".json": "application/json", ".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
_TYPES |= {".tif": "image/tiff"}

_PLACE = """([x, y]) => {
    const { canvas, ds } = window.app.canvas
    const box = canvas.getBoundingClientRect()
    return [box.left + (x + ds.offset[0]) * ds.scale, box.top + (y + ds.offset[1]) * ds.scale]
}"""

_SLOT = """([id, side, name]) => {
    const node = window.app.graph.getNodeById(id)
    const index = node[side].findIndex((slot) => slot.name === name)
    if (index < 0) throw new Error(`${node.type} has no ${name} among its ${side}`)
    return [...(side === 'inputs' ? node.getInputPos(index) : node.getOutputPos(index))]
}"""

_WIDGET = """([id, name]) => {
    const node = window.app.graph.getNodeById(id)
    const widget = node.widgets.find((widget) => widget.name === name)
    return [node.pos[0] + node.size[0] / 2, node.pos[1] + widget.last_y + 10]
}"""

_DROP = """([name, type, content, x, y]) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))
    const transfer = new DataTransfer()
    transfer.items.add(new File([bytes], name, { type }))
    for (const event of ['dragenter', 'dragover', 'drop'])
        document.querySelector('#graph-canvas').dispatchEvent(new DragEvent(event, {
            dataTransfer: transfer, clientX: x, clientY: y, bubbles: true, cancelable: true,
        }))
}"""

_LINKED = """([source, target, name]) => {
    const { link } = window.app.graph.getNodeById(target).inputs.find((input) => input.name === name)
    return link !== null && String(window.app.graph.getLink(link).origin_id) === source
}"""

_SET_WIDGETS = """(values) => {
    for (const [id, widgets] of Object.entries(values)) {
        const node = window.app.graph.getNodeById(id)
        for (const [name, value] of Object.entries(widgets)) {
            const widget = node.widgets.find((widget) => widget.name === name)
            widget.value = value
            widget.callback?.(value, window.app.canvas, node)
        }
    }
}"""


class Canvas:
    """The graph as it is drawn."""

    def __init__(self, editor: Editor) -> None:
        self.editor = editor
        self.page = editor.page

    # ------------------------------------------------------------------------------------------------ questions

    def nodes(self) -> dict[str, str]:
        """Type of every node by id."""
        return self.page.evaluate("() => Object.fromEntries(window.app.graph.nodes.map((n) => [n.id, n.type]))")

    def only(self, kind: str) -> str:
        """Id of the one node of that type."""
        (found,) = (node_id for node_id, found in self.nodes().items() if found == kind)
        return found

    def of_missing_type(self) -> list[str]:
        """Types that the server does not know and the editor shows as red placeholders; inside subgraphs, too."""
        return self.page.evaluate(
            """() => {
                const missing = (graph) => graph.nodes.flatMap((node) => node.subgraph ? missing(node.subgraph)
                    : node.type in LiteGraph.registered_node_types ? [] : [node.type])
                return missing(window.app.graph)
            }"""
        )

    def slots(self, node_id: str) -> tuple[list[str], list[str]]:
        """Names of the inputs and of the outputs of a node."""
        inputs, outputs = self.page.evaluate(
            "(id) => ['inputs', 'outputs'].map((side) => window.app.graph.getNodeById(id)[side].map((s) => s.name))",
            node_id,
        )
        return inputs, outputs

    def pictures_shown(self, node_id: str) -> int:
        """Wait until a node shows the pictures that it gave; returns how many."""
        shown = "(id) => window.app.graph.getNodeById(id).imgs?.filter((image) => image.naturalWidth > 0).length"
        self.page.wait_for_function(shown, arg=node_id)
        return self.page.evaluate(shown, node_id)

    def widget(self, node_id: str, name: str) -> Any:
        """Value of a widget."""
        return self.page.evaluate(
            "([id, name]) => window.app.graph.getNodeById(id).widgets.find((w) => w.name === name).value",
            [node_id, name],
        )

    def source_of(self, node_id: str, input_name: str) -> list[Any] | None:
        """[id of the node, index of its output] that an input is linked to, or None."""
        return self.page.evaluate(
            """([id, name]) => {
                const node = window.app.graph.getNodeById(id)
                const { link } = node.inputs.find((input) => input.name === name)
                if (link === null) return null
                const { origin_id, origin_slot } = window.app.graph.getLink(link)
                return [String(origin_id), origin_slot]
            }""",
            [node_id, input_name],
        )

    # -------------------------------------------------------------------------------------------------- actions

    def place(self, kind: str, x: float, y: float) -> str:
        """Put a node there without the mouse, in the graph's own coordinates; returns its id."""
        return self.page.evaluate(
            """([kind, x, y]) => {
                const node = LiteGraph.createNode(kind)
                node.pos = [x, y]
                window.app.graph.add(node)
                return String(node.id)
            }""",
            [kind, x, y],
        )

    def unlink(self, node_id: str, input_name: str) -> None:
        """Take away the link of an input."""
        self.page.evaluate(
            """([id, name]) => {
                const node = window.app.graph.getNodeById(id)
                node.disconnectInput(node.inputs.findIndex((input) => input.name === name))
            }""",
            [node_id, input_name],
        )

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press at one spot of the page, release at another."""
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        mouse.move(*end, steps=10)
        mouse.up()

    def drag_link(self, source: str, output: str, target: str, input_name: str) -> None:
        """Draw a link with the mouse and wait until it is there."""
        self.editor.insist(
            lambda: self.drag(self.slot_spot(source, "outputs", output), self.slot_spot(target, "inputs", input_name)),
            lambda longest: self.wait_for_link(source, target, input_name, longest),
        )

    def wait_for_link(self, source: str, target: str, input_name: str, longest: float) -> None:
        """Wait until an input is linked to a node, for so many milliseconds."""
        self.page.wait_for_function(_LINKED, arg=[source, target, input_name], timeout=longest)

    def drag_node(self, node_id: str, by: tuple[float, float]) -> None:
        """Move a node by its title bar, by so many pixels of the page, the first not 0."""
        x, y = self.page.evaluate("(id) => [...window.app.graph.getNodeById(id).pos]", node_id)
        start = self._on_page(x + 60, y - 15)
        moved = "([id, x]) => window.app.graph.getNodeById(id).pos[0] !== x"
        self.editor.insist(
            lambda: self.drag(start, (start[0] + by[0], start[1] + by[1])),
            lambda longest: self.page.wait_for_function(moved, arg=[node_id, x], timeout=longest),
        )

    def open_menu(self, node_id: str) -> None:
        """Right-click the title bar of a node."""
        x, y = self.page.evaluate("(id) => [...window.app.graph.getNodeById(id).pos]", node_id)
        self.page.mouse.click(*self._on_page(x + 60, y - 15), button="right")

    def type_number(self, node_id: str, name: str, value: float) -> None:
        """Double-click a number, type another, press Enter."""
        field = self.page.locator(".graphdialog input.value")
        self.editor.insist(
            lambda: field.is_visible() or self.page.mouse.dblclick(*self.widget_spot(node_id, name), delay=5),
            lambda longest: field.wait_for(timeout=longest),
        )
        field.fill(str(value))
        field.press("Enter")
        field.wait_for(state="hidden")

    def set_widgets(self, values: Mapping[str, Mapping[str, Any]]) -> None:
        """Set widgets of many nodes, {node id: {name: value}}, without the mouse."""
        self.page.evaluate(_SET_WIDGETS, values)

    def select(self, node_id: str) -> None:
        """Select a node, as a click on it does."""
        self.page.evaluate("(id) => window.app.canvas.selectNode(window.app.graph.getNodeById(id))", node_id)

    def remove(self, node_id: str) -> None:
        """Take a node away without the mouse."""
        self.page.evaluate("(id) => window.app.graph.remove(window.app.graph.getNodeById(id))", node_id)

    def drop_file(self, path: Path, at: tuple[float, float] = EMPTY_SPOT) -> None:
        """Drop a file from the desktop there."""
        content = base64.b64encode(path.read_bytes()).decode()
        self.page.evaluate(_DROP, [path.name, _TYPES[path.suffix], content, *at])

    def wait_for_nodes(self) -> None:
        """Wait until a dropped file is on the canvas, which was blank before."""
        self.page.wait_for_function("() => window.app.graph.nodes.length > 0")
        self.editor.settle()

    # ------------------------------------------------------------------------------------------------- positions

    def widget_spot(self, node_id: str, name: str) -> tuple[float, float]:
        """Middle of a widget in the page."""
        self.page.wait_for_function(
            "([id, name]) => window.app.graph.getNodeById(id).widgets.find((w) => w.name === name).last_y > 0",
            arg=[node_id, name],
        )
        return self._on_page(*self.page.evaluate(_WIDGET, [node_id, name]))

    def slot_spot(self, node_id: str, side: str, name: str) -> tuple[float, float]:
        """Middle of a slot in the page; `side` is "inputs" or "outputs"."""
        return self._on_page(*self.page.evaluate(_SLOT, [node_id, side, name]))

    def _on_page(self, x: float, y: float) -> tuple[float, float]:
        found = self.page.evaluate(_PLACE, [x, y])
        return found[0], found[1]

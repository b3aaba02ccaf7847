"""Adding nodes and blueprints the two ways the editor offers: the search box and the node library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import Locator

from .canvas import EMPTY_SPOT

if TYPE_CHECKING:
    from .editor import Editor

_MORE = "(count) => window.app.graph.nodes.length > count"

_HANGS = "() => window.app.canvas.state.ghostNodeId != null"
"""Whether the node that was chosen in the search box hangs at the mouse until it is put down."""

_AT_THE_MOUSE = ".fixed.z-10000"
"""The node that hangs there after a click in the library."""


class Adding:
    """Search box and library."""

    def __init__(self, editor: Editor) -> None:
        self.editor = editor
        self.page = editor.page

    # ---------------------------------------------------------------------------------------------- search box

    def search(self, text: str, name: str, badge: str = "hires-fix", at: tuple[float, float] = EMPTY_SPOT) -> Locator:
        """Double-click the canvas, type `text`, return the result called `name` that has the badge of its pack."""
        self.editor.insist(
            lambda: self._search_box.is_visible() or self.page.mouse.dblclick(*at, delay=5),
            lambda longest: self._search_box.wait_for(timeout=longest),
        )
        self._search_box.fill(text)
        results = self.page.get_by_test_id("result-item")
        wanted = results.filter(has=self.page.get_by_text(name, exact=True))
        wanted = wanted.filter(has=self.page.get_by_text(badge, exact=True)).first
        wanted.wait_for()
        return wanted

    def close_search(self) -> None:
        """Leave the search box without adding anything."""
        self.page.keyboard.press("Escape")
        self._search_box.wait_for(state="hidden")
        self.editor.settle()

    def search_add(self, text: str, name: str, badge: str = "hires-fix", at: tuple[float, float] = EMPTY_SPOT) -> str:
        """Choose what `search` finds, click where it should go; returns the id of the new node."""
        found = self.search(text, name, badge, at)
        before = set(self.editor.canvas.nodes())
        found.click()
        self._search_box.wait_for(state="hidden")
        self.page.wait_for_function(_HANGS)
        self.page.mouse.move(at[0] - 20, at[1] - 20)
        self.page.mouse.move(*at, steps=5)
        self.editor.insist(
            lambda: self.page.mouse.click(*at),
            lambda longest: self.page.wait_for_function(f"() => !({_HANGS})()", timeout=longest),
        )
        return self._new_node(before)

    @property
    def _search_box(self) -> Locator:
        return self.page.locator("input[aria-controls=results-list]")

    # -------------------------------------------------------------------------------------------- node library

    def open_library(self) -> Locator:
        """Open the sidebar's node library if it is not; returns it."""
        library = self.page.locator(".sidebar-content-container")
        if not library.is_visible():
            self.editor.command("Workspace.ToggleSidebarTab.node-library")
        library.get_by_role("treeitem").first.wait_for()
        return library

    def close_library(self) -> None:
        """Close the sidebar."""
        library = self.page.locator(".sidebar-content-container")
        if library.is_visible():
            self.editor.command("Workspace.ToggleSidebarTab.node-library")
        library.wait_for(state="hidden")

    def library_entry(self, category: str, name: str) -> Locator:
        """The node of that name in a top category, which is unfolded if need be."""
        library = self.open_library()
        entries = library.get_by_role("treeitem")
        entry = entries.filter(has=self.page.get_by_text(name, exact=True)).first
        self.editor.click(entries.filter(has=self.page.get_by_text(category, exact=True)).first, opened=entry)
        return entry

    def library_add(self, category: str, name: str, at: tuple[float, float] = EMPTY_SPOT) -> str:
        """Click a node in the library, click where it should go; returns its id."""
        entry = self.library_entry(category, name)
        before = set(self.editor.canvas.nodes())
        self.editor.click(entry, opened=self.page.locator(_AT_THE_MOUSE))
        self.page.mouse.move(at[0] - 20, at[1] - 20)
        self.page.mouse.move(*at, steps=5)
        self.page.mouse.click(*at)
        return self._new_node(before)

    def library_drag(self, category: str, name: str, at: tuple[float, float] = EMPTY_SPOT) -> str:
        """Drag a node from the library onto the canvas; returns its id."""
        entry = self.library_entry(category, name)
        before = set(self.editor.canvas.nodes())

        def carry() -> None:
            entry.hover()
            self.page.mouse.down()
            self.page.mouse.move(*at, steps=10)
            self.page.mouse.up()

        self.editor.insist(
            lambda: len(self.editor.canvas.nodes()) > len(before) or carry(),
            lambda longest: self.page.wait_for_function(_MORE, arg=len(before), timeout=longest),
        )
        return self._new_node(before)

    def _new_node(self, before: set[str]) -> str:
        self.page.wait_for_function(_MORE, arg=len(before))
        self.editor.settle()
        (new,) = set(self.editor.canvas.nodes()) - before
        return new

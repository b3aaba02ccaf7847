"""An App as a person uses it: its card, its fields by their labels, Run, what it shows, and the graph behind it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, TimeoutError

from .editor import LONGEST_WAIT, Editor

_VALUES = """() => Object.fromEntries(window.app.rootGraph.nodes.flatMap((node) => (node.widgets ?? [])
    .map((widget) => [`${node.id}.${widget.name}`, widget.value])))"""

TOUR = 8_000
"""Milliseconds in which a tour shows, if it does."""

_TOUR_IS_DUE = """() =>
    window.app.extensionManager.setting.get('Comfy.OnboardingCoachmarks.Seen')?.includes('appMode') === false"""


class Form:
    """The form that is open in the editor."""

    def __init__(self, editor: Editor) -> None:
        self.editor = editor
        self.page = editor.page

    # ------------------------------------------------------------------------------------------------------ opening

    def choose_card(self, title: str) -> bool:
        """Click the App's card in the open dialog of templates. Returns whether a tour was offered first, and skipped.

        Newer editors offer it once.
        """
        self.editor.insist(
            lambda: self.editor.templates.is_hidden() or self.card(title).click(timeout=LONGEST_WAIT / 4),
            lambda longest: self.page.get_by_test_id("linear-run-button").wait_for(timeout=longest),
        )
        is_skipped = False
        if self.page.evaluate(_TOUR_IS_DUE):
            with suppress(TimeoutError):  # it does not always come
                self.page.get_by_role("button", name="Skip", exact=True).click(timeout=TOUR)
                is_skipped = True
        self.editor.settle()
        return is_skipped

    def open(self, title: str) -> None:
        """From the templates, found by its name."""
        self.editor.command("Comfy.BrowseTemplates")
        self.editor.own_templates()
        self.editor.templates_search.fill(title)
        self.choose_card(title)

    def card(self, title: str) -> Locator:
        """Its card in the dialog of templates."""
        return self.editor.shown_template(f"{title}.app")

    # ------------------------------------------------------------------------------------------------------- fields

    def labels(self) -> list[str]:
        """Of all fields, from top to bottom."""
        self._items.first.wait_for()
        return self.page.get_by_test_id("builder-widget-label").all_inner_texts()

    def field(self, label: str) -> Locator:
        """The field under that label."""
        named = self.page.get_by_test_id("builder-widget-label").get_by_text(label, exact=True)
        return self._items.filter(has=named)

    def type_number(self, label: str, value: float) -> None:
        """Click the number, type another, press Enter."""
        number = self.field(label).locator("input").first
        number.click(force=True)  # a layer above it takes the mouse for dragging, and hands on the click
        number.fill(str(value))
        number.press("Enter")

    def type_text(self, label: str, text: str) -> None:
        """Replace a text."""
        self.field(label).locator("textarea").first.fill(text)

    def choose(self, label: str, option: str) -> None:
        """Pick from a list."""
        entry = self.page.get_by_role("option", name=option, exact=True).first
        self.editor.click(self.field(label).get_by_role("combobox").first, opened=entry)
        entry.click()

    def upload(self, label: str, path: Path) -> None:
        """Pick a file for the field that shows a picture."""
        with self.page.expect_file_chooser() as chooser:
            self.field(label).locator("[data-slot=drop-zone-indicator]").click()
        chooser.value.set_files(path)

    def values(self) -> dict[str, Any]:
        """Values of all widgets of the graph, as "node.widget"."""
        return self.page.evaluate(_VALUES)

    @property
    def _items(self) -> Locator:
        return self.page.get_by_test_id("app-mode-widget-item")

    # ------------------------------------------------------------------------------------------------------ running

    @property
    def run_button(self) -> Locator:
        """Run, below the fields."""
        return self.page.get_by_test_id("linear-run-button").get_by_role("button", name="Run")

    @property
    def cancel_button(self) -> Locator:
        """Cancel this run, above the picture."""
        return self.page.get_by_test_id("linear-cancel-run")

    @property
    def warning(self) -> Locator:
        """What went wrong, above Run."""
        return self.page.get_by_test_id("linear-validation-warning")

    @property
    def picture(self) -> Locator:
        """The large picture: a preview while it runs, then the result."""
        return self.page.locator("img.size-full.object-contain").first

"""A workflow that is open as an App: its form at the right, its results at the left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Locator

if TYPE_CHECKING:
    from .editor import Editor

_TOUR = "() => window.app.extensionManager.setting.get('Comfy.OnboardingCoachmarks.Seen')"


class Form:
    """What a person does with an App."""

    def __init__(self, editor: Editor) -> None:
        self.editor = editor
        self.page = editor.page

    @property
    def fields(self) -> Locator:
        """All fields, each with its label and what it holds."""
        return self.page.get_by_test_id("app-mode-widget-item")

    def labels(self) -> list[str]:
        """Labels of all fields, from the top."""
        self.fields.first.wait_for()
        return [text.strip() for text in self.page.get_by_test_id("builder-widget-label").all_inner_texts()]

    def field(self, label: str) -> Locator:
        """The field with that label."""
        return self.fields.filter(has=self.page.get_by_text(label, exact=True)).first

    def fill(self, label: str, value: str) -> None:
        """Type a text or a number into a field."""
        entry = self.field(label).locator("textarea, input").first
        entry.fill(value)
        entry.press("Tab")

    def choose(self, label: str, value: str) -> None:
        """Choose from the list of a field."""
        option = self.page.get_by_role("option", name=value, exact=True)
        self.editor.click(self.field(label).get_by_role("combobox"), opened=option)
        option.click()
        option.wait_for(state="hidden")

    def upload(self, path: Path) -> None:
        """Give the form's picture field a file."""
        with self.page.expect_file_chooser() as chooser:
            self.page.locator("[data-slot=drop-zone-indicator]").first.click()
        chooser.value.set_files(path)

    @property
    def run_button(self) -> Locator:
        """Run."""
        return self.page.get_by_test_id("linear-run-button").get_by_role("button", name="Run", exact=True)

    @property
    def cancel_button(self) -> Locator:
        """Cancel this run."""
        return self.page.get_by_test_id("linear-cancel-run")

    @property
    def results(self) -> Locator:
        """The pictures at the left, those on the way among them."""
        return self.page.get_by_test_id("linear-center-panel").locator("img")

    @property
    def complaint(self) -> Locator:
        """What is said above the Run button about an error."""
        return self.page.get_by_test_id("linear-validation-warning")

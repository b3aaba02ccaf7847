"""A person at the editor whose every action is noted, with the clicks and typed fields it takes."""

from __future__ import annotations

from typing import Any

from ...tests.frontend.editor import Editor
from ...tests.frontend.form import Form
from ...tests.frontend.smaller import make_small
from .profile import CHECKPOINT

_NOT_THERE = """() => window.app.rootGraph.nodes.flatMap((node) => (node.widgets ?? [])
    .filter(({ options, value }) => Array.isArray(options?.values) && !options.values.includes(value))
    .map(({ name, label, value, options }) => ({ node: String(node.id), name, label: label ?? name, value,
        offers: options.values.map(String) })))"""

APP = ".app"
"""Ends the name of a template that opens as a form."""


class Person:
    """Does what is asked with mouse and keyboard, and keeps count."""

    def __init__(self, editor: Editor) -> None:
        self.editor = editor
        self.form = Form(editor)
        self.actions: list[str] = []
        """What was done: choosing from a list is one action, and so is searching."""
        self.clicks = 0
        """All clicks, double-clicks, drags and fields typed into."""
        self.is_in_form = False

    def open_template(self, name: str) -> None:
        """From the empty editor: Templates, the pack's own, the card."""
        editor = self.editor
        self._begin()
        editor.click(editor.page.get_by_role("button", name="Templates").first, opened=editor.templates)
        editor.own_templates()
        self._did("Templates", "hires-fix", "the card")
        self.is_in_form = name.endswith(APP)
        if not self.is_in_form:
            editor.choose_template(name)
            return
        if self.form.choose_card(name.removesuffix(APP)):
            self._did("Skip (the editor's tour of Apps, once)")
        self.form.labels()

    def add_box(self, name: str, text: str) -> str:
        """Double-click the canvas, type, choose the box, put it down; returns its id."""
        self._begin()
        self.is_in_form = False
        box = self.editor.adding.search_add(text, name, badge="Blueprint", at=(700, 150))
        self._did(f"double-click and type {text}", "the box, and where it goes", clicks=4)
        return box

    def save_from(self, box: str) -> None:
        """The same for Save Image, and a link from the box to it."""
        save = self.editor.adding.search_add("save image", "Save Image", badge="Comfy", at=(1300, 300))
        self.editor.canvas.drag_link(box, "IMAGE", save, "images")
        self._did("double-click and type save image", "Save Image, and where it goes", clicks=4)
        self._did("the link")

    def choose_models(self) -> list[str]:
        """Choose something that is there for each file that is not; returns those for which nothing is offered."""
        missing: list[str] = []
        for one in self.editor.page.evaluate(_NOT_THERE):
            if not one["offers"]:
                missing.append(str(one["value"]))
                continue
            option = CHECKPOINT if CHECKPOINT in one["offers"] else one["offers"][0]
            self._choose(one, option)
            self._did(f"{option} in the list of {one['label']}", clicks=2)
        return missing

    def run(self, seed: int) -> str:
        """Press Run and wait; returns "picture", or what went wrong. Sizes and steps are made small for the CPU."""
        make_small(self.editor, seed)
        runs = self.editor.runs
        runs.begin()
        if self.is_in_form:
            self.form.run_button.click()
        else:
            self.editor.page.get_by_test_id("queue-button").click()
        self._did("Run")
        outcome = runs.wait()
        if outcome.status != "success":
            return f"{outcome.status}: {' '.join(outcome.problem.split())}"
        return "picture" if outcome.images else "done"

    def cancel_all(self) -> None:
        """End what runs and waits: its pictures would be taken for those of the next workflow."""
        self.editor.page.evaluate("async () => { await app.api.clearItems('queue'); await app.api.interrupt() }")

    def complaint(self) -> str:
        """What the editor says in front of the canvas, in one line."""
        card = self.editor.runs.error_card
        return " ".join(card.inner_text().split()) if card.is_visible() else ""

    def _begin(self) -> None:
        self.actions.clear()
        self.clicks = 0

    def _did(self, *actions: str, clicks: int | None = None) -> None:
        self.actions += actions
        self.clicks += len(actions) if clicks is None else clicks

    def _choose(self, widget: dict[str, Any], option: str) -> None:
        if self.is_in_form:
            self.form.choose(widget["label"], option)
            return
        canvas, page = self.editor.canvas, self.editor.page
        entry = page.locator(".litecontextmenu .litemenu-entry").get_by_text(option, exact=True).first
        self.editor.insist(
            lambda: entry.is_visible() or page.mouse.click(*canvas.widget_spot(widget["node"], widget["name"])),
            lambda longest: entry.wait_for(timeout=longest),
        )
        entry.click()
        entry.wait_for(state="hidden")

"""A person at the editor whose every click, and every field typed into, counts."""

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
    """Does what is asked with mouse and keyboard, and keeps count in `actions`."""

    def __init__(self, editor: Editor) -> None:
        self.editor = editor
        self.form = Form(editor)
        self.actions: list[str] = []
        self.is_in_form = False

    def open_template(self, name: str) -> None:
        """From the empty editor: Templates, the pack's own, the card."""
        editor = self.editor
        self.actions.clear()
        editor.click(editor.page.get_by_role("button", name="Templates").first, opened=editor.templates)
        editor.own_templates()
        self.actions += ["Templates", "hires-fix", "the card"]
        self.is_in_form = name.endswith(APP)
        if not self.is_in_form:
            editor.choose_template(name)
            return
        if self.form.choose_card(name.removesuffix(APP)):
            self.actions.append("Skip (the editor's tour of Apps, once)")
        self.form.labels()

    def add_box(self, name: str, text: str) -> str:
        """Double-click the canvas, type, choose the box, put it down; returns its id."""
        self.actions.clear()
        self.is_in_form = False
        box = self.editor.adding.search_add(text, name, badge="Blueprint", at=(700, 150))
        self.actions += ["double-click", f"type {text}", "the box", "put down"]
        return box

    def save_from(self, box: str) -> None:
        """The same for Save Image, and a link from the box to it."""
        save = self.editor.adding.search_add("save image", "Save Image", badge="Comfy", at=(1300, 300))
        self.editor.canvas.drag_link(box, "IMAGE", save, "images")
        self.actions += ["double-click", "type save image", "Save Image", "put down", "link"]

    def choose_models(self) -> list[str]:
        """Choose something that is there for each file that is not; returns those for which nothing is offered."""
        missing: list[str] = []
        for one in self.editor.page.evaluate(_NOT_THERE):
            if not one["offers"]:
                missing.append(str(one["value"]))
                continue
            option = CHECKPOINT if CHECKPOINT in one["offers"] else one["offers"][0]
            self._choose(one, option)
            self.actions += [f"the list of {one['label']}", option]
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
        self.actions.append("Run")
        outcome = runs.wait()
        if outcome.status != "success":
            return f"{outcome.status}: {' '.join(outcome.problem.split())}"
        return "picture" if outcome.images else "done"

    def complaint(self) -> str:
        """What the editor says in front of the canvas, in one line."""
        card = self.editor.runs.error_card
        return " ".join(card.inner_text().split()) if card.is_visible() else ""

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

"""One page with ComfyUI's editor: when it is ready, an empty canvas, the graph as the editor would queue it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from hires_pack.dev.host.comfyui_host import PACK_NAME
from playwright.sync_api import Locator, Page, TimeoutError

from .adding import Adding
from .canvas import Canvas
from .running import Runs
from .shipped import WORKFLOWS

LONGEST_WAIT = 60_000
"""Milliseconds. Only ever used up by something that will not happen: a busy machine may need half of it."""

TRIES = 4
"""How often something is done with the mouse, at most, until it shows."""

CARD = "template-workflow-"
"""Before the name of a card's file, in the editor's own marks."""

_READY = """() => {
    const { app } = window
    return Boolean(app?.canvas && app.extensionManager?.spinner === false
        && app.extensionManager.workflow.activeWorkflow && !app.configuringGraph)
}"""

_NOTHING_IN_FRONT = """() => ![
    ...document.querySelectorAll('[role=dialog], .p-dialog-mask, .p-blockui-mask, .p-overlay-mask')
].some((element) => element.checkVisibility())"""

_CLOSE_OTHERS = """async () => {
    const { workflow } = window.app.extensionManager
    for (const other of workflow.openWorkflows.filter((one) => one !== workflow.activeWorkflow))
        await workflow.closeWorkflow(other)
}"""

_DISMISS_TOASTS = """() => {
    const { toast } = window.app.extensionManager
    if (toast.dismissAll) toast.dismissAll()
    else toast.removeAll()
}"""

_TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


class Editor:
    """What a person does in the editor. The parts: `canvas`, `adding`, `runs`."""

    def __init__(self, page: Page, url: str, screenshots: Path) -> None:
        self.page = page
        self.url = url
        self.screenshots = screenshots
        self.complaints: list[str] = []
        """Errors that no one caught in the page, and what it wrote to its console."""
        self.uncaught: list[str] = []
        """The former alone; none is normal."""
        self._window = page.viewport_size
        self._changed: dict[str, Any] = {}
        """What settings were before a test changed them."""
        page.set_default_timeout(LONGEST_WAIT)
        page.on("pageerror", self._note_uncaught)
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.canvas = Canvas(self)
        self.adding = Adding(self)
        self.runs = Runs(self)

    def _note_uncaught(self, error: Any) -> None:
        self.uncaught.append(str(error))
        self.complaints.append(f"uncaught: {error}")

    def open(self) -> None:
        """Load the page and wait until it can be used. Every setting is the editor's own default.

        Whom the server does not know yet the editor greets with its templates, which are closed.
        """
        known = self.page.request.get(f"{self.url}/settings").json()
        self.page.goto(self.url)
        if not known.get("Comfy.TutorialCompleted"):
            self.templates.wait_for()
            self.close_templates()
        self.settle()
        self.runs.listen()

    @property
    def version(self) -> str:
        """The version that the page says it is."""
        return self.page.evaluate("() => window.__COMFYUI_FRONTEND_VERSION__")

    def settle(self) -> None:
        """Wait until whatever was started (a load, a drop, a dialog that closes) is over and drawn."""
        self.page.wait_for_function(_READY)
        self.page.wait_for_function(_NOTHING_IN_FRONT)
        self.page.evaluate(_TWO_FRAMES)

    def insist(self, act: Callable[[], object], seen: Callable[[float], object]) -> None:
        """Act until it shows: what moves while it is being laid out, a mouse misses now and then, as a person does.

        `seen` waits for what should come of it, for so many milliseconds at most.
        """
        for _ in range(TRIES - 1):
            with suppress(TimeoutError):
                act()
                seen(LONGEST_WAIT / TRIES)
                return
        act()
        seen(LONGEST_WAIT)

    def click(self, where: Locator, opened: Locator) -> None:
        """Click something until what it opens is there."""
        self.insist(
            lambda: opened.is_visible() or where.click(timeout=LONGEST_WAIT / TRIES),
            lambda longest: opened.wait_for(timeout=longest),
        )

    def command(self, name: str) -> None:
        """Run one of the editor's commands, as its menus do."""
        self.page.evaluate("(name) => window.app.extensionManager.command.execute(name)", name)

    def blank(self) -> None:
        """Start a new, empty workflow as the editor is by default, and close all others: a hundred tabs are slow."""
        for name, value in self._changed.items():
            self._set(name, value)
        self._changed.clear()
        if self._window and self.page.viewport_size != self._window:
            self.page.set_viewport_size(self._window)
        self.runs.dismiss_error()
        self.dismiss_toasts()
        self.command("Comfy.NewBlankWorkflow")
        self.page.wait_for_function("() => window.app.graph.nodes.length === 0")
        self.page.evaluate(_CLOSE_OTHERS)
        self.settle()

    def setting(self, name: str, value: Any) -> None:
        """Change a setting until the canvas is empty again."""
        now = self.page.evaluate("(name) => window.app.extensionManager.setting.get(name)", name)
        self._changed.setdefault(name, now)
        self._set(name, value)

    def _set(self, name: str, value: Any) -> None:
        self.page.evaluate("([name, value]) => window.app.extensionManager.setting.set(name, value)", [name, value])

    def resize(self, width: int, height: int) -> None:
        """Give the window's page this size in pixels, until the canvas is empty again."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.settle()

    def prompt(self) -> dict[str, Any]:
        """The graph in API format, as the editor's own `graphToPrompt` gives it."""
        # as text: Playwright would hand over what is undefined as null
        text = self.page.evaluate("async () => JSON.stringify((await window.app.graphToPrompt()).output)")
        prompt = json.loads(text)
        for node in prompt.values():  # newer frontends add cnr_id and ver, by which a missing pack is offered
            node["_meta"] = {"title": node["_meta"]["title"]}
        return prompt

    def workflow(self) -> dict[str, Any]:
        """The graph as the editor would save it."""
        return json.loads(self.page.evaluate("() => JSON.stringify(window.app.graph.serialize())"))

    def open_template(self, name: str) -> None:
        """Templates, the pack's own, the card with that name."""
        self.command("Comfy.BrowseTemplates")
        self.own_templates()
        # found by its name: the dialog makes cards as it is scrolled
        self.templates_search.fill(name)
        self.choose_template(name)

    def own_templates(self) -> None:
        """Choose the pack's own among the open dialog's kinds of templates."""
        own = self.templates.get_by_text(PACK_NAME, exact=True)
        ours = self.templates.locator(", ".join(f'[data-testid="{CARD}{path.stem}"]' for path in WORKFLOWS)).first
        self.insist(own.click, lambda longest: ours.wait_for(timeout=longest))

    def choose_template(self, name: str) -> None:
        """Click the card in the open dialog."""
        self.insist(
            lambda: self.templates.is_hidden() or self.shown_template(name).click(timeout=LONGEST_WAIT / TRIES),
            lambda longest: self.templates.wait_for(state="hidden", timeout=longest),
        )
        self.settle()

    def template(self, name: str) -> Locator:
        """The card with that name in the open dialog."""
        return self.templates.get_by_test_id(f"{CARD}{name}")

    def shown_template(self, name: str) -> Locator:
        """The same, scrolled down to: the dialog makes the cards below its edge only then."""
        card = self.template(name)
        for _ in range(len(WORKFLOWS)):
            if card.count():
                break
            self.templates.locator(f"[data-testid^={CARD}]").last.scroll_into_view_if_needed()
            self.page.evaluate(_TWO_FRAMES)
        return card

    @property
    def templates_search(self) -> Locator:
        """The search field of that dialog."""
        return self.templates.get_by_placeholder("Search ...").first

    @property
    def templates(self) -> Locator:
        """The dialog of the templates, which newer frontends mark in another way."""
        key = "global-workflow-template-selector"
        return self.page.locator(f"[aria-labelledby={key}], [data-dialog-key={key}]")

    def close_templates(self) -> None:
        """Close that dialog without choosing any."""
        self.insist(
            lambda: self.page.keyboard.press("Escape"),
            lambda longest: self.templates.wait_for(state="hidden", timeout=longest),
        )

    @property
    def toasts(self) -> Locator:
        """The messages in the corner."""
        return self.page.locator(".p-toast-message, [data-testid=toast]")

    def dismiss_toasts(self) -> None:
        """Take the messages away."""
        self.page.evaluate(_DISMISS_TOASTS)
        self.toasts.first.wait_for(state="hidden")

    def screenshot(self, name: str) -> Path:
        """Leave a picture of the page behind, as evidence; it is compared with nothing."""
        path = self.screenshots / f"{name}.png"
        self.page.evaluate(_TWO_FRAMES)
        self.page.screenshot(path=path, animations="disabled")
        return path

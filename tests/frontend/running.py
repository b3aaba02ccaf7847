"""Running what is on the canvas: the Run button, what the server reports, the error card, cancel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from playwright.sync_api import Locator

if TYPE_CHECKING:
    from .editor import Editor

Status = Literal["success", "error", "interrupted", "rejected"]

POLL = 50
"""Milliseconds between two looks at whether a run has ended."""

_LISTEN = """() => {
    window.hiresFixEvents = []
    const names = ['execution_start', 'execution_success', 'execution_error', 'execution_interrupted',
        'executed', 'progress_state', 'b_preview_with_metadata']
    for (const name of names)
        window.app.api.addEventListener(name, ({ detail }) => window.hiresFixEvents.push({
            name, detail: name === 'b_preview_with_metadata' ? { node: detail.displayNodeId } : detail,
        }))
}"""

_ENDED = """(first) => {
    const ends = ['execution_success', 'execution_error', 'execution_interrupted']
    const events = window.hiresFixEvents.slice(first)
    const card = document.querySelector('[data-testid=error-overlay]')
    return events.some(({ name }) => ends.includes(name)) || Boolean(card?.checkVisibility())
}"""


@dataclass(frozen=True)
class Outcome:
    """What the page heard about one run."""

    status: Status
    """"rejected": the server refused the graph, so that nothing ran."""
    events: Sequence[dict[str, Any]]
    """{"name", "detail"} of every message, in order."""
    problem: str = ""
    """What went wrong, of a run that failed or was refused."""

    def require_success(self) -> Outcome:
        """Return the outcome itself; the run has to have succeeded."""
        assert self.status == "success", f"the run ended as {self.status}: {self.problem}"
        return self

    @property
    def images(self) -> dict[str, list[dict[str, str]]]:
        """Node id -> {"filename", "subfolder", "type"} of every picture it gave."""
        done = [event["detail"] for event in self.events if event["name"] == "executed"]
        return {str(one["node"]): one["output"]["images"] for one in done if (one.get("output") or {}).get("images")}

    @property
    def previewed(self) -> set[str]:
        """Ids of the nodes that sent previews."""
        return {event["detail"]["node"] for event in self.events if event["name"] == "b_preview_with_metadata"}

    def progress(self, node_id: str) -> list[tuple[int, int]]:
        """(value, maximum) of every report about a node, in order."""
        states = [event["detail"]["nodes"] for event in self.events if event["name"] == "progress_state"]
        return [(int(nodes[node_id]["value"]), int(nodes[node_id]["max"])) for nodes in states if node_id in nodes]


class Runs:
    """The Run button and what comes of it."""

    def __init__(self, editor: Editor) -> None:
        self.editor = editor
        self.page = editor.page
        self._first = 0

    def listen(self) -> None:
        """Hear what the server tells this page; once after every load of the page."""
        self.page.evaluate(_LISTEN)

    def begin(self) -> None:
        """What is heard from here on belongs to the run that is started next."""
        self._first = self.page.evaluate("() => window.hiresFixEvents.length")

    def start(self) -> None:
        """Press Run."""
        self.begin()
        self.page.get_by_test_id("queue-button").click()

    def wait(self) -> Outcome:
        """Wait for the end of the run that `start` began."""
        # not in every frame: what asks that often takes the processor from the run
        self.page.wait_for_function(_ENDED, arg=self._first, polling=POLL)
        events = self.page.evaluate("(first) => window.hiresFixEvents.slice(first)", self._first)
        names = [event["name"] for event in events]
        ends = [name for name in names if name in ("execution_success", "execution_error", "execution_interrupted")]
        if not ends:
            return Outcome("rejected", events, self.error_card.inner_text())
        errors = [event["detail"] for event in events if event["name"] == "execution_error"]
        problem = "; ".join(f"{error['node_type']}: {error['exception_message']}" for error in errors)
        return Outcome(ends[0].removeprefix("execution_"), events, problem)

    def run(self) -> Outcome:
        """Press Run and wait for the end."""
        self.start()
        return self.wait()

    def cancel(self) -> None:
        """Press the button that cancels what runs."""
        self.page.get_by_role("button", name="Cancel current run").click()

    def clear_queue(self) -> None:
        """Cancel what runs and forget what waits, without the page."""
        self.page.request.post(f"{self.editor.url}/queue", data={"clear": True})
        self.page.request.post(f"{self.editor.url}/interrupt", data={})

    # ------------------------------------------------------------------------------------------------ error card

    @property
    def error_card(self) -> Locator:
        """The card at the top right that tells of an error."""
        return self.page.get_by_test_id("error-overlay")

    def error_panel(self) -> Locator:
        """Open the details of the card; returns the panel at the right."""
        see = self.page.get_by_test_id("error-overlay-see-errors")
        self.editor.click(see, opened=self.page.get_by_test_id("errors-summary-hero"))
        return self.page.get_by_test_id("properties-panel")

    def dismiss_error(self) -> None:
        """Close the card and the panel, if they are open."""
        dismiss = self.page.get_by_test_id("error-overlay-dismiss")
        if dismiss.is_visible():
            dismiss.click()
            self.error_card.wait_for(state="hidden")
        self.page.evaluate("() => window.app.extensionManager.setting.set('Comfy.RightSidePanel.IsOpen', false)")

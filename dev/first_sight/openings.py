"""Every template opened from the dialog: what can be read, and what it takes to a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from playwright.sync_api import Error

from ...tests.frontend.editor import Editor
from ...tests.frontend.reading import look
from .person import APP, Person


@dataclass
class Opening:
    """One template, App or box in one window."""

    name: str
    frontend: str
    window: str
    nodes_2: bool = False
    zoom: float | None = None
    """1 is 100 %; None of a form."""
    text: bool = True
    """Whether text is drawn, and large enough."""
    hidden_titles: list[str] = field(default_factory=list)
    hidden_values: list[str] = field(default_factory=list)
    overlaps: list[tuple[str, str]] = field(default_factory=list)
    said: str = ""
    """The card in front of the canvas, if there is one."""
    missing: list[str] = field(default_factory=list)
    """Files for which nothing else is offered."""
    actions: list[str] = field(default_factory=list)
    """From the empty editor to the run; see `Person`."""
    clicks: int = 0
    result: str = ""
    """ "picture", "done" or what went wrong; empty if it was only looked at."""


def openings(
    editor: Editor, names: Sequence[str], frontend: str, window: str, nodes_2: bool, run: bool
) -> Iterator[Opening]:
    """Open templates one after the other, looked at and, with `run`, run; Apps always are."""
    for seed, name in enumerate(names):
        is_app = name.endswith(APP)
        if is_app and nodes_2:
            continue
        person, opening = Person(editor), Opening(name, frontend, window, nodes_2)
        editor.blank()
        if nodes_2:
            editor.setting("Comfy.VueNodes.Enabled", True)
        stem = f"{name} - {frontend} {window}{' nodes 2.0' if nodes_2 else ''}"
        try:
            person.open_template(name)
            _look(opening, person)
            editor.screenshot(f"{stem} 1 opened")
            if run or is_app:
                opening.missing = person.choose_models()
                opening.result = person.run(seed=7000 + seed)
                editor.page.wait_for_timeout(1500)
                editor.screenshot(f"{stem} 2 after the run")
                opening.said = person.complaint() or opening.said
        except Error as problem:
            opening.result = f"the page: {str(problem).splitlines()[0]}"
            editor.screenshot(f"{stem} failed")
            if editor.templates.is_visible():
                editor.close_templates()
            person.cancel_all()
        if opening.result:
            opening.actions, opening.clicks = list(person.actions), person.clicks
        yield opening


def box(editor: Editor, name: str, text: str, frontend: str, window: str) -> Opening:
    """From the empty canvas to a picture by a box of the node library, found by `text`."""
    editor.blank()
    person, opening = Person(editor), Opening(name, frontend, window)
    try:
        node = person.add_box(name, text)
        _look(opening, person)
        opening.missing = person.choose_models()
        person.save_from(node)
        editor.screenshot(f"{name} box - {frontend} {window} 1 linked")
        opening.result = person.run(seed=7900)
        editor.page.wait_for_timeout(1500)
        editor.screenshot(f"{name} box - {frontend} {window} 2 after the run")
    except Error as problem:
        opening.result = f"the page: {str(problem).splitlines()[0]}"
    opening.actions, opening.clicks = list(person.actions), person.clicks
    return opening


def _look(opening: Opening, person: Person) -> None:
    opening.said = person.complaint()
    if person.is_in_form:
        return
    seen = look(person.editor)
    opening.zoom, opening.text, opening.overlaps = seen.zoom, seen.is_text_shown, seen.overlaps
    opening.hidden_titles, opening.hidden_values = seen.hidden_titles, seen.hidden_values

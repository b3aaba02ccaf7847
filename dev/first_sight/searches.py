"""What the node search and the template dialog answer to the words that people come with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...tests.frontend.canvas import EMPTY_SPOT
from ...tests.frontend.editor import Editor

NODE_WORDS = ("hires fix", "highres fix", "hires", "hr fix", "upscale", "extras", "a1111", "webui", "automatic1111")
NODE_WORDS += ("ultimate", "esrgan", "face", "tile", "batch", "batch folder", "denoise", "img2img", "detailer")
TEMPLATE_WORDS = ("hires", "highres fix", "hr fix", "upscale", "extras", "a1111", "webui", "automatic1111", "ultimate")
TEMPLATE_WORDS += ("esrgan", "face", "tile", "batch", "folder", "denoise", "img2img")

_NODES = """() => [...document.querySelectorAll('[data-testid=result-item]')].map((item) => item.innerText)"""
_CARDS = """() => [...document.querySelectorAll('[data-testid^=template-workflow-]')]
    .map((card) => card.dataset.testid).filter((id) => id !== 'template-workflow-detail')
    .map((id) => id.slice('template-workflow-'.length))"""


@dataclass(frozen=True)
class Rank:
    """Where the first of ours stands in an answer."""

    word: str
    rank: int | None
    """From 1; None if none of ours is shown."""
    name: str
    first: str
    """What stands first."""
    count: int
    """How many answers are shown without scrolling further."""


def search_nodes(editor: Editor, ours: set[str]) -> list[Rank]:
    """Look every word up in the search box; `ours`: names of our nodes and boxes."""
    editor.blank()
    box = editor.page.locator("input[aria-controls=results-list]")
    editor.insist(
        lambda: box.is_visible() or editor.page.mouse.dblclick(*EMPTY_SPOT, delay=5),
        lambda longest: box.wait_for(timeout=longest),
    )
    found, before = [], _settled(editor, _NODES, [])
    for word in NODE_WORDS:
        box.fill(word)
        before = _settled(editor, _NODES, before)
        found.append(_rank(word, before, lambda text: _name_of(text, ours)))
    editor.adding.close_search()
    return found


def search_templates(editor: Editor, ours: set[str]) -> list[Rank]:
    """Look every word up among all templates; `ours`: names of our files."""
    editor.click(editor.page.get_by_role("button", name="Templates").first, opened=editor.templates)
    # the first time it opens with the few for beginners
    editor.templates.get_by_text("All Templates", exact=True).first.click()
    editor.page.locator("[data-testid^=template-workflow-]").first.wait_for()
    found, before = [], _settled(editor, _CARDS, [])
    for word in TEMPLATE_WORDS:
        editor.templates_search.fill(word)
        before = _settled(editor, _CARDS, before)
        found.append(_rank(word, before, lambda name: name if name in ours else ""))
    editor.close_templates()
    return found


def _rank(word: str, answers: list[str], our_name: Callable[[str], str]) -> Rank:
    names = [our_name(answer) for answer in answers]
    at = next((place for place, name in enumerate(names, 1) if name), None)
    first = answers[0].splitlines()[0] if answers else ""
    return Rank(word, at, names[at - 1] if at else "", first, len(answers))


def _name_of(text: str, ours: set[str]) -> str:
    """The name of a result that bears our badge, or that of the boxes, else nothing."""
    lines = [line.strip() for line in text.splitlines()]
    is_ours = "hires-fix" in lines or "Blueprint" in lines
    return next((line for line in lines if line in ours), "") if is_ours else ""


def _settled(editor: Editor, question: str, before: list[str]) -> list[str]:
    """The answers once they are others than before, which may never be, and no longer change."""
    now = before
    for _ in range(6):
        editor.page.wait_for_timeout(700)
        last, now = now, editor.page.evaluate(question)
        if now == last and now != before:
            break
    return now

"""The tables of nodes, of workflows, of Apps and of what is refused, in the README and in `docs/`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ...recipes.workflow import ShippedApp, Workflow
from ..mount import ROOT
from ..parity import differences
from ..parity.http import differences as http_differences
from .files import filled

if TYPE_CHECKING:
    from ...nodes.registry import Listed  # needs ComfyUI's modules


def generated(
    titles: Mapping[str, str],
    nodes: Mapping[str, Listed],
    workflows: Mapping[str, Workflow],
    apps: Mapping[str, ShippedApp],
) -> dict[Path, str]:
    """Return the pages with their tables made anew, in the words that stand at the decorators.

    `titles` are the display names. Raises `GenerateError` if a mark is missing.
    """
    listed = sorted(nodes, key=lambda name: nodes[name].place)
    forms = [f"| [{title}]({_file(title)}.app.json) | {app.about} |" for title, app in apps.items()]
    graphs = [f"| [{one.title}]({_file(one.title)}.json) | {one.about} |" for one in workflows.values()]
    shown = [_figure(one.title, one.about) for one in workflows.values()]
    tables = {
        "README.md": {
            "apps": _table("App", "A1111's", forms),
            "workflows": _table("workflow", "what it is for", graphs),
        },
        "docs/nodes.md": {
            "nodes": _table("node", "what it does", (f"| {titles[name]} | {nodes[name].about} |" for name in listed)),
        },
        "docs/workflows.md": {"gallery": "\n".join(shown)},
        "docs/a1111.md": {"refusals": differences.markdown() + "\n"},
        "docs/api.md": {"differences": http_differences.markdown() + "\n"},
    }
    return {ROOT / page: _with(page, parts) for page, parts in tables.items()}


def _with(page: str, parts: Mapping[str, str]) -> str:
    text = (ROOT / page).read_text(encoding="utf-8")
    for part, content in parts.items():
        text = filled(page, text, part, content)
    return text


def _file(title: str) -> str:
    return f"workflows/{quote(title)}"


def _figure(title: str, about: str) -> str:
    return f"**[{title}](../{_file(title)}.json)**: {about}\n\n![{title}](../{_file(title)}.jpg)\n"


def _table(left: str, right: str, rows: Iterable[str]) -> str:
    return "\n".join([f"| {left} | {right} |", "|---|---|", *rows]) + "\n"

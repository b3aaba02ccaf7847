"""The README's tables of nodes, of workflows and of what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ...recipes.workflow import Workflow
from ..mount import ROOT
from ..parity import differences
from .files import filled

if TYPE_CHECKING:
    from ...nodes.registry import Listed  # needs ComfyUI's modules

README = ROOT / "README.md"


def generated(
    titles: Mapping[str, str], nodes: Mapping[str, Listed], workflows: Mapping[str, Workflow]
) -> dict[Path, str]:
    """Return the README with its tables made anew, in the words that stand at the decorators.

    `titles` are the display names. Raises `GenerateError` if a mark is missing.
    """
    text = README.read_text(encoding="utf-8")
    about = [f"| {titles[name]} | {nodes[name].about} |" for name in sorted(nodes, key=lambda name: nodes[name].place)]
    text = filled(README.name, text, "nodes", _table("| node | what it does |\n|---|---|", about))
    about = [
        f"| ![](workflows/{quote(one.title)}.jpg) | [{one.title}](workflows/{quote(one.title)}.json) | {one.about} |"
        for one in workflows.values()
    ]
    text = filled(README.name, text, "workflows", _table("| | workflow | what it does |\n|---|---|---|", about))
    text = filled(README.name, text, "refusals", differences.markdown() + "\n")
    return {README: text}


def _table(head: str, rows: list[str]) -> str:
    return "\n".join([head, *rows]) + "\n"

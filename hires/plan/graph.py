"""What a run of a graph will do, shown before it: a line for every node of the pack whose numbers are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypedDict

from ..errors import InputError
from ..graph.reader import ApiGraph, Link, Node
from .areas import area_warnings
from .badge import RULES, STOPS, Badge, Rule
from .facts import Facts
from .infotext import infotext_badges

MOST_NODES = 10_000
"""Nodes of a graph that is read; the largest that people share have about two thousand."""


class Shown(TypedDict):
    """A badge as the editor takes it: a short line, which may be empty, and a sentence that says what to do."""

    text: str
    warning: str | None


def plan(prompt: Any, facts: Facts, go_on: Callable[[], bool] = lambda: True) -> dict[str, Shown]:
    """Read a graph without running it; badges are by node id, in the order of execution.

    Sizes, steps and memory come from the plans that the nodes carry out. What comes from a node that is not known, or
    depends on a model in a way that its file does not tell, is not guessed: such nodes show nothing.

    Args:
        prompt: the graph as `POST /prompt` takes it; odd parts of it are passed over.
        facts: what the graph does not say itself.
        go_on: asked before each node; once it says no, this node and all after it show nothing.

    Raises:
        InputError: a graph of more than `MOST_NODES`.
    """
    if isinstance(prompt, Mapping) and len(prompt) > MOST_NODES:
        raise InputError(
            f"The graph has {len(prompt)} nodes; what a run will do is told of up to {MOST_NODES}. It can be run all "
            "the same.",
            "prompt",
        )
    known: dict[Link, Any] = {}
    shown: dict[str, Shown] = {}
    for node in ApiGraph(prompt, known).in_order():
        if not go_on():
            break
        badge = _badge(node, facts)
        known.update(((node.id, index), value) for index, value in enumerate(badge.outputs) if value is not None)
        if badge.text or badge.warning:
            shown[node.id] = _shown(badge)
    for name, warning in area_warnings(prompt, go_on).items():
        before = shown.get(name, _shown(Badge()))
        shown[name] = {"text": before["text"], "warning": before["warning"] or warning}
    return {**shown, **{node: _shown(badge) for node, badge in infotext_badges(prompt, facts, go_on)}}


@cache
def rules() -> Mapping[str, Rule]:
    """The rules of all files in this folder, by class name."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        import_module(f".{path.stem}", __package__)
    return RULES


def _badge(node: Node, facts: Facts) -> Badge:
    rule = rules().get(node.kind)
    if rule is None:
        return Badge()
    try:
        return rule(node, facts)
    except InputError as error:
        return Badge(text=STOPS, warning=str(error))


def _shown(badge: Badge) -> Shown:
    return {"text": badge.text or "", "warning": badge.warning}

"""What a run will do, said before it: a line for every node of the pack whose numbers are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from ..errors import InputError
from ..graph.reader import ApiGraph, Link, Node
from .areas import area_warnings
from .nodes import RULES
from .rule import STOPS, Answer
from .texts import text_answers
from .values import Facts

MOST_NODES = 10_000
"""Nodes of a graph that is read; the largest that people share have about two thousand."""


class Said(TypedDict):
    """What a node shows."""

    text: str
    """One short line; may be empty where there is only a warning."""

    warning: str | None
    """A sentence that says what to do, if there is a reason."""


def plan(prompt: Any, facts: Facts, go_on: Callable[[], bool] = lambda: True) -> dict[str, Said]:
    """Read a graph without running it.

    Sizes and steps come from the functions that the nodes use themselves. What comes from a node that is not known,
    or depends on a model in a way that its file does not tell, is not guessed: nothing is said then.

    Args:
        prompt: the graph as `POST /prompt` takes it; odd parts of it are passed over.
        facts: what the graph does not say itself.
        go_on: asked before each node; once it says no, nothing is said of this node and all after it.

    Returns:
        By node id, in the order of execution.

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
    said: dict[str, Said] = {}
    for node in ApiGraph(prompt, known).in_order():
        if not go_on():
            break
        answer = _answer(node, facts)
        known.update(((node.id, index), value) for index, value in enumerate(answer.outputs) if value is not None)
        if answer.text or answer.warning:
            said[node.id] = _said(answer)
    for name, warning in area_warnings(prompt, go_on).items():
        before = said.get(name, _said(Answer()))
        said[name] = {"text": before["text"], "warning": before["warning"] or warning}
    return {**said, **{node: _said(answer) for node, answer in text_answers(prompt, go_on)}}


def _said(answer: Answer) -> Said:
    return {"text": answer.text or "", "warning": answer.warning}


def _answer(node: Node, facts: Facts) -> Answer:
    rule = RULES.get(node.kind)
    if rule is None:
        return Answer()
    try:
        return rule(node, facts)
    except InputError as error:
        return Answer(text=STOPS, warning=str(error))

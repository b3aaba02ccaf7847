"""What nodes that write A1111's generation text say before a run: why there will be none, or what it leaves out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..errors import InputError
from ..graph.reader import ApiGraph
from ..infotext.from_graph.passes import NoWordsError
from ..infotext.from_graph.read import read_graph
from .rule import STOPS, Answer

SAVES, WRITES = "HiresFixSaveImage", "HiresFixInfotext"
"""The nodes that write it: the one saves pictures without it, the other stops."""

_MOST = 16
"""Nodes that this is said of: each reads the whole graph."""

_MOST_NAMES = 3


def text_answers(prompt: Any, go_on: Callable[[], bool]) -> Iterator[tuple[str, Answer]]:
    """Give the ids of such nodes and what they say, those that have something to say.

    Args:
        prompt: the graph as `POST /prompt` takes it; odd parts of it are passed over.
        go_on: asked before each node; once it says no, nothing is said of all others.
    """
    walk = ApiGraph(prompt)
    writers = [node for node in walk if walk[node].kind == WRITES or _saves_text(walk, node)]
    for node in writers[:_MOST]:
        if not go_on():
            return
        answer = _answer(prompt, node, walk[node].kind == WRITES)
        if answer.text:
            yield node, answer


def _saves_text(walk: ApiGraph, node: str) -> bool:
    values = walk[node].inputs
    return walk[node].kind == SAVES and values.get("write_infotext", True) is True and not values.get("parameters")


def _answer(prompt: Any, node: str, stops: bool) -> Answer:
    try:
        missing = read_graph(prompt, node).not_in_text
    except InputError as error:
        if stops:
            return Answer(text=STOPS, warning=str(error))
        return Answer(text=f"no A1111 text: {error.reason}" if isinstance(error, NoWordsError) else None)
    more = f" and {len(missing) - _MOST_NAMES} more" if len(missing) > _MOST_NAMES else ""
    return Answer(text=f"A1111 text without {', '.join(missing[:_MOST_NAMES])}{more}" if missing else None)

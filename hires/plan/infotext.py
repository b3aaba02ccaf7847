"""What nodes that write A1111's generation text say before a run: why there will be none, or what it leaves out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..errors import InputError
from ..graph.reader import ApiGraph
from ..infotext.from_graph.passes import NoWordsError
from ..infotext.from_graph.read import read_graph
from .badge import STOPS, Badge
from .facts import Facts

SAVES, WRITES = "HiresFixSaveImage", "HiresFixInfotext"
"""The nodes that write it: the one saves pictures without it, the other stops."""

_MOST, _MOST_NAMES = 16, 3
"""Nodes that are looked at, for each of which all of the graph is read; and names in a line."""


def infotext_badges(prompt: Any, facts: Facts, go_on: Callable[[], bool]) -> Iterator[tuple[str, Badge]]:
    """Give the ids of such nodes and what they say, those that have something to say; for `go_on` see `graph.plan`."""
    graph = ApiGraph(prompt)
    writers = [node for node in graph if graph[node].kind == WRITES or _saves_text(graph, node)]
    for node in writers[:_MOST]:
        if not go_on():
            return
        badge = _badge(prompt, node, graph[node].kind == WRITES, facts)
        if badge.text:
            yield node, badge


def _saves_text(graph: ApiGraph, node: str) -> bool:
    values = graph[node].inputs
    return graph[node].kind == SAVES and values.get("write_infotext", True) is True and not values.get("parameters")


def _badge(prompt: Any, node: str, stops: bool, facts: Facts) -> Badge:
    try:
        missing = read_graph(prompt, node, styles=lambda: facts.styles() or {}).not_in_text
    except InputError as error:
        if stops:
            return Badge(text=STOPS, warning=str(error))
        return Badge(text=f"no A1111 text: {error.reason}" if isinstance(error, NoWordsError) else None)
    more = f" and {len(missing) - _MOST_NAMES} more" if len(missing) > _MOST_NAMES else ""
    return Badge(text=f"A1111 text without {', '.join(missing[:_MOST_NAMES])}{more}" if missing else None)

"""What nodes that write A1111's generation text say before a run: why there will be none, or what it leaves out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..errors import InputError
from ..graph.walk import GraphWalk
from ..infotext.from_graph.passes import UnsayableError
from ..infotext.from_graph.settings_of_graph import read_graph
from .badge import STOPS, Badge

SAVES, WRITES = "HiresFixSaveImage", "HiresFixInfotext"
"""The nodes that write it: the one saves pictures without it, the other stops."""

_MOST = 16
"""Nodes that this is said of: each reads the whole graph."""

_MOST_NAMES = 3


def infotext_badges(prompt: Any, go_on: Callable[[], bool]) -> Iterator[tuple[str, Badge]]:
    """Give the ids of such nodes and what they say, those that have something to say.

    Args:
        prompt: the graph as `POST /prompt` takes it; odd parts of it are passed over.
        go_on: asked before each node; once it says no, nothing is said of all others.
    """
    walk = GraphWalk(prompt)
    writers = [node for node in walk if walk.kind(node) == WRITES or _saves_text(walk, node)]
    for node in writers[:_MOST]:
        if not go_on():
            return
        badge = _badge(prompt, node, walk.kind(node) == WRITES)
        if badge.text:
            yield node, badge


def _saves_text(walk: GraphWalk, node: str) -> bool:
    values = walk.inputs(node)
    return walk.kind(node) == SAVES and values.get("write_infotext", True) is True and not values.get("parameters")


def _badge(prompt: Any, node: str, stops: bool) -> Badge:
    try:
        unsaid = read_graph(prompt, node).unsaid
    except InputError as error:
        if stops:
            return Badge(text=STOPS, warning=str(error))
        return Badge(text=f"no A1111 text: {error.reason}" if isinstance(error, UnsayableError) else None)
    more = f" and {len(unsaid) - _MOST_NAMES} more" if len(unsaid) > _MOST_NAMES else ""
    return Badge(text=f"A1111 text without {', '.join(unsaid[:_MOST_NAMES])}{more}" if unsaid else None)

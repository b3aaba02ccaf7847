"""A graph in API format, node by node, as far as it can be understood: whatever is odd is taken as unknown."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

MOST = 2**31
"""Largest number that is read; the host's widgets end below."""

Link = tuple[str, int]
"""Id of a node and number of its output."""


@dataclass(frozen=True)
class Node:
    """A node and what has become known of its inputs."""

    id: str
    kind: str
    inputs: Mapping[str, Any]
    known: Mapping[Link, Any]
    """Values on links, by where they come from."""

    def has(self, name: str) -> bool:
        """Whether something is connected or set, known or not."""
        return self.inputs.get(name) is not None

    def incoming(self, name: str, kind: type[T]) -> T | None:
        """What comes in by a link, if it is known and of this class."""
        link = link_of(self.inputs.get(name))
        value = self.known.get(link) if link else None
        return value if isinstance(value, kind) else None

    def value(self, name: str, default: Any = None) -> Any:
        """A widget's value, or what a link brings in its place; None if that is not known."""
        value = self.inputs.get(name, default)
        if isinstance(value, list):
            link = link_of(value)
            return self.known.get(link) if link else None
        return value

    def number(self, name: str, default: float | None = None) -> float | None:
        """A finite number. The host also takes numbers in strings."""
        value = self.value(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            return None
        try:
            number = float(value)
        except (ValueError, OverflowError):
            return None
        return number if math.isfinite(number) and abs(number) <= MOST else None

    def whole(self, name: str, default: int | None = None) -> int | None:
        """A whole number; the host cuts off what comes after the point."""
        number = self.number(name, default)
        return None if number is None else int(number)

    def text(self, name: str, default: str | None = None) -> str | None:
        """A string."""
        value = self.value(name, default)
        return value if isinstance(value, str) else None

    def flag(self, name: str, default: bool | None = None) -> bool | None:
        """A switch."""
        value = self.value(name, default)
        return value if isinstance(value, bool) else None


def link_of(value: Any) -> Link | None:
    """Read an input as a link: `["id", output]`."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], (str, int)) and type(value[1]) is int:
        return str(value[0]), value[1]
    return None


def in_order(prompt: Any, known: Mapping[Link, Any]) -> Iterator[Node]:
    """Give every node after those that it is linked to; nodes in a cycle, and those after them, never come.

    Args:
        prompt: the graph as `POST /prompt` takes it; what is not of this form is left out.
        known: filled by the caller with what the nodes given so far put out.
    """
    entries = prompt.items() if isinstance(prompt, Mapping) else ()
    nodes = {str(name): _node(str(name), entry, known) for name, entry in entries if isinstance(entry, Mapping)}
    after: dict[str, list[str]] = {name: [] for name in nodes}
    waiting: dict[str, int] = {}
    for name, node in nodes.items():
        links = [link_of(value) for value in node.inputs.values()]
        before = {link[0] for link in links if link and link[0] in nodes}
        waiting[name] = len(before)
        for source in before:
            after[source].append(name)
    ready = deque(name for name, count in waiting.items() if not count)
    while ready:
        name = ready.popleft()
        yield nodes[name]
        for following in after[name]:
            waiting[following] -= 1
            if not waiting[following]:
                ready.append(following)


def _node(name: str, entry: Mapping[str, Any], known: Mapping[Link, Any]) -> Node:
    kind, inputs = entry.get("class_type"), entry.get("inputs")
    return Node(name, kind if isinstance(kind, str) else "", inputs if isinstance(inputs, Mapping) else {}, known)

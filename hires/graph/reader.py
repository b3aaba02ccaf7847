"""Reading a graph in API format, in both directions of its links; whatever is odd in it is taken as unknown."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .passthrough import SWITCH

T = TypeVar("T")

MOST, MOST_SEED = 2**31, 2**64
"""Largest number and largest seed that are read; the host's widgets end below."""

Link = tuple[str, int]
"""Id of a node and number of its output."""


@dataclass(frozen=True)
class Node:
    """A node and what has become known of its inputs."""

    id: str
    kind: str
    """Class name; empty for a node that is not there."""

    inputs: Mapping[str, Any]
    known: Mapping[Link, Any]
    """Values on links, by where they come from."""

    others: Mapping[str, Node] = field(default_factory=dict, repr=False, compare=False)
    """The nodes of its graph by their ids."""

    found: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)
    """What walks through its graph have found, by what they look for and where they began: none is done twice."""

    def has(self, name: str) -> bool:
        """Whether something is connected or set, known or not."""
        return self.inputs.get(name) is not None

    def source(self, name: str) -> str | None:
        link = link_of(self.inputs.get(name))
        return link[0] if link else None

    def before(self, name: str) -> Node:
        """The node that an input is linked to; one of no kind and without inputs where there is none."""
        source = self.source(name) or ""
        return self.others.get(source) or Node(source, "", {}, self.known, self.others, self.found)

    def incoming(self, name: str, kind: type[T]) -> T | None:
        """What comes in by a link, if it is known and of this class."""
        link = link_of(self.inputs.get(name))
        value = self.known.get(link) if link else None
        return value if isinstance(value, kind) else None

    def value(self, name: str, default: Any = None) -> Any:
        """A widget's value, or what a link brings in its place; None if that is not known."""
        value = self.inputs.get(name, default)
        link = link_of(value)
        return self.known.get(link) if link else value

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

    def seed(self, name: str) -> int | None:
        """A whole number that may be too large for a float."""
        value = self.value(name)
        is_large = isinstance(value, int) and MOST < abs(value) <= MOST_SEED
        return value if is_large else self.whole(name)

    def text(self, name: str, default: str | None = None) -> str | None:
        value = self.value(name, default)
        return value if isinstance(value, str) else None

    def flag(self, name: str, default: bool | None = None) -> bool | None:
        value = self.value(name, default)
        return value if isinstance(value, bool) else None

    @property
    def constant(self) -> Any:
        """What a node hands on that has one value and nothing else, None for any other."""
        (value, *more) = self.inputs.values() or (None,)
        return None if more or isinstance(value, list) else value


def link_of(value: Any) -> Link | None:
    """Read an input as a link: `["id", output]`."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], (str, int)) and type(value[1]) is int:
        return str(value[0]), value[1]
    return None


class ApiGraph:
    """The nodes of a graph by their ids. Every walk comes by each node once, in a ring, too."""

    def __init__(self, prompt: Any, known: Mapping[Link, Any] | None = None) -> None:
        """Read a graph as `POST /prompt` takes it; what is not of this form is left out.

        `known`: values on links, also those that the caller adds later; without them those of `Node.constant`.
        """
        constants: dict[Link, Any] = {}
        self._constants = constants
        self._known = constants if known is None else known
        entries = prompt.items() if isinstance(prompt, Mapping) else ()
        self._nodes: dict[str, Node] = {}
        self._found: dict[Any, Any] = {}
        self._nodes |= {
            str(name): self._node(str(name), entry) for name, entry in entries if isinstance(entry, Mapping)
        }
        if known is None:
            links = (link_of(value) for node in self._nodes.values() for value in node.inputs.values())
            constants.update((link, value) for link in links if link and (value := self[link[0]].constant) is not None)

    def _node(self, name: str, entry: Mapping[str, Any]) -> Node:
        kind, inputs = entry.get("class_type"), entry.get("inputs")
        kind, inputs = kind if isinstance(kind, str) else "", inputs if isinstance(inputs, Mapping) else {}
        if kind == SWITCH and isinstance(is_on := inputs.get("switch"), bool):
            left = "on_false" if is_on else "on_true"
            inputs = {name: value for name, value in inputs.items() if name != left}
        return Node(name, kind, inputs, self._known, self._nodes, self._found)

    def learn(self, link: Link, value: Any) -> None:
        """Remember what a link brings."""
        self._constants[link] = value

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __getitem__(self, node: str | None) -> Node:
        """The node of that id; one of no kind and without inputs where there is none."""
        return self._nodes.get(node or "") or Node(node or "", "", {}, self._known, self._nodes, self._found)

    def in_order(self) -> Iterator[Node]:
        """Give every node after those that it is linked to; nodes in a cycle, and those after them, never come."""
        after: dict[str, list[str]] = {name: [] for name in self._nodes}
        waiting: dict[str, int] = {}
        for name, node in self._nodes.items():
            links = [link_of(value) for value in node.inputs.values()]
            before = {link[0] for link in links if link and link[0] in self._nodes}
            waiting[name] = len(before)
            for source in before:
                after[source].append(name)
        ready = deque(name for name, count in waiting.items() if not count)
        while ready:
            name = ready.popleft()
            yield self._nodes[name]
            for following in after[name]:
                waiting[following] -= 1
                if not waiting[following]:
                    ready.append(following)

    def upstream(self, node: str | None, follow: Callable[[str, str], bool]) -> Iterator[str]:
        """This node and those before it, the nearest first, along the inputs (node, name) that are to be followed."""
        waiting, seen = deque([] if node is None else [node]), {node}
        while waiting:
            current = waiting.popleft()
            yield current
            for name in self[current].inputs:
                source = self[current].source(name)
                if source is not None and source not in seen and follow(current, name):
                    seen.add(source)
                    waiting.append(source)

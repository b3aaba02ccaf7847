"""Reading a graph in API format against the direction of its links."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .infotext_networks import unmark_embeddings

_SIDES = ("positive", "negative")
"""Inputs of the nodes that take both prompts, and their first two outputs."""

_ZEROS = "ConditioningZeroOut"

_NO_PROMPT = frozenset(("clip", "model", "vae", "control_net", "image", "pixels", "samples", "latent", "mask", "noise"))
"""Inputs that lead to no prompt, in nodes whose inputs do not tell by their names."""

_NO_PICTURE = frozenset(
    (
        *("model", "clip", "vae", *_SIDES, "noise", "settings", "refiner"),
        *("target", "upscaler", "upscaler_2", "control_net", "mask", "guider"),
    )
)
"""Inputs that do not lead to the picture's origin."""


class GraphWalk:
    """Asks nodes what is before them, by their ids."""

    def __init__(self, prompt: Mapping[str, Any]) -> None:
        """`prompt`: the graph as `POST /prompt` takes it."""
        self._prompt = prompt

    def inputs(self, node: str) -> Mapping[str, Any]:
        """Values and links of a node; empty for one that the graph does not have."""
        return self._prompt.get(node, {}).get("inputs", {})

    def kind(self, node: str) -> str:
        """The node's type."""
        return self._prompt.get(node, {}).get("class_type", "")

    def source(self, node: str | None, name: str) -> str | None:
        """The node that an input is linked to."""
        found = self._link(node, name) if node else None
        return found and found[0]

    def upstream(self, node: str | None, follow: Callable[[str], bool]) -> Iterator[str]:
        """This node and those before it, the nearest first, along the inputs that are to be followed."""
        waiting, seen = [node] if node else [], set()
        while waiting:
            current = waiting.pop(0)
            if current in seen:
                continue
            seen.add(current)
            yield current
            sources = (self.source(current, name) for name in self.inputs(current) if follow(name))
            waiting += [source for source in sources if source]

    def way(self, node: str | None) -> Iterator[str]:
        """This node and those before it that the picture comes through, the nearest first."""
        return self.upstream(node, lambda name: name not in _NO_PICTURE)

    def value(self, node: str | None, name: str, kind: type | tuple[type, ...]) -> Any:
        """A widget's value, also where it comes from a node that holds nothing else; None if not of this type."""
        if node is None:
            return None
        source = self.source(node, name)
        if source:
            held = [value for value in self.inputs(source).values() if not isinstance(value, list)]
            value = held[0] if len(held) == len(self.inputs(source)) == 1 else None
        else:
            value = self.inputs(node).get(name)
        return value if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)) else None

    def whole(self, node: str | None, name: str) -> int | None:
        """A widget's whole number."""
        return self.value(node, name, int)

    def number(self, node: str | None, name: str) -> float | None:
        """A widget's number."""
        return self.value(node, name, (int, float))

    def text(self, node: str | None, name: str) -> str | None:
        """A widget's text."""
        return self.value(node, name, str)

    def prompt_nodes(self, node: str, side: str) -> list[str]:
        """Where the positive or negative prompt of a node begins: nodes that hold a text, zeros, or are not known."""
        start = self._link(node, side)
        waiting, seen, found = [(*start, side)] if start else [], set(), []
        while waiting:
            current, output, side = waiting.pop(0)
            if (current, output, side) in seen:
                continue
            seen.add((current, output, side))
            before = [] if self._is_prompt(current) else self._prompts_before(current, output, side)
            waiting += before
            if not before and current not in found:
                found.append(current)
        return found

    def words(self, node: str, side: str) -> str | None:
        """The positive or negative prompt of a node, as A1111 wants it; None unless it is one text that is known."""
        nodes = self.prompt_nodes(node, side)
        texts = {"" if self.kind(found) == _ZEROS else self.text(found, "text") for found in nodes}
        text = texts.pop() if len(texts) == 1 else None
        return None if text is None else unmark_embeddings(text)

    def _link(self, node: str, name: str) -> tuple[str, int] | None:
        """The node and the number of its output that an input is linked to."""
        found = self.inputs(node).get(name)
        return (str(found[0]), found[1]) if isinstance(found, list) and len(found) == 2 else None

    def _is_prompt(self, node: str) -> bool:
        return "text" in self.inputs(node) or self.kind(node) == _ZEROS

    def _prompts_before(self, node: str, output: int, side: str) -> list[tuple[str, int, str]]:
        """Nodes, outputs and sides that an output of a node which holds no text takes its prompt from."""
        links = {name: link for name in self.inputs(node) if (link := self._link(node, name))}
        if any(name in links for name in _SIDES):
            # where a model goes through the node, too, the outputs may be in another order
            if all(name in links for name in _SIDES) and "model" not in links and output in (0, 1):
                side = _SIDES[output]
            names = [side] if side in links else []
        else:
            names = [name for name in links if "cond" in name] or [name for name in links if name not in _NO_PROMPT]
        return [(*links[name], side) for name in names]

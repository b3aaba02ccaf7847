"""Reading a graph in API format against the direction of its links."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..prompts.embeddings import unmark_embeddings
from .reader import link_of

SIDES = ("positive", "negative")
"""Inputs of the nodes that take both prompts, and their first two outputs."""

_ZEROS = "ConditioningZeroOut"

_NO_PROMPT = frozenset(("clip", "model", "vae", "control_net", "image", "pixels", "samples", "latent", "mask", "noise"))
"""Inputs that lead to no prompt, in nodes whose inputs do not tell by their names."""

_NO_PICTURE = frozenset(
    (
        *("model", "clip", "vae", *SIDES, "noise", "settings", "refiner"),
        *("target", "upscaler", "upscaler_2", "control_net", "mask", "guider"),
        *("steps", "cfg", "sampler_name", "scheduler", "denoising_strength", "hr_second_pass_steps"),
    )
)
"""Inputs that do not lead to the picture's origin."""


class GraphWalk:
    """Asks nodes what is before them, by their ids. Every walk comes by each node once, in a ring, too."""

    def __init__(self, prompt: Any) -> None:
        """`prompt`: the graph as `POST /prompt` takes it; what is not of this form is left out."""
        entries = prompt.items() if isinstance(prompt, Mapping) else ()
        self._nodes = {str(name): entry for name, entry in entries if isinstance(entry, Mapping)}

    def __iter__(self) -> Iterator[str]:
        """Every node."""
        return iter(self._nodes)

    def inputs(self, node: str) -> Mapping[str, Any]:
        """Values and links of a node; empty for one that the graph does not have."""
        found = self._nodes.get(node, {}).get("inputs")
        return found if isinstance(found, Mapping) else {}

    def kind(self, node: str) -> str:
        """The node's type."""
        found = self._nodes.get(node, {}).get("class_type")
        return found if isinstance(found, str) else ""

    def source(self, node: str | None, name: str) -> str | None:
        """The node that an input is linked to."""
        found = None if node is None else link_of(self.inputs(node).get(name))
        return found[0] if found else None

    def upstream(self, node: str | None, follow: Callable[[str, str], bool]) -> Iterator[str]:
        """This node and those before it, the nearest first, along the inputs (node, name) that are to be followed."""
        waiting, seen = deque([] if node is None else [node]), {node}
        while waiting:
            current = waiting.popleft()
            yield current
            for name in self.inputs(current):
                source = self.source(current, name)
                if source is not None and source not in seen and follow(current, name):
                    seen.add(source)
                    waiting.append(source)

    def way(self, node: str | None) -> Iterator[str]:
        """This node and those before it that the picture comes through, the nearest first."""
        return self.upstream(node, lambda _, name: name not in _NO_PICTURE)

    def models(self, node: str | None) -> Iterator[str]:
        """The nodes that an input `model` comes through, the nearest first."""
        return self.upstream(self.source(node, "model"), lambda _, name: name.startswith("model"))

    def draws(self, node: str) -> bool:
        """Whether this node samples: it takes prompts, as those of all packs do."""
        return any(self.source(node, name) is not None for name in ("positive", "guider"))

    def value(self, node: str | None, name: str, kind: type | tuple[type, ...]) -> Any:
        """A widget's value, also where it comes from a node that holds nothing else; None if not of this type."""
        if node is None:
            return None
        source = self.source(node, name)
        value = self.inputs(node).get(name) if source is None else self.held(source)
        is_switch = isinstance(value, bool) and kind not in (bool, object)
        return value if isinstance(value, kind) and not is_switch else None

    def held(self, node: str) -> Any:
        """What a node hands on that has one value and nothing else, None for any other."""
        (value, *more) = self.inputs(node).values() or (None,)
        return None if more or isinstance(value, list) else value

    def whole(self, node: str | None, name: str) -> int | None:
        """A widget's whole number."""
        return self.value(node, name, int)

    def number(self, node: str | None, name: str) -> float | None:
        """A widget's number."""
        return self.value(node, name, (int, float))

    def text(self, node: str | None, name: str) -> str | None:
        """A widget's text."""
        return self.value(node, name, str)

    def flag(self, node: str | None, name: str) -> bool | None:
        """A widget's switch."""
        return self.value(node, name, bool)

    def prompt_way(self, node: str | None, side: str) -> dict[str, bool]:
        """The nodes that the positive or negative prompt of a node comes through, the nearest first.

        Each with whether it is a beginning: a node that holds a text, zeros, or is not known.
        """
        start = link_of(self.inputs(node).get(side)) if node is not None else None
        waiting = deque([(*start, side)] if start else [])
        seen, found = set(waiting), dict[str, bool]()
        while waiting:
            current, output, side = waiting.popleft()
            before = [] if self._is_prompt(current) else self._prompts_before(current, output, side)
            found[current] = not before or found.get(current, False)
            for step in before:
                if step not in seen:
                    seen.add(step)
                    waiting.append(step)
        return found

    def prompt_nodes(self, node: str, side: str) -> list[str]:
        """Where the positive or negative prompt of a node begins, see `prompt_way`."""
        return [found for found, begins in self.prompt_way(node, side).items() if begins]

    def words(self, node: str, side: str) -> str | None:
        """The positive or negative prompt of a node, as A1111 wants it; None unless it is one text that is known."""
        nodes = self.prompt_nodes(node, side)
        texts = {"" if self.kind(found) == _ZEROS else self.text(found, "text") for found in nodes}
        text = texts.pop() if len(texts) == 1 else None
        return None if text is None else unmark_embeddings(text)

    def encoding(self, node: str | None) -> tuple[int, str, bool]:
        """How a node that holds a prompt encodes it: clip skip, emphasis, whether it pads."""
        skip = self.whole(node, "clip_skip")
        if skip is None:
            clips = self.upstream(self.source(node, "clip") if node else None, lambda _, name: name.startswith("clip"))
            layers = (self.whole(clip, "stop_at_clip_layer") for clip in clips)
            skip = -next((layer for layer in layers if layer is not None), -1)
        return skip, self.text(node, "emphasis") or "Original", bool(self.flag(node, "pad_cond_uncond"))

    def _is_prompt(self, node: str) -> bool:
        return "text" in self.inputs(node) or self.kind(node) == _ZEROS

    def _prompts_before(self, node: str, output: int, side: str) -> list[tuple[str, int, str]]:
        """Nodes, outputs and sides that an output of a node which holds no text takes its prompt from."""
        links = {name: link for name, value in self.inputs(node).items() if (link := link_of(value))}
        if any(name in links for name in SIDES):
            # where a model goes through the node, too, the outputs may be in another order
            if all(name in links for name in SIDES) and "model" not in links and output in (0, 1):
                side = SIDES[output]
            names = [side] if side in links else []
        else:
            names = [name for name in links if "cond" in name] or [name for name in links if name not in _NO_PROMPT]
        return [(*links[name], side) for name in names]

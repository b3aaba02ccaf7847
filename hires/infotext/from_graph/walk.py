"""The ways of pictures, models and prompts through a graph, from their end to where they begin."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from ...graph.passthrough import LDSR_SETTINGS, MADE_UPSCALERS
from ...graph.reader import ApiGraph, link_of
from ...prompts.embeddings import unmark_embeddings
from .texts import Styles, learn_texts

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


class PictureGraph(ApiGraph):
    """A graph that is asked for the way of its pictures and prompts, against the direction of the links."""

    def __init__(self, prompt: Any, styles: Styles = lambda: {}) -> None:
        super().__init__(prompt)
        learn_texts(self, styles)

    def way(self, node: str | None) -> Iterator[str]:
        """This node and those before it that the picture comes through, the nearest first."""
        return self.upstream(node, lambda _, name: name not in _NO_PICTURE)

    def models(self, node: str | None) -> Iterator[str]:
        """The nodes that an input `model` comes through, the nearest first."""
        return self.upstream(self[node].source("model"), lambda _, name: name.startswith("model"))

    def upscaler(self, node: str, name: str = "upscaler") -> str | None:
        """What an upscaler's loader lists it as; the name of one that is made by a node."""
        loader = self[self[node].source(name)]
        for _ in self:  # as many of them as there are nodes, in a ring, too
            if loader.kind == LDSR_SETTINGS:
                loader = loader.before("upscaler")
        return MADE_UPSCALERS.get(loader.kind) or loader.text("upscaler_name") or loader.text("model_name")

    def draws(self, node: str) -> bool:
        """Whether this node samples: it takes prompts, as those of all packs do."""
        return any(self[node].source(name) is not None for name in ("positive", "guider"))

    def prompt_way(self, node: str | None, side: str) -> dict[str, bool]:
        """The nodes that the positive or negative prompt of a node comes through, the nearest first.

        Each with whether it is a beginning: a node that holds a text, zeros, or is not known.
        """
        start = link_of(self[node].inputs.get(side)) if node is not None else None
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
        texts = {"" if self[found].kind == _ZEROS else self[found].text("text") for found in nodes}
        text = texts.pop() if len(texts) == 1 else None
        return None if text is None else unmark_embeddings(text)

    def encoding(self, node: str | None) -> tuple[int, str, bool]:
        """How a node that holds a prompt encodes it: clip skip, emphasis, whether it pads."""
        skip = self[node].whole("clip_skip")
        if skip is None:
            clips = self.upstream(self[node].source("clip") if node else None, lambda _, name: name.startswith("clip"))
            layers = (self[clip].whole("stop_at_clip_layer") for clip in clips)
            skip = -next((layer for layer in layers if layer is not None), -1)
        return skip, self[node].text("emphasis") or "Original", bool(self[node].flag("pad_cond_uncond"))

    def _is_prompt(self, node: str) -> bool:
        return "text" in self[node].inputs or self[node].kind == _ZEROS

    def _prompts_before(self, node: str, output: int, side: str) -> list[tuple[str, int, str]]:
        """Nodes, outputs and sides that an output of a node which holds no text takes its prompt from."""
        links = {name: link for name, value in self[node].inputs.items() if (link := link_of(value))}
        if any(name in links for name in SIDES):
            # where a model goes through the node, too, the outputs may be in another order
            if all(name in links for name in SIDES) and "model" not in links and output in (0, 1):
                side = SIDES[output]
            names = [side] if side in links else []
        else:
            names = [name for name in links if "cond" in name] or [name for name in links if name not in _NO_PROMPT]
        return [(*links[name], side) for name in names]

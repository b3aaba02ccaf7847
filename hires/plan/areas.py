"""Areas in pixels that the second pass cannot move with the picture, because it does not know the first pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..graph.reader import ApiGraph, Node
from ..graph.same import first_pass

_PLACES = ("ConditioningSetArea", "GLIGENTextBoxApply")
_PROMPTS = ("positive", "negative", "conditioning", "cond1", "cond2", "empty_conditioning")

WARNING = (
    "Areas in pixels in this prompt also serve an earlier pass, of another size as it seems, and the way from there "
    "is not known here: they stay where they are. Use Conditioning (Set Area with Percentage), Base Sampling for the "
    "first pass and Pixel Upscale or Latent Upscale after it, or areas of this pass's own."
)


def area_warnings(prompt: Any, go_on: Callable[[], bool]) -> dict[str, str]:
    """Return a warning for each Second Sampling whose areas are an earlier pass's and will not be moved.

    `go_on` is asked before each that has prompts; once it says no, the rest is left out.
    """
    graph, warnings = ApiGraph(prompt), {}
    for name in graph:
        node = graph[name]
        start = node.source("latent")
        if node.kind != "HiresFixSecondSampling" or not _prompts(node) or start is None:
            continue
        if not go_on():
            break
        own = _places(graph, _prompts(node))
        if not own or first_pass(node)[0]:
            continue
        before = [prompt for other in _behind(graph, [start]) for prompt in _prompts(graph[other])]
        if own & _places(graph, before):
            warnings[name] = WARNING
    return warnings


def _prompts(node: Node) -> list[str]:
    """The nodes that its prompts come from."""
    return [source for name in _PROMPTS if (source := node.source(name)) is not None]


def _behind(graph: ApiGraph, nodes: Iterable[str]) -> set[str]:
    """These nodes and all that they depend on."""
    seen, waiting = set(), list(nodes)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            node = graph[name]
            waiting += filter(None, map(node.source, node.inputs))
    return seen


def _places(graph: ApiGraph, prompts: Iterable[str]) -> set[str]:
    return {name for name in _behind(graph, prompts) if graph[name].kind in _PLACES}

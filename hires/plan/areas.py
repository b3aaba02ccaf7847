"""Areas in pixels that the second pass cannot move with the picture, because it does not know the first pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..graph.reader import link_of

_PLACES = ("ConditioningSetArea", "GLIGENTextBoxApply")
_PROMPTS = ("positive", "negative", "conditioning", "cond1", "cond2", "empty_conditioning")
_SAME_LATENT = ("latent", "samples", "latent_image", "latents")
"""Inputs whose LATENT a node hands on with its keys."""

WARNING = (
    "Areas in pixels in this prompt also serve an earlier pass, of another size as it seems, and the way from there "
    "is not known here: they stay where they are. Use Conditioning (Set Area with Percentage), Base Sampling for the "
    "first pass and Pixel Upscale or Latent Upscale after it, or areas of this pass's own."
)


def area_warnings(prompt: Any, go_on: Callable[[], bool]) -> dict[str, str]:
    """Return a warning for each Second Sampling whose areas are an earlier pass's and will not be moved.

    Args:
        prompt: the graph as `POST /prompt` takes it.
        go_on: asked before each Second Sampling with prompts; once it says no, the rest is left out.
    """
    nodes = {str(name): node for name, node in prompt.items()} if isinstance(prompt, Mapping) else {}
    links = {name: _links(node) for name, node in nodes.items()}
    seconds = [name for name, node in nodes.items() if _kind(node) == "HiresFixSecondSampling"]
    warnings = {}
    for name in seconds:
        prompts, start = [source for key, source in links[name].items() if key in _PROMPTS], links[name].get("latent")
        if not prompts or start is None:
            continue
        if not go_on():
            break
        own = _places(nodes, links, prompts)
        if not own or _knows_the_first_pass(nodes, links, start):
            continue
        before = _behind(links, [start])
        prompts = [source for other in before for key, source in links.get(other, {}).items() if key in _PROMPTS]
        if own & _places(nodes, links, prompts):
            warnings[name] = WARNING
    return warnings


def _kind(node: Any) -> Any:
    return node.get("class_type") if isinstance(node, Mapping) else None


def _links(node: Any) -> dict[str, str]:
    inputs = node.get("inputs") if isinstance(node, Mapping) else None
    found = {key: link_of(value) for key, value in inputs.items()} if isinstance(inputs, Mapping) else {}
    return {str(key): link[0] for key, link in found.items() if link}


def _behind(links: Mapping[str, Mapping[str, str]], ahead: Iterable[str]) -> set[str]:
    """These nodes and all that they depend on."""
    seen, waiting = set(), list(ahead)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += links.get(name, {}).values()
    return seen


def _places(nodes: Mapping[str, Any], links: Mapping[str, Mapping[str, str]], ahead: Iterable[str]) -> set[str]:
    return {name for name in _behind(links, ahead) if _kind(nodes.get(name)) in _PLACES}


def _knows_the_first_pass(nodes: Mapping[str, Any], links: Mapping[str, Mapping[str, str]], start: str) -> bool:
    name: str | None = start
    for _ in range(len(nodes)):
        if name is None or _kind(nodes.get(name)) == "HiresFixBaseSampling":
            return name is not None
        inputs = links.get(name, {})
        name = next((inputs[key] for key in _SAME_LATENT if key in inputs), None)
    return False

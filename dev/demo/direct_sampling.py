"""The same picture without hires fix: sampled at the full size at once, beside what a saved workflow does."""

from __future__ import annotations

import copy
from typing import Any

Graph = dict[str, dict[str, Any]]

TITLE = "Sampled directly"


def add_direct(graph: Graph, factor: float) -> str:
    """Add to a saved hires fix a second first pass, `factor` times as large, with all else equal.

    Returns the id of the node that shows the picture; its title is `TITLE`. The graph is changed in place.
    """
    (sampling,) = (node for node in graph.values() if node["class_type"] == "HiresFixBaseSampling")
    empty = graph[sampling["inputs"]["latent"][0]]
    decode = next(node for node in graph.values() if node["class_type"] == "VAEDecode")
    larger = {name: round(_value(graph, empty["inputs"][name]) * factor) for name in ("width", "height")}
    parts: dict[str, dict[str, Any]] = {"latent": empty, "sampling": sampling, "picture": decode}
    changes: dict[str, dict[str, Any]] = {
        "latent": larger,
        "sampling": {"latent": ["direct-latent", 0]},
        "picture": {"samples": ["direct-sampling", 0]},
    }
    for part, node in parts.items():
        added = copy.deepcopy(node)
        added["inputs"] |= changes[part]
        graph[f"direct-{part}"] = added
    shown = {"class_type": "PreviewImage", "inputs": {"images": ["direct-picture", 0]}, "_meta": {"title": TITLE}}
    graph["direct"] = shown
    return "direct"


def _value(graph: Graph, value: Any) -> Any:
    """What goes into an input, also by way of a primitive node."""
    return graph[value[0]]["inputs"]["value"] if isinstance(value, list) else value

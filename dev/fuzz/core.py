"""Whether core's own sampler fails alike: then the fault is in what was wired to it, such as another node's patch."""

from __future__ import annotations

from typing import Any

from ..host.comfy_client import Graph, Run

SAMPLINGS = ("HiresFixBaseSampling", "HiresFixSecondSampling")

# so many steps that patches for a part of the way have their turn
_STEPS = 10
_SAMPLER = {"seed": 0, "steps": _STEPS, "cfg": 7.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}


def as_core(graph: Graph, failed: str) -> Graph | None:
    """The part of a graph that leads to a sampling, with core's nodes in its place; None for other nodes."""
    node = graph[failed]
    if node["class_type"] not in SAMPLINGS:
        return None
    kept: Graph = {}
    given = node["inputs"]
    latent = {"latent_image": given["latent"]}
    if "guider" in given:
        add(kept, "core-noise", "RandomNoise", noise_seed=0)
        add(kept, "core-sampler", "KSamplerSelect", sampler_name="euler")
        add(kept, "core-sigmas", "BasicScheduler", model=given["model"], scheduler="simple", steps=_STEPS, denoise=1.0)
        parts = {name: [f"core-{name}", 0] for name in ("noise", "sampler", "sigmas")}
        add(kept, "core", "SamplerCustomAdvanced", guider=given["guider"], **parts, **latent)
    else:
        wired = {name: given[name] for name in ("model", "positive", "negative")}
        add(kept, "core", "KSampler", **_SAMPLER, **wired, **latent)
    add(kept, "core-seen", "FuzzSee", latent=["core", 0])
    ahead = [value[0] for each in kept.values() for value in each["inputs"].values() if isinstance(value, list)]
    while ahead:
        name = ahead.pop()
        if name in graph and name not in kept:
            kept[name] = graph[name]
            ahead += [value[0] for value in graph[name]["inputs"].values() if isinstance(value, list)]
    return kept


def add(graph: Graph, name: str, kind: str, **inputs: Any) -> None:
    """Put a node into a graph."""
    graph[name] = {"class_type": kind, "inputs": inputs}


def fails_alike(ours: Run, core: Run) -> bool:
    """Whether core's sampler has raised the same kind of error."""
    return bool(
        ours.error
        and core.error
        and core.error.get("node_id") == "core"
        and core.error["exception_type"] == ours.error["exception_type"]
    )

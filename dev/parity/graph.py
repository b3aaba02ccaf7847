"""A recorded txt2img job as a graph of the pack's nodes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Literal

import torch

Variant = Literal["injected", "encoded"]
"""Where the text embeddings come from: the recording, or the pack's own prompt node."""

Link = list[Any]
"""`[node id, output index]`."""


class NodeGraph(dict[str, dict[str, Any]]):
    """An API prompt that grows by `add`; the same node is never added twice."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, str] = {}

    def add(self, class_type: str, output: int = 0, **inputs: Any) -> Link:
        """Return a link to an output of this node. Inputs that are None are left out."""
        given = {name: value for name, value in inputs.items() if value is not None}
        key = json.dumps([class_type, given], sort_keys=True)
        if key not in self._known:
            self._known[key] = str(len(self) + 1)
            self[self._known[key]] = {"class_type": class_type, "inputs": given}
        return [self._known[key], output]

    def unknown(self, nodes: Mapping[str, Any]) -> str:
        """What this graph wants and a server with these nodes lacks: the server itself ignores unknown inputs."""
        for node in self.values():
            kind = node["class_type"]
            if kind not in nodes:
                return f"there is no node {kind}"
            known = {name for group in nodes[kind]["input"].values() for name in group}
            for name in node["inputs"]:
                if name not in known:
                    return f"{kind} has no input '{name}'"
        return ""


@dataclass
class Plan:
    """A graph, the files it reads, and where it leaves what will be compared."""

    graph: NodeGraph = field(default_factory=NodeGraph)
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    tensors: dict[str, torch.Tensor] = field(default_factory=dict)
    """What goes into the input file."""

    saves: dict[str, str] = field(default_factory=dict)
    """`it0.first.latent` -> file name, without suffix, in the output folder."""

    uploads: dict[str, PurePath] = field(default_factory=dict)
    """Name in the input folder -> picture."""

    @property
    def file(self) -> str:
        """Name of the input file."""
        return f"{self.run_id}.safetensors"

    def save(self, stage: str, **tensors: Link) -> None:
        """Keep a latent, sigmas or an image for the comparison."""
        name = f"{self.run_id}-{stage}"
        self.graph.add("ProbeSave", name=name, **tensors)
        self.saves[stage] = name

    def watch(self, model: Link, stage: str) -> Link:
        """Return the MODEL with a list kept of the sigmas that its denoiser is called with."""
        return self.graph.add("ProbeCalls", model=model, name=f"{self.run_id}-{stage}")

    def save_calls(self, stage: str, after: Link) -> None:
        """Keep that list for the comparison, once the latent `after` is there."""
        name = f"{self.run_id}-{stage}"
        self.graph.add("ProbeSaveCalls", name=name, after=after)
        self.saves[stage] = name

    def picture(self, path: PurePath) -> Link:
        """An input picture as IMAGE; its alpha is output 1, as MASK."""
        name = f"{self.run_id}-{path.name}"
        self.uploads[name] = path
        return self.graph.add("HiresFixLoadImage", image=name, channels="RGB and mask")

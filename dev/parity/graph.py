"""A recorded job as a graph of the pack's nodes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from ...hires.graph import definitions
from ...hires.graph.builder import Graph, Node, Output, Place, Stage
from ...hires.graph.definitions import NodeDefinition
from ...hires.graph.to_api import api_value

Variant = Literal["injected", "encoded"]
"""Where the text embeddings come from: the recording, or the pack's own prompt node."""

_PLACE = Place(Stage(""), 0)


class LooseNode(Node):
    """A node that may not be recorded; of one that is not, outputs have numbers only."""

    def out(self, which: int | str = 0) -> Output:
        """The output at an index or with a name."""
        return Output(self, which) if isinstance(which, int) else super().out(which)


class LooseGraph(Graph):
    """A graph of any nodes: nothing is checked, filled in or grouped. The same node is never added twice."""

    def __init__(self) -> None:
        super().__init__("parity")
        self._same: dict[str, LooseNode] = {}

    def node(self, type_name: str, /, *, title: str | None = None, **inputs: Any) -> LooseNode:
        """Add a node. Inputs that are None are left out."""
        given = {name: value for name, value in inputs.items() if value is not None}
        links = {name: api_value(value) for name, value in given.items()}
        key = json.dumps([type_name, links], sort_keys=True)
        if key not in self._same:
            unknown = NodeDefinition(type_name, type_name, "", "", is_output=True, inputs=(), outputs=())
            definition = definitions.load().get(type_name, unknown)
            self._same[key] = LooseNode(len(self.items) + 1, definition, title or type_name, _PLACE, inputs=given)
            self.items.append(self._same[key])
        return self._same[key]

    def lacking(self, nodes: Mapping[str, Any]) -> str:
        """What this graph wants and a server with these nodes lacks: the server itself ignores unknown inputs."""
        for node in self.nodes:
            kind = node.definition.type
            if kind not in nodes:
                return f"there is no node {kind}"
            known = {name for group in nodes[kind]["input"].values() for name in group}
            for name in node.inputs:
                if name not in known:
                    return f"{kind} has no input '{name}'"
        return ""


@dataclass
class Plan:
    """A graph, the files it reads, and where it leaves what will be compared."""

    graph: LooseGraph = field(default_factory=LooseGraph)
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    tensors: dict[str, torch.Tensor] = field(default_factory=dict)
    """What goes into the input file."""
    saves: dict[str, str] = field(default_factory=dict)
    """`it0.first.latent` -> file name, without suffix, in the output folder."""
    uploads: dict[str, bytes] = field(default_factory=dict)
    """Name in the input folder -> picture file."""

    @property
    def file(self) -> str:
        """Name of the input file."""
        return f"{self.run_id}.safetensors"

    def save(self, stage: str, **tensors: Output) -> None:
        """Keep a latent, sigmas or an image for the comparison."""
        name = f"{self.run_id}-{stage}"
        self.graph.node("ProbeSave", title=None, name=name, **tensors)
        self.saves[stage] = name

    def save_all(self, stage: str, latents: Output) -> None:
        """Keep every latent of a list."""
        name = f"{self.run_id}-{stage}"
        self.graph.node("ProbeSaveAll", name=name, latent=latents)
        self.saves[stage] = name

    def watch(self, model: Output, stage: str) -> Output:
        """Return the MODEL with a list kept of the sigmas that its denoiser is called with."""
        return self.graph.node("ProbeCalls", model=model, name=f"{self.run_id}-{stage}").out()

    def save_calls(self, stage: str, after: Output) -> None:
        """Keep that list for the comparison, once the latent `after` is there."""
        name = f"{self.run_id}-{stage}"
        self.graph.node("ProbeSaveCalls", name=name, after=after)
        self.saves[stage] = name

    def picture(self, path: Path, channels: str = "RGB and mask") -> Output:
        """An input picture as IMAGE; its alpha is output 1, as MASK."""
        name = f"{self.run_id}-{path.name}"
        self.uploads[name] = path.read_bytes()
        return self.graph.node("HiresFixLoadImage", image=name, channels=channels).out()

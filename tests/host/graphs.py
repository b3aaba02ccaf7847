"""Short graphs in API format, and tensors on their way into and out of the real host."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

import torch
from hires_pack.dev.fixtures.families import Family
from hires_pack.dev.host.comfyui_host import ComfyUIHost
from safetensors.torch import load_file, save

ROOT = Path(__file__).resolve().parents[2]


class Node:
    """A node of a `Graph`; `node[1]` is its second output, the node itself stands for the first."""

    def __init__(self, node_id: str) -> None:
        self.id = node_id

    def __getitem__(self, index: int) -> list[Any]:
        return [self.id, index]


class Graph(dict):
    """An API prompt that grows by `add`."""

    def add(self, class_type: str, **inputs: Any) -> Node:
        node_id = str(len(self) + 1)
        wired = {name: value[0] if isinstance(value, Node) else value for name, value in inputs.items()}
        self[node_id] = {"class_type": class_type, "inputs": wired, "_meta": {"title": class_type}}
        return Node(node_id)

    def save(self, **tensors: Node | list[Any]) -> tuple[Node, str]:
        """Write a latent, sigmas or image to a file of its own; returns the node and the file's name."""
        name = uuid.uuid4().hex
        return self.add("ProbeSave", name=name, **tensors), name


def saved(host: ComfyUIHost, name: str) -> dict[str, torch.Tensor]:
    """Read what `Graph.save` wrote."""
    return load_file(host.base / "output" / f"{name}.safetensors")


def give(host: ComfyUIHost, **tensors: torch.Tensor) -> str:
    """Put tensors into the host's input folder for the probe nodes; returns the file's name.

    Equal tensors have one name, so that the host takes from its cache what the prompt before made of them.
    """
    content = save({key: value.contiguous() for key, value in tensors.items()})
    name = f"{hashlib.sha256(content).hexdigest()}.safetensors"
    (host.base / "input" / name).write_bytes(content)
    return name


def conditioning(host: ComfyUIHost, family: Family) -> str:
    """A file with made-up "positive" and "negative" conditioning for a family."""
    tensors = {}
    for seed, key in enumerate(("positive", "negative")):
        generator = torch.Generator().manual_seed(seed)
        tensors[key] = torch.randn(1, 77, family.context_width, generator=generator)
        if family.pooled_width:
            tensors[f"{key}.pooled"] = torch.randn(1, family.pooled_width, generator=generator)
    return give(host, **tensors)


def api_workflow(name: str) -> dict[str, Any]:
    """A saved workflow in API format."""
    return json.loads((ROOT / "workflows" / "api" / f"{name}.json").read_text(encoding="utf-8"))


def nodes_of(graph: dict[str, Any], class_type: str) -> list[str]:
    """Ids of the nodes of a type."""
    return [node_id for node_id, node in graph.items() if node["class_type"] == class_type]


def set_everywhere(graph: dict[str, Any], **values: Any) -> None:
    """Set widgets by name wherever a node has one that is not linked."""
    for node in graph.values():
        for name, value in values.items():
            if name in node["inputs"] and not isinstance(node["inputs"][name], list):
                node["inputs"][name] = value

"""What a job is known by after a restart: everything before the node that could decide about its pixels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import folder_paths
import torch
from comfy_execution.graph_utils import is_link

_LONGEST_NAME = 255


def origin(dynprompt: Any, node_id: str, prompts: Iterable[Any]) -> str:
    """Return letters that stand for the nodes before this one, the files they name, and these prompts.

    The numbers of nodes do not count.
    """
    known: dict[str, str] = {}

    def of(node: str) -> str:
        if node not in known:
            info = dynprompt.get_node(node)
            known[node] = _digest([info["class_type"], {name: value(one) for name, one in info["inputs"].items()}])
        return known[node]

    def value(one: Any) -> Any:
        return [of(one[0]), one[1]] if is_link(one) else [one, *_file(one)]

    links = dynprompt.get_node(node_id)["inputs"].items()
    return _digest([{name: value(one) for name, one in links if is_link(one)}, [_words(one) for one in prompts]])


def _digest(words: Any) -> str:
    return hashlib.sha256(json.dumps(words, sort_keys=True, default=str).encode()).hexdigest()


def _file(name: Any) -> list[int]:
    """Size and time of the model files that are called so."""
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or "." not in name or "\0" in name:
        return []
    found = {folder_paths.get_full_path(kind, name) for kind in folder_paths.folder_names_and_paths}
    stats = [Path(path).stat() for path in sorted(filter(None, found))]
    return [number for stat in stats for number in (stat.st_size, stat.st_mtime_ns)]


def _words(value: Any) -> Any:
    """A value as JSON can hold it; what cannot be told is told by its kind."""
    if isinstance(value, torch.Tensor):
        numbers = value.detach().cpu().reshape(-1).contiguous().view(torch.uint8)
        return [list(value.shape), hashlib.sha256(numbers.numpy().tobytes()).hexdigest()]
    if isinstance(value, dict):
        return {str(key): _words(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_words(one) for one in value]
    if is_dataclass(value):
        return {one.name: _words(getattr(value, one.name)) for one in fields(value)}
    return value if isinstance(value, (str, int, float, bool, type(None))) else type(value).__qualname__

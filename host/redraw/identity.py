"""What a job is known by after a restart: everything before the node that could decide about its pixels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import folder_paths
import torch
from comfy_execution.graph_utils import is_link

_LONGEST_NAME = 255


def origin(dynprompt: Any, node_id: str, prompts: Iterable[Any]) -> str:
    """Return letters that stand for the nodes before this one, the files they name, and these prompts.

    The numbers of nodes do not count, nor who works.
    """
    known: dict[str, str] = {}

    def of(node: str) -> str:
        if node not in known:
            info = dynprompt.get_node(node)
            known[node] = digest_of([info["class_type"], {name: value(one) for name, one in info["inputs"].items()}])
        return known[node]

    def value(one: Any) -> Any:
        return [of(one[0]), one[1]] if is_link(one) else [one, *_file(one)]

    links = dynprompt.get_node(node_id)["inputs"].items()
    deciding = {name: value(one) for name, one in links if is_link(one) and name != "workers"}
    return digest_of([deciding, [words_of(one) for one in prompts]])


def digest_of(words: Any) -> str:
    """Letters that stand for what JSON can hold."""
    return hashlib.sha256(json.dumps(words, sort_keys=True, default=str).encode()).hexdigest()


def model_files(name: Any) -> Iterator[tuple[str, Path]]:
    """The model files that are called so, each with the kind of its folder."""
    if isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and "." in name and "\0" not in name:
        for kind in folder_paths.folder_names_and_paths:
            path = folder_paths.get_full_path(kind, name)
            if path:
                yield kind, Path(path)


def _file(name: Any) -> list[int]:
    """Size and time of the model files that are called so."""
    stats = [path.stat() for path in sorted({path for _, path in model_files(name)}, key=str)]
    return [number for stat in stats for number in (stat.st_size, stat.st_mtime_ns)]


def _numbers(values: torch.Tensor) -> Any:
    numbers = values.detach().cpu().reshape(-1).contiguous().view(torch.uint8)
    return [list(values.shape), hashlib.sha256(numbers.numpy().tobytes()).hexdigest()]


def _kind(value: Any) -> Any:
    return type(value).__qualname__


def words_of(
    value: Any, of_tensor: Callable[[torch.Tensor], Any] = _numbers, of_other: Callable[[Any], Any] = _kind
) -> Any:
    """A value as JSON can hold it; what cannot be told is told by its kind."""

    def words(one: Any) -> Any:
        if isinstance(one, torch.Tensor):
            return of_tensor(one)
        if isinstance(one, dict):
            return {str(key): words(part) for key, part in one.items()}
        if isinstance(one, (list, tuple)):
            return [words(part) for part in one]
        if is_dataclass(one):
            return {part.name: words(getattr(one, part.name)) for part in fields(one)}
        return one if isinstance(one, (str, int, float, bool, type(None))) else of_other(one)

    return words(value)

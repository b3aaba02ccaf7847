"""The part of a workflow before Tiled Redraw as plain data: run by another ComfyUI, it makes the same request there."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import comfyui_version
import folder_paths
import torch
from comfy_execution.graph_utils import is_link

from ...machines.jobs import ALL_ROOMS, CannotTravelError, Plain, code_digest
from ...machines.models import sha256_of
from ..infotext.model_hashes import file_hash
from ..node_classes import node_class
from .alike import sketch
from .identity import model_files
from .request import RedrawRequest

_HERE = {"workers", "upscaler"}
"""Inputs that decide about nothing of a window."""

_FOLDERS = {"input_folder", "output_folder", "include"}
"""Those of them that a node needs."""

_INPUT_FOLDER = "input"


def fragment_of(request: RedrawRequest, dynprompt: Any, node_id: str, with_files: bool) -> Plain:
    """Return the nodes before this one and itself, and what must be the same where they are run.

    `with_files`: also the SHA-256 of all files that they name; needless for a ComfyUI of the same folders.

    Raises:
        CannotTravelError: something of it is in this process alone.
        OSError: a file cannot be read.
    """
    found: dict[str, Plain] = {}
    waiting = [node_id]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found[node] = _node(dynprompt.get_node(node), node == node_id)
            waiting += [value[0] for value in found[node]["inputs"].values() if is_link(value)]
    types = {info["class_type"] for info in found.values()}
    return {
        "nodes": found,
        "node": node_id,
        "same": {**_versions(), "classes": {name: _source(name) for name in sorted(types)}},
        "files": list(_files(found.values())) if with_files else [],
        "sketch": sketch(request),
    }


def misfit(fragment: Plain) -> str:
    """Why this ComfyUI cannot run a fragment of another one, as the end of a sentence; nothing if it can."""
    asked, own = fragment["same"], _versions()
    if asked["code"] != own["code"]:
        return "its ComfyUI has another version of the pack; update both"
    for name in ("ComfyUI", "torch"):
        if asked[name] != own[name]:
            return f"it has {name} {own[name]}, and this machine {asked[name]}"
    for name, source in asked["classes"].items():
        if node_class(name) is None:
            return f"its ComfyUI has no node {name}"
        if source != _source(name):
            return f"its node {name} is of another version"
    for file in fragment["files"]:
        path = _path(file["kind"], file["name"])
        if path is None or path.stat().st_size != file["size"] or _known_hash(path) != file["sha256"]:
            return f"it has no '{file['name']}' in its folder {file['kind']} with the SHA-256 of the one here"
    return ""


def _node(info: Plain, is_last: bool) -> Plain:
    """A node as API workflows have it."""
    name, given = info["class_type"], info["inputs"]
    if is_last:
        given = {key: "" if key in _FOLDERS else value for key, value in given.items() if key not in _HERE}
    elif getattr(node_class(name), "OUTPUT_NODE", False):
        raise CannotTravelError(f"the node {name} before this one writes or shows something, once for each worker")
    for key, value in given.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise CannotTravelError(f"the input {key} of the node {name} has a value of this process alone") from error
    return {"class_type": name, "inputs": dict(given)}


def _versions() -> dict[str, str]:
    return {"code": code_digest(ALL_ROOMS), "ComfyUI": comfyui_version.__version__, "torch": torch.__version__}


def _source(class_type: str) -> str:
    """SHA-256 of the file that a node is written in; nothing where there is none."""
    try:
        file = inspect.getsourcefile(node_class(class_type))
    except TypeError:
        return ""
    return sha256_of(Path(file)) if file else ""


def _files(infos: Any) -> Iterator[Plain]:
    """The files that nodes name, each once."""
    seen: set[tuple[str, str]] = set()
    for info in infos:
        for name in info["inputs"].values():
            for kind, path in _named(name):
                if (kind, name) not in seen:
                    seen.add((kind, name))
                    yield {"kind": kind, "name": name, "size": path.stat().st_size, "sha256": file_hash(path)}


def _named(name: Any) -> Iterator[tuple[str, Path]]:
    yield from model_files(name)
    path = _path(_INPUT_FOLDER, name) if isinstance(name, str) else None
    if path is not None:
        yield _INPUT_FOLDER, path


def _path(kind: str, name: str) -> Path | None:
    """Where a file is; None if there is none."""
    if kind != _INPUT_FOLDER:
        return dict(model_files(name)).get(kind)
    try:
        path = Path(folder_paths.get_annotated_filepath(name))
        return path if path.is_file() else None
    except (ValueError, OSError):  # no path at all, or too long for one
        return None


def _known_hash(path: Path) -> str:
    return file_hash(path, show_progress=False)

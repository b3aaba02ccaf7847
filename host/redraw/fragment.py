"""The part of a workflow before a node as plain data: run by another ComfyUI, it makes the same request there."""

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

from ...hires.infotext.names import LDSR_FOLDER
from ...hires.plan.upscale import UpscaleRequest
from ...machines.jobs import ALL_ROOMS, CannotTravelError, Plain, code_digest
from ...machines.models import sha256_of
from ...upscale_models import Upscaler
from ..infotext.model_hashes import file_hash
from ..node_classes import node_class
from ..upscaling.upscalers import upscaler_path
from .alike import Request, placed_of, sketch
from .identity import model_files
from .request import RedrawRequest

_HERE = {"workers", "upscaler"}
"""Inputs that decide about nothing of a window."""

_FOLDERS = {"input_folder", "output_folder", "include"}
"""Those of them that a node needs."""

_INPUT_FOLDER, _UPSCALERS = "input", "of upscalers"
"""Where names of files are looked up beside the folders of models; the second has LDSR's under longer names."""

_UPSCALE_FOLDER = "HiresFixUpscaleFolder"
"""Takes upscalers, and can end a workflow."""

_SECOND = "extras_upscaler_2_visibility"

_WITHOUT_FOLDERS: Plain = {
    "input_folder": "", "output_folder": "", "file_name": "{name}", "include": "", "recursive": False,
    "resize_mode": "scale by", "upscaling_resize": 1.0, "upscaling_resize_w": 64, "upscaling_resize_h": 64,
    "upscaling_crop": False, "max_side": 0, "format": "as input", "bit_depth": "auto", "quality": 95,
    "existing": "skip", "tile_size": 0, "tile_overlap": -1,
}  # fmt: skip
"""What else it asks for."""


def fragment_of(request: RedrawRequest, dynprompt: Any, node_id: str, with_files: bool) -> Plain:
    """Return the nodes before this one and itself, and what must be the same where they are run.

    `with_files`: also the SHA-256 of all files that they name; needless for a ComfyUI of the same folders.

    Raises:
        CannotTravelError: something of it is in this process alone.
        OSError: a file cannot be read.
    """
    return _fragment(_as_last(dynprompt.get_node(node_id)), request, dynprompt, node_id, with_files)


def fragment_of_upscalers(request: UpscaleRequest[Upscaler], dynprompt: Any, node_id: str, with_files: bool) -> Plain:
    """The same for what makes those of a node's upscalers that are told where windows lie, before an Upscale Folder."""
    links = dict(zip(("upscaler", "upscaler_2"), request.upscalers, strict=False))
    given = dynprompt.get_node(node_id)["inputs"]
    placed = [given[name] for name, one in links.items() if any(one is other for other in placed_of(request))]
    inputs = {**_WITHOUT_FOLDERS, **dict(zip(links, placed, strict=False)), _SECOND: float(len(placed) > 1)}
    return _fragment({"class_type": _UPSCALE_FOLDER, "inputs": inputs}, request, dynprompt, node_id, with_files)


def _fragment(last: Plain, request: Request, dynprompt: Any, node_id: str, with_files: bool) -> Plain:
    found = {node_id: _node(last)}
    waiting = _nodes_before(last)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found[node] = _node(_as_inner(dynprompt.get_node(node)))
            waiting += _nodes_before(found[node])
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


def _nodes_before(info: Plain) -> list[str]:
    return [value[0] for value in info["inputs"].values() if is_link(value)]


def _as_last(info: Plain) -> Plain:
    """Tiled Redraw without what decides about nothing of a window."""
    given = info["inputs"].items()
    inputs = {key: "" if key in _FOLDERS else value for key, value in given if key not in _HERE}
    return {"class_type": info["class_type"], "inputs": inputs}


def _as_inner(info: Plain) -> Plain:
    if getattr(node_class(info["class_type"]), "OUTPUT_NODE", False):
        raise CannotTravelError(
            f"the node {info['class_type']} before this one writes or shows something, once for each worker"
        )
    return info


def _node(info: Plain) -> Plain:
    """A node as API workflows have it."""
    name, given = info["class_type"], info["inputs"]
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
    if isinstance(name, str) and name.startswith(f"{LDSR_FOLDER}/"):
        path = _path(_UPSCALERS, name)
        if path is not None:
            yield _UPSCALERS, path
    path = _path(_INPUT_FOLDER, name) if isinstance(name, str) else None
    if path is not None:
        yield _INPUT_FOLDER, path


def _path(kind: str, name: str) -> Path | None:
    """Where a file is; None if there is none."""
    if kind == _UPSCALERS:
        found = upscaler_path(name)
        return Path(found) if found else None
    if kind != _INPUT_FOLDER:
        return dict(model_files(name)).get(kind)
    try:
        path = Path(folder_paths.get_annotated_filepath(name))
        return path if path.is_file() else None
    except (ValueError, OSError):  # no path at all, or too long for one
        return None


def _known_hash(path: Path) -> str:
    return file_hash(path, show_progress=False)

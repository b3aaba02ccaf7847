"""What the nodes used by the recipes accept, as a running ComfyUI says: the content of hires/graph/node_defs.json.

Nothing of the recording machine ends up in it: lists of model and image files are reduced to the choices that every
installation has.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import tomllib

from ...hires.sampling.menus import FILTERS
from ..mount import ROOT
from .files import GenerateError

TARGET = ROOT / "hires" / "graph" / "node_defs.json"

PACK = "hires-fix"
OWN_PREFIX = "HiresFix"
"""Every node of the pack is recorded: they all start with this."""

CORE_NODES = (
    "AddNoise", "CheckpointLoaderSimple", "CLIPLoader", "CLIPTextEncode", "ComfySwitchNode", "ConditioningZeroOut",
    "ControlNetApplyAdvanced", "ControlNetLoader", "DualCLIPLoader", "EmptyChromaRadianceLatentImage",
    "EmptyLatentImage", "EmptySD3LatentImage", "FluxGuidance", "GetImageSize", "ImageBatch", "ImageCompositeMasked",
    "ImageCrop", "ImageScale", "KSampler", "LatentCompositeMasked", "LatentUpscale", "LoadImage",
    "LoadMediaPipeFaceLandmarker", "LoraLoader", "ManualSigmas", "MediaPipeFaceLandmarker", "ModelPatchLoader",
    "PiDConditioning", "PreviewAny", "PreviewImage",
    "PrimitiveBoundingBox", "RepeatLatentBatch", "SaveImage", "SetLatentNoiseMask", "SUPIRApply", "UNETLoader",
    "VAEDecode", "VAEEncode", "VAELoader",
)  # fmt: skip
"""The host's own nodes that recipes and A1111's API use."""

FILE_COMBOS: dict[tuple[str, str], tuple[str, ...]] = {
    ("CheckpointLoaderSimple", "ckpt_name"): (),
    ("CLIPLoader", "clip_name"): (),
    ("ControlNetLoader", "control_net_name"): (),
    ("DualCLIPLoader", "clip_name1"): (),
    ("DualCLIPLoader", "clip_name2"): (),
    ("LoadMediaPipeFaceLandmarker", "model_name"): (),
    ("LoraLoader", "lora_name"): (),
    ("LoadImage", "image"): (),
    ("ModelPatchLoader", "name"): (),
    ("UNETLoader", "unet_name"): (),
    ("VAELoader", "vae_name"): ("pixel_space",),
    ("HiresFixFaceModelLoader", "face_model_name"): (),
    ("HiresFixChooseVAE", "vae_name"): ("Automatic",),
    ("HiresFixLoadImage", "image"): (),
    ("HiresFixPromptLoras", "lora_name"): ("None",),
    ("HiresFixRestoreFaces", "detection"): ("face landmarks", "whole picture"),
    **{("HiresFixStyles", f"style_{number}"): ("None",) for number in range(1, 5)},
    ("HiresFixUpscalerLoader", "upscaler_name"): FILTERS,
}
"""Combos that list files, with the choices that exist without any file."""

FILE_NAME = re.compile(r"\.(safetensors|sft|ckpt|pth?|pt2|bin|pkl|onnx|png|jpe?g|webp|gif|bmp)$", re.IGNORECASE)


def socket_type(kind: str) -> str:
    """What links to such a socket: one that takes its type from its first link takes any."""
    return "*" if kind.startswith("COMFY_MATCHTYPE") else kind


def trim_input(node: str, name: str, spec: list[Any], optional: bool) -> dict[str, Any]:
    """Reduce one input of `/object_info` to what the builder and the editor files need."""
    kind, options = spec[0], (spec[1] if len(spec) > 1 else {})
    choices = kind if isinstance(kind, list) else options.get("options")
    entry: dict[str, Any] = {"name": name, "type": "COMBO" if choices is not None else socket_type(str(kind))}
    if options.get("forceInput"):
        entry["socket"] = True
    if optional:
        entry["optional"] = True
    entry |= {key: options[key] for key in ("default", "min", "max") if options.get(key) is not None}
    if choices is not None:
        if (node, name) in FILE_COMBOS:
            choices = [choice for choice in FILE_COMBOS[node, name] if choice in choices]
            entry["files"] = True
            if FILE_NAME.search(str(entry.get("default", ""))):
                del entry["default"]
        elif listed := [choice for choice in choices if FILE_NAME.search(str(choice))]:
            raise GenerateError(
                f"{node}.{name} lists the file {listed[0]!r}; add it to FILE_COMBOS so that no file is recorded"
            )
        # a host without a default shows the first choice
        if "default" not in entry and choices:
            entry["default"] = choices[0]
        entry["options"] = list(choices)
    if options.get("multiline"):
        entry["multiline"] = True
    if options.get("control_after_generate"):
        # `fixed`: a second run of the same workflow gives the same picture
        entry["companion"] = "fixed"
    if options.get("image_upload"):
        entry["companion"] = "image"
    if options.get("advanced"):
        entry["advanced"] = True
    return entry


def trim_node(name: str, info: dict[str, Any]) -> dict[str, Any]:
    """Reduce one node of `/object_info`."""
    entry: dict[str, Any] = {
        "display_name": info["display_name"] or name,
        "pack": PACK if name.startswith(OWN_PREFIX) else "comfy-core",
    }
    if info["output_node"]:
        entry["is_output"] = True
    entry["inputs"] = [
        trim_input(name, field, info["input"][kind][field], kind == "optional")
        for kind in ("required", "optional")
        for field in info["input_order"].get(kind, [])
    ]
    entry["outputs"] = [
        {"name": label, "type": socket_type(kind)}
        for label, kind in zip(info["output_name"], info["output"], strict=True)
    ]
    return entry


def render(recorded: dict[str, Any]) -> str:
    """JSON with one line per input and output, so that a changed schema is a readable diff."""
    lines = ["{", f'"packs": {json.dumps(recorded["packs"])},', '"nodes": {']
    for node_index, (name, node) in enumerate(recorded["nodes"].items()):
        head = {key: value for key, value in node.items() if key not in ("inputs", "outputs")}
        lines.append(f"{json.dumps(name)}: {json.dumps(head, ensure_ascii=False)[:-1]},")
        for key in ("inputs", "outputs"):
            rows = [f"    {json.dumps(row, ensure_ascii=False)}" for row in node[key]]
            lines.append(f'  "{key}": [' + ("\n" + ",\n".join(rows) if rows else "") + "]," * (key == "inputs"))
        lines[-1] += "]}" + "," * (node_index + 1 < len(recorded["nodes"]))
    return "\n".join([*lines, "}", "}"]) + "\n"


def recorded(info: Mapping[str, Any], host_version: str) -> dict[str, Any]:
    """What `node_defs.json` holds, from a host's `/object_info`. Raises `GenerateError`: nodes are missing."""
    own = sorted(name for name in info if name.startswith(OWN_PREFIX))
    if not own:
        raise GenerateError(f"the host has no {OWN_PREFIX}* node; install this pack there")
    if missing := [name for name in CORE_NODES if name not in info]:
        raise GenerateError(f"the host lacks the core nodes {', '.join(missing)}")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {
        "packs": {"comfy-core": host_version, PACK: project["project"]["version"]},
        "nodes": {name: trim_node(name, info[name]) for name in (*sorted(CORE_NODES), *own)},
    }


def breaking_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What would break saved workflows: they store widgets by position and nodes by id, so both only ever grow."""
    changes = []
    for name, before in old["nodes"].items():
        if not name.startswith(OWN_PREFIX):
            continue
        after = new["nodes"].get(name)
        if after is None:
            changes.append(f"{name} is gone")
            continue
        for key in ("inputs", "outputs"):
            was = [(row["name"], row["type"]) for row in before[key]]
            now = [(row["name"], row["type"]) for row in after[key]]
            if now[: len(was)] != was:
                changes.append(f"{name}: {key} were {was}, now {now}")
        added = after["inputs"][len(before["inputs"]) :]
        changes += [f"{name}: new input {row['name']} must be optional" for row in added if not row.get("optional")]
        for was, now in zip(before["inputs"], after["inputs"], strict=False):
            lost = set(was.get("options", ())) - set(now.get("options", ()))
            changes += [f"{name}.{was['name']}: choice {choice!r} is gone" for choice in sorted(lost)]
    return changes

"""The generated parts of the help pages and the English locale files, from a running ComfyUI's `/object_info`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..mount import ROOT
from .files import GenerateError, as_json, cell, filled
from .record_node_defs import OWN_PREFIX, trim_input

PAGES = ROOT / "web" / "docs"
SCRIPTS = ROOT / "web" / "js"
LOCALE = ROOT / "locales" / "en"

PARTS = ("inputs", "outputs")
"""The tables of a page, each between `<!-- inputs -->` and `<!-- /inputs -->`."""

_FEW_CHOICES = 6
"""Longer lists are not written out: they belong to the host and grow with it."""

_COMMAND = re.compile(r"id: '(HiresFix\.\w+)',\s*label: '([^']+)'")

_SETTING = re.compile(r"id: '(HiresFix\.\w+)',\s*name: '([^']+)'")

_MESSAGE_SYNTAX = re.compile(r"[{}@|]")
"""What the editor's translation library reads as instructions."""


def own_nodes(info: Mapping[str, Any]) -> dict[str, Any]:
    """The pack's nodes of `/object_info`, by id."""
    return {name: info[name] for name in sorted(info) if name.startswith(OWN_PREFIX)}


def page(node: str, text: str, info: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """A page's text with its tables made anew, from the node's `/object_info` and A1111's labels of its inputs."""
    for part, table in zip(PARTS, (_inputs(node, info, labels), _outputs(info)), strict=True):
        text = filled(f"{node}.md", text, part, table)
    return text


def generated(info: Mapping[str, Any], labels: Mapping[str, Mapping[str, str]]) -> dict[Path, str]:
    """Return the text of every generated file by its path.

    `info` is `/object_info` of a running host, `labels` A1111's label by node and input. Raises `GenerateError`: a
    node without a page, a page without marks, a label of no input.
    """
    nodes = own_nodes(info)
    files = {}
    for node, description in nodes.items():
        path = PAGES / f"{node}.md"
        if not path.is_file():
            raise GenerateError(f"{node} has no page; write web/docs/{node}.md")
        files[path] = page(node, path.read_text(encoding="utf-8"), description, labels.get(node, {}))
    files[LOCALE / "nodeDefs.json"] = as_json({name: _strings(node) for name, node in nodes.items()})
    for name, key, pattern in (("commands", "label", _COMMAND), ("settings", "name", _SETTING)):
        entries = sorted(_in_scripts(pattern))
        files[LOCALE / f"{name}.json"] = as_json({at.replace(".", "_"): {key: _message(text)} for at, text in entries})
    categories = {part for node in nodes.values() for part in node["category"].split("/")}
    files[LOCALE / "main.json"] = as_json({"nodeCategories": {part: part for part in sorted(categories)}})
    return files


def present() -> list[Path]:
    """Every page and locale file: all of them are generated, at least in part."""
    return sorted([*PAGES.glob("*.md"), *LOCALE.glob("*")])


# --------------------------------------------------------------------------------------------------------- tables


def _inputs(node: str, info: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    if unknown := labels.keys() - {name for names in info["input_order"].values() for name in names}:
        raise GenerateError(f"{node} has no input {', '.join(sorted(unknown))}, which A1111 is said to have")
    rows = []
    for kind in ("required", "optional"):
        for name in info["input_order"].get(kind, []):
            spec = info["input"][kind][name]
            entry = trim_input(node, name, spec, kind == "optional")
            facts = [f"A1111: *{cell(labels[name])}*"] if name in labels else []
            facts += [cell(_values(entry)), *(["optional"] if kind == "optional" and _is_socket(entry) else [])]
            rows.append(_row(name, facts, spec[1]["tooltip"]))
    return _table("input", rows)


def _outputs(info: Mapping[str, Any]) -> str:
    if not info["output_name"]:
        return "None.\n"
    rows = zip(info["output_name"], info["output"], info["output_tooltips"], strict=True)
    return _table("output", [_row(name, [kind], text) for name, kind, text in rows])


def _table(head: str, rows: Iterable[str]) -> str:
    # a single column: the editor shows the page 280 pixels wide
    return "\n".join(f"| {cell} |" for cell in (head, "---", *rows)) + "\n"


def _row(name: str, facts: Iterable[str], text: str) -> str:
    return f"**{name}**<br>{' · '.join(facts)}<br>{cell(text)}"


def _is_socket(entry: Mapping[str, Any]) -> bool:
    return entry["type"] not in ("INT", "FLOAT", "BOOLEAN", "STRING", "COMBO") or bool(entry.get("socket"))


def _values(entry: Mapping[str, Any]) -> str:
    """What an input takes, and its default."""
    kind, default = entry["type"], entry.get("default")
    if _is_socket(entry):
        return str(kind).replace(",", " or ")
    if kind == "BOOLEAN":
        return "on or off, default on" if default else "on or off, default off"
    if kind == "STRING":
        return f"text, default {default}" if default else "text, default empty"
    if kind != "COMBO":
        return f"{_number(entry['min'])} to {_number(entry['max'])}, default {_number(default)}"
    choices = entry["options"] if len(entry["options"]) <= _FEW_CHOICES else [default, "…"]
    listed = ", ".join([*choices, *(["files"] if entry.get("files") else [])])
    return listed if default is None else f"{listed}; default {default}"


def _number(value: float) -> str:
    if value == 2**64 - 1:
        return "2^64-1"
    return str(value) if isinstance(value, int) else f"{value:.10g}"


# --------------------------------------------------------------------------------------------------------- locale


def _strings(info: Mapping[str, Any]) -> dict[str, Any]:
    """A node's strings in the layout of the editor's nodeDefs.json."""
    inputs = {**info["input"].get("required", {}), **info["input"].get("optional", {})}
    outputs = zip(info["output_name"], info["output_tooltips"], strict=True)
    return {
        "display_name": _message(info["display_name"]),
        "description": _message(info["description"]),
        # tooltips are shown as they are, everything else goes through the translation library
        "inputs": {name: {"name": _message(name), "tooltip": spec[1]["tooltip"]} for name, spec in inputs.items()},
        "outputs": {str(at): {"name": _message(name), "tooltip": text} for at, (name, text) in enumerate(outputs)},
    }


def _in_scripts(pattern: re.Pattern[str]) -> Iterable[tuple[str, str]]:
    """Id and text of everything of a kind that the pack adds to the editor."""
    for path in SCRIPTS.glob("*.js"):
        yield from pattern.findall(path.read_text(encoding="utf-8"))


def _message(text: str) -> str:
    return _MESSAGE_SYNTAX.sub(lambda found: f"{{'{found[0]}'}}", text)

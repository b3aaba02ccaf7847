"""What the pack ships for the editor. The tests go through these lists, so that what is added is tested."""

import json
from pathlib import Path
from typing import Any

from hires_pack.recipes import library

ROOT = Path(__file__).resolve().parents[2]

_RECORDED = json.loads((ROOT / "hires" / "graph" / "node_defs.json").read_text(encoding="utf-8"))["nodes"]

NODES = {name: node["display_name"] for name, node in _RECORDED.items() if name.startswith("HiresFix")}
"""Name on the canvas by node id."""

NAMES = {workflow.title: name for name, workflow in library.WORKFLOWS.items()}
"""Name of a workflow, as its API file has it, by its title, as the template dialog shows it."""

APP = ".app.json"
WORKFLOWS = sorted(path for path in (ROOT / "workflows").glob("*.json") if not path.name.endswith(APP))
APPS = sorted((ROOT / "workflows").glob(f"*{APP}"))
BLUEPRINTS = sorted((ROOT / "subgraphs").glob("*.json"))

HELP_PAGES = {
    path.relative_to(ROOT / "web" / "docs").parts[0].removesuffix(".md"): path
    for path in sorted((ROOT / "web" / "docs").rglob("*.md"))
    if path.stem == "en" or path.parent.name == "docs"
}
"""Page by node id: `<node>.md`, or `<node>/en.md`, which the English editor prefers."""


def read(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    """Name of a workflow by its editor's file; of anything else the file's."""
    return NAMES.get(path.stem, path.stem)


def api_file(workflow: Path) -> dict[str, Any]:
    """The same workflow in API format."""
    return read(workflow.parent / "api" / f"{NAMES[workflow.stem]}.json")


def blueprint_file(name: str) -> Path:
    """The file of the box of this name, which may go on with other words that find it."""
    (path,) = (path for path in BLUEPRINTS if path.stem.partition(" - ")[0] == name)
    return path


def workflow_file(name: str) -> Path:
    """The editor's file of the workflow of this name."""
    return ROOT / "workflows" / f"{library.WORKFLOWS[name].title}.json"

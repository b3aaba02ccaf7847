"""The README names what is there."""

import json
from pathlib import Path

from hires_pack.dev.parity import compat

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_refusal_is_in_the_table():
    for line in compat.markdown().splitlines():
        assert line in README


def test_every_node_and_workflow_is_listed():
    nodes = json.loads((ROOT / "hires" / "graph" / "node_defs.json").read_text(encoding="utf-8"))["nodes"]
    for name, node in nodes.items():
        assert not name.startswith("HiresFix") or f"| {node['display_name']} |" in README
    for path in (ROOT / "workflows").glob("*.json"):
        assert f"workflows/{path.name}" in README
        assert f"workflows/{path.stem}.jpg" in README
        assert path.with_suffix(".jpg").is_file()

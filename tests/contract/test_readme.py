"""The README names what is there. What a host must be asked for is compared by tests/host/test_surface.py."""

import json
from pathlib import Path
from urllib.parse import quote

from hires_pack.dev.parity import differences

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def table(name):
    return README.partition(f"<!-- {name} -->")[2].partition(f"<!-- /{name} -->")[0].strip().splitlines()


def test_every_refusal_is_in_the_table():
    assert table("refusals") == differences.markdown().splitlines()


def test_every_node_and_workflow_is_listed():
    nodes = json.loads((ROOT / "hires" / "graph" / "node_defs.json").read_text(encoding="utf-8"))["nodes"]
    titles = {node["display_name"] for name, node in nodes.items() if name.startswith("HiresFix")}
    assert {row.split(" | ")[0].strip("| ") for row in table("nodes")[2:]} == titles
    for path in (ROOT / "workflows").glob("*.json"):
        address = f"workflows/{quote(path.stem)}"
        assert any(f"{address}.json" in row and f"{address}.jpg" in row for row in table("workflows"))
        assert path.with_suffix(".jpg").is_file()

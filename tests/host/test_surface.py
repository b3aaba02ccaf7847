"""What the nodes look like from outside: listed, explained, and only ever growing."""

import copy
import json
import subprocess
import sys

import pytest
from hires_pack.dev.generate import record_node_defs

from .graphs import ROOT

RECORDED = json.loads(record_node_defs.TARGET.read_text(encoding="utf-8"))


@pytest.fixture
def ours(host, client):
    return {name: info for name, info in client.object_info().items() if name.startswith("HiresFix")}


def test_every_node_is_there(ours):
    assert set(ours) == {name for name in RECORDED["nodes"] if name.startswith("HiresFix")}
    assert {info["category"] for info in ours.values()} == {"hires fix"}


def test_everything_is_explained(ours):
    for name, info in ours.items():
        assert info["description"], name
        assert info["search_aliases"], name
        for kind in ("required", "optional"):
            for field, spec in info["input"].get(kind, {}).items():
                assert spec[1].get("tooltip"), f"{name}.{field} has no tooltip"
        assert all(info["output_tooltips"]), f"{name} has an output without a tooltip"


def test_nothing_that_is_generated_from_the_nodes_is_stale(host):
    """Definitions, help pages, locale, tables and workflows; after a change: `python3 dev.py generate`."""
    command = [sys.executable, str(ROOT / "dev" / "mount.py"), "dev.cli.run_generate", "generate", "--check"]
    done = subprocess.run([*command, "--server", host.url], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_recording_refuses_what_breaks_saved_workflows():
    def after(change):
        new = copy.deepcopy(RECORDED)
        change(new["nodes"])
        return record_node_defs.breaking_changes(RECORDED, new)

    extra = {"name": "extra", "type": "INT", "default": 0}
    assert not after(lambda nodes: nodes["HiresFixNoise"]["inputs"].append({**extra, "optional": True}))
    assert after(lambda nodes: nodes["HiresFixNoise"]["inputs"].append(extra))
    assert after(lambda nodes: nodes["HiresFixNoise"]["inputs"].insert(0, {**extra, "optional": True}))
    assert after(lambda nodes: nodes.pop("HiresFixNoise"))
    assert after(lambda nodes: nodes["HiresFixNoise"]["inputs"][1]["options"].remove("CPU"))

"""What the nodes look like from outside: listed, explained, and only ever growing."""

import json

import pytest
from hires_pack.dev.generate import record_node_defs

from .graphs import ROOT

NODES = {
    "HiresFixNoise",
    "HiresFixBaseSampling",
    "HiresFixTargetSize",
    "HiresFixLatentUpscale",
    "HiresFixUpscalerLoader",
    "HiresFixPixelUpscale",
    "HiresFixRenoise",
    "HiresFixSecondSampling",
    "HiresFixUpscaleImage",
    "HiresFixPrompt",
    "HiresFixA1111Settings",
    "HiresFixRefiner",
    "HiresFixMultiStageUpscale",
    "HiresFixEncodeAnySize",
    "HiresFixDecodeToSize",
    "HiresFixFaceModelLoader",
    "HiresFixRestoreFaces",
    "HiresFixLoadImage",
    "HiresFixSaveImage",
    "HiresFixInfotext",
    "HiresFixUpscaleFolder",
}


@pytest.fixture
def ours(host, client):
    return {name: info for name, info in client.object_info().items() if name.startswith("HiresFix")}


def test_every_node_is_there(ours):
    assert set(ours) == NODES
    assert {info["category"] for info in ours.values()} == {"hires fix"}


def test_everything_is_explained(ours):
    for name, info in ours.items():
        assert info["description"], name
        assert info["search_aliases"], name
        for kind in ("required", "optional"):
            for field, spec in info["input"].get(kind, {}).items():
                assert spec[1].get("tooltip"), f"{name}.{field} has no tooltip"
        assert all(info["output_tooltips"]), f"{name} has an output without a tooltip"


def test_the_recorded_definitions_are_those_of_the_live_nodes(host, client):
    """A changed input or output shows up here; `dev/generate/record_node_defs.py` records it, if it only adds."""
    live = record_node_defs.record(host.url)
    recorded = json.loads((ROOT / "hires" / "graph" / "node_defs.json").read_text(encoding="utf-8"))
    live["packs"] = recorded["packs"]  # the version at the time of the recording
    assert live == recorded


def test_recording_refuses_what_breaks_saved_workflows():
    recorded = json.loads((ROOT / "hires" / "graph" / "node_defs.json").read_text(encoding="utf-8"))

    def after(change):
        new = json.loads(json.dumps(recorded))
        change(new["nodes"])
        return record_node_defs.breaking_changes(recorded, new)

    extra = {"name": "extra", "type": "INT", "default": 0}
    assert not after(lambda nodes: nodes["HiresFixNoise"]["inputs"].append({**extra, "optional": True}))
    assert after(lambda nodes: nodes["HiresFixNoise"]["inputs"].append(extra))
    assert after(lambda nodes: nodes["HiresFixNoise"]["inputs"].insert(0, {**extra, "optional": True}))
    assert after(lambda nodes: nodes.pop("HiresFixNoise"))
    assert after(lambda nodes: nodes["HiresFixNoise"]["inputs"][1]["options"].remove("CPU"))

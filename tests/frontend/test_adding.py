"""Every node of the pack is found by search, by its other names and in the node library."""

import json
import urllib.request

import pytest

from .shipped import NODES

CATEGORY = "hires fix"


@pytest.fixture(scope="module")
def aliases(host):
    """Search aliases by node id, as the server tells the editor."""
    with urllib.request.urlopen(f"{host.url}/object_info") as answer:
        return {name: info["search_aliases"] for name, info in json.load(answer).items()}


def test_search_finds_every_node_by_its_name_and_by_an_alias(ui, aliases):
    for kind, name in NODES.items():
        ui.adding.search(next(alias for alias in aliases[kind] if alias.lower() not in name.lower()), name)
        ui.adding.search(name, name)
    ui.adding.close_search()
    node = ui.adding.search_add(name, name)
    assert ui.canvas.nodes() == {node: kind}


def test_the_library_lists_every_node(ui):
    for name in NODES.values():
        entry = ui.adding.library_entry(CATEGORY, name)
        assert entry.is_visible()
    entry.scroll_into_view_if_needed()
    ui.screenshot("node-library")
    ui.adding.close_library()


def test_a_node_is_added_from_the_library_by_clicks_and_by_dragging(ui):
    clicked = ui.adding.library_add(CATEGORY, "Target Size", at=(700, 300))
    dragged = ui.adding.library_drag(CATEGORY, "Latent Upscale", at=(1100, 300))
    ui.adding.close_library()
    assert ui.canvas.nodes() == {clicked: "HiresFixTargetSize", dragged: "HiresFixLatentUpscale"}

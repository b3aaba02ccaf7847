"""Help pages and locale files tell what the live nodes are; nodes are found by what people type."""

import json
import urllib.request

import pytest
from hires_pack.dev.generate import help_pages

from .graphs import ROOT, Graph


@pytest.fixture
def ours(host, client):
    return help_pages.own_nodes(client.object_info())


def get(host, path):
    with urllib.request.urlopen(f"{host.url}{path}", timeout=30) as answer:
        return answer.headers.get_content_type(), answer.read()


def test_the_server_hands_out_every_page_and_picture(host, ours):
    for path in sorted((ROOT / "web" / "docs").iterdir()):
        kind, content = get(host, f"/extensions/hires-fix/docs/{path.name}")
        assert content == path.read_bytes()
        assert kind != "text/html"  # which the editor takes for a page that is missing


def test_the_server_hands_out_the_strings(host, ours):
    strings = json.loads(get(host, "/i18n")[1])["en"]
    for name, node in ours.items():
        found = strings["nodeDefs"][name]
        assert found["display_name"] == node["display_name"]
        assert set(found["inputs"]) == {*node["input"].get("required", {}), *node["input"].get("optional", {})}
    assert strings["nodeCategories"]["hires fix"] == "hires fix"
    assert strings["commands"]["HiresFix_WorkflowFromFile"]["label"].startswith("Hires Fix")
    assert strings["settings"]["HiresFix_DroppedPictures"]["name"].startswith("Hires Fix")


TYPED = {
    "denoising strength": {"HiresFixRenoise"},
    "hires steps": {"HiresFixRenoise"},
    "hires upscaler": {"HiresFixLatentUpscale"},
    "hires checkpoint": {"HiresFixSecondSampling"},
    "upscale by": {"HiresFixTargetSize"},
    "variation seed": {"HiresFixNoise"},
    "clip skip": {"HiresFixPrompt"},
    "extras tab": {"HiresFixUpscaleImage", "HiresFixRestoreFaces"},
    "super resolution": {"HiresFixUpscaleImage", "HiresFixUpscalerLoader"},
    "ultimate upscale": {"HiresFixMultiStageUpscale"},
    "sd upscale": {"HiresFixMultiStageUpscale"},
    "img2img upscale": {"HiresFixMultiStageUpscale"},
    "batch from directory": {"HiresFixUpscaleFolder"},
    "gfpgan": {"HiresFixRestoreFaces", "HiresFixFaceModelLoader"},
    "codeformer": {"HiresFixRestoreFaces", "HiresFixFaceModelLoader"},
    "infotext": {"HiresFixInfotext", "HiresFixSaveImage"},
}
"""What people type: the nodes that must be found by it. By names of the whole of hires fix the boxes are (see
tests/frontend/test_found.py)."""
MOST_NODES = 6
"""That one alias may find."""


def test_nodes_are_found_by_what_people_type(ours):
    for typed, wanted in TYPED.items():
        found = {name for name, node in ours.items() if typed in node["search_aliases"]}
        assert wanted <= found, typed


def test_aliases_say_each_thing_once(ours):
    """The editor compares without regard to capitals, and always searches the title."""
    for name, node in ours.items():
        aliases = [alias.lower() for alias in node["search_aliases"]]
        assert len(aliases) == len(set(aliases)), name
        assert node["display_name"].lower() not in aliases, name
    for alias in {alias for node in ours.values() for alias in node["search_aliases"]}:
        assert sum(alias in node["search_aliases"] for node in ours.values()) <= MOST_NODES, alias


def test_an_error_begins_with_the_packs_words(host, client):
    """The editor shows the type of the exception before its text; a type named after a folder would push it away."""
    g = Graph()
    sizes = {"width": 16384, "height": 16384, "hr_scale": 16.0, "hr_resize_x": 0, "hr_resize_y": 0}
    g.add("PreviewAny", source=g.add("HiresFixTargetSize", **sizes))
    error = client.queue(g).error
    assert error["exception_type"] == "hires_fix.HiresFixError"
    assert error["exception_message"].startswith("Target Size, input 'hr_scale': ")

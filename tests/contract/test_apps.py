"""The Apps: forms with A1111's labels in A1111's order, over graphs that the editor can show as well."""

import json

import pytest
from hires_pack.recipes import library

from .test_blueprints import ENTRANCE, EXIT, HIRES, MODEL, ROOT, TXT2IMG, WIDGETS, overlap

WORKFLOWS = ROOT / "workflows"
NAMES = sorted(library.APPS)
EXTRAS = ["Upscaler 1", "Upscaler 2", "Upscaler 2 visibility"]
RESIZE = ["Resize mode", "Resize", "Max side length", "Width", "Height", "Crop to fit"]

FORMS = {
    "Hires Fix (latent)": TXT2IMG,
    "Hires Fix (pixel)": TXT2IMG,
    "Hires Fix (A1111 numbers)": [*TXT2IMG, "Random number generator source"],
    "Hires Fix of a picture": ["Image", *MODEL, *HIRES, "CFG Scale", "Seed"],
    "Extras (upscale)": ["Image", *EXTRAS, *RESIZE],
    "Extras (folder)": [
        *("Input directory", "Output directory", *EXTRAS, *RESIZE, "File name", "File format"),
        *("Quality for saved jpeg images", "Folders inside it, too", "Results that are there already"),
    ],
}
"""Labels of each form from top to bottom."""

SAVES = {"SaveImage", "HiresFixSaveImage", "HiresFixUpscaleFolder"}


@pytest.fixture(params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture
def app(name):
    return json.loads((WORKFLOWS / f"{name}.app.json").read_text(encoding="utf-8"))


def test_exactly_these_apps_exist():
    assert sorted(FORMS) == NAMES
    assert sorted(path.name.removesuffix(".app.json") for path in WORKFLOWS.glob("*.app.json")) == NAMES


def test_it_opens_as_a_form_with_a1111s_labels_in_a1111s_order(app, name):
    assert app["extra"]["linearMode"] is True
    nodes = {node["id"]: node for node in app["nodes"]}
    labels = []
    for node, widget, *_ in app["extra"]["linearData"]["inputs"]:
        (slot,) = (slot for slot in nodes[node]["inputs"] if slot.get("widget", {}).get("name") == widget)
        assert slot["type"] in WIDGETS
        assert slot["link"] is None
        labels.append(slot["label"])
    assert labels == FORMS[name]


def test_texts_are_high_enough_to_read_a_prompt(app):
    heights = {
        widget: config["height"]
        for _, widget, *more in app["extra"]["linearData"]["inputs"]
        for config in more
        if "height" in config
    }
    asked = {widget for _, widget, *_ in app["extra"]["linearData"]["inputs"] if "prompt" in widget}
    assert set(heights) == asked
    assert all(height >= 80 for height in heights.values())


def test_what_it_gives_is_shown(app):
    kinds = {node["id"]: node["type"] for node in app["nodes"]}
    shown = [kinds[node] for node in app["extra"]["linearData"]["outputs"]]
    assert shown[0] in SAVES


def test_a_box_in_it_is_the_one_of_the_node_library(app, name):
    boxes = app.get("definitions", {}).get("subgraphs", [])
    if not boxes:
        return
    (box,) = boxes
    files = [json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "subgraphs").glob("*.json")]
    definitions = {file["definitions"]["subgraphs"][0]["id"]: file["definitions"]["subgraphs"][0] for file in files}
    known = definitions[box["id"]]
    assert box["name"] == known["name"]
    assert [node["type"] for node in box["nodes"]] == [node["type"] for node in known["nodes"]]


def test_ids_are_given_once_in_a_file(app):
    """The editor gives later ones new numbers, and what points to them is lost."""
    boxes = app.get("definitions", {}).get("subgraphs", [])
    nodes = [node["id"] for graph in (app, *boxes) for node in graph["nodes"]]
    assert len(set(nodes)) == len(nodes)
    links = [link[0] for link in app["links"]] + [link["id"] for box in boxes for link in box["links"]]
    assert len(set(links)) == len(links)
    for box in boxes:
        known = {node["id"] for node in box["nodes"]} | {ENTRANCE, EXIT}
        assert {link[end] for link in box["links"] for end in ("origin_id", "target_id")} <= known


def test_nothing_overlaps_in_the_graph_behind_it(app):
    spots = [(x, y - 30, x + w, y + h) for (x, y), (w, h) in ((node["pos"], node["size"]) for node in app["nodes"])]
    assert not any(overlap(a, b) for number, a in enumerate(spots) for b in spots[:number])


def test_its_card_has_a_picture(name):
    image = pytest.importorskip("PIL.Image")
    path = WORKFLOWS / f"{name}.app.jpg"
    assert path.stat().st_size <= 40 * 1024
    with image.open(path) as made:
        assert made.format == "JPEG"
        assert made.width * 3 == made.height * 4

"""Every saved workflow: opened as a template, dropped as a file, queued, and got back from its own picture."""

import re

import pytest

from .completing import complete
from .reading import look
from .shipped import APPS, BLUEPRINTS, WORKFLOWS, api_file, name_of, read, workflow_file
from .smaller import make_small

HIGH_SPOT = (700, 150)
"""Where a box is put: the tallest then is in the page as a whole."""

VISIBLE = ("type", "pos", "mode", "color", "widgets_values")
VISIBLE_OF_BOX = ("pos", "mode")
UUID = re.compile(r"[0-9a-f-]{36}")
"""Type of a box."""


def seen(workflow):
    """Nodes by id and the groups, as far as they are visible on the canvas."""
    # a box gets an id of its own when it is opened, and holds its fields' values only then
    keys = {node["id"]: VISIBLE_OF_BOX if UUID.fullmatch(node["type"]) else VISIBLE for node in workflow["nodes"]}
    nodes = {str(node["id"]): {key: node.get(key) for key in keys[node["id"]]} for node in workflow["nodes"]}
    return nodes, sorted((group["title"], group["bounding"]) for group in workflow["groups"])


def test_the_templates_dialog_shows_every_workflow_with_its_picture(ui):
    ui.command("Comfy.BrowseTemplates")
    ui.templates_search.fill("")
    ui.own_templates()
    for path in (*WORKFLOWS, *APPS):
        card = ui.shown_template(path.stem)
        card.scroll_into_view_if_needed()
        picture = card.locator("img").first
        assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") >= 320
    ui.shown_template(WORKFLOWS[0].stem).scroll_into_view_if_needed()
    ui.screenshot("templates")
    ui.close_templates()


DRAWN = ("hires-fix-a1111", "multi-stage-upscale", "standalone-upscale", "upscale-folder")
"""With our Save Image, with stages that are made while it runs, with core's Save Image, and without any.

The editor queues the API files, and all of those run: tests/host/test_workflows.py.
"""


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_a_template_opens_as_it_was_saved_and_gives_a_picture(path, ui, host):
    ui.open_template(path.stem)
    ui.screenshot(f"workflow-{name_of(path)}")
    # core's Preview Any has two fields in one place: one lies over the other
    look(ui).require_readable(values="PreviewAny" not in {node["type"] for node in read(path)["nodes"]})
    assert not ui.canvas.of_missing_type()
    assert not ui.runs.error_card.is_visible()
    assert seen(ui.workflow()) == seen(read(path))
    assert ui.prompt() == api_file(path), "the editor would queue something else than the committed API file"
    if name_of(path) not in DRAWN:
        return

    make_small(ui, seed=1000 + WORKFLOWS.index(path))
    expected = ui.prompt()
    outcome = ui.runs.run().require_success()
    if name_of(path) == "upscale-folder":  # its results are files beside the sources' names, without a workflow
        assert list((host.base / "output").rglob("hires-fix-cat*_x2.*"))
        return
    saved = [place for places in outcome.images.values() for place in places if place["type"] == "output"]
    assert saved
    for node_id in outcome.images:
        assert ui.canvas.pictures_shown(node_id)
    ui.screenshot(f"result-{name_of(path)}")

    ui.blank()
    ui.canvas.drop_file(host.base / "output" / saved[-1]["subfolder"] / saved[-1]["filename"])
    ui.canvas.wait_for_nodes()
    assert ui.prompt() == expected, "the picture brings back another graph than the one that made it"


def test_a_workflow_file_dropped_on_the_canvas_opens_as_it_is(ui):
    path = WORKFLOWS[0]
    ui.canvas.drop_file(path)
    ui.canvas.wait_for_nodes()
    assert seen(ui.workflow()) == seen(read(path))
    assert ui.prompt() == api_file(path)


def test_a_model_that_is_not_there_is_named_with_its_folder_and_can_be_had(ui, tmp_path):
    path = workflow_file("hires-fix-sdxl")
    text = path.read_text(encoding="utf-8")
    copy = tmp_path / path.name
    copy.write_text(text.replace('"sd_xl_base_1.0.safetensors"', '"not-there.safetensors"'), encoding="utf-8")
    ui.canvas.drop_file(copy)
    ui.canvas.wait_for_nodes()
    ui.runs.error_card.filter(has_text="not-there.safetensors is missing").wait_for()
    panel = ui.runs.error_panel()
    assert "not-there.safetensors\ncheckpoints\nDownload" in panel.inner_text()


@pytest.mark.parametrize("path", BLUEPRINTS, ids=name_of)
def test_a_blueprint_is_found_inserted_and_runs(path, ui):
    definition = read(path)["definitions"]["subgraphs"][0]
    node = ui.adding.search_add(path.stem.split(" - ")[0], path.stem, badge="Blueprint", at=HIGH_SPOT)
    ui.screenshot(f"blueprint-{path.stem}")
    assert not ui.canvas.of_missing_type()
    promoted = ui.canvas.slots(node)
    assert promoted == ([one["name"] for one in definition["inputs"]], [one["name"] for one in definition["outputs"]])
    complete(ui, node)
    make_small(ui, seed=2000 + BLUEPRINTS.index(path))
    outcome = ui.runs.run().require_success()
    assert outcome.images
    ui.screenshot(f"blueprint-{path.stem}-result")

"""From an empty canvas to a hires picture as a new user goes, with mouse and keyboard alone.

Each step leaves a picture, first-picture-*.png. Sizes and steps are made small in between, for the CPU's sake; that is
none of the user's actions.
"""

import pytest

from .shipped import workflow_file
from .smaller import make_small

PIXEL = workflow_file("hires-fix-pixel").stem
"""The card."""


@pytest.mark.smoke
def test_by_template_in_four_actions(ui):
    ui.click(ui.page.get_by_role("button", name="Templates").first, opened=ui.templates)  # 1
    ui.own_templates()  # 2
    ui.shown_template(PIXEL).wait_for()
    ui.screenshot("first-picture-template-1-card")
    ui.choose_template(PIXEL)  # 3
    ui.screenshot("first-picture-template-2-opened")
    make_small(ui, seed=3000)
    outcome = ui.runs.run().require_success()  # 4
    (save,) = (node for node, kind in ui.canvas.nodes().items() if kind == "SaveImage")
    assert outcome.images[save]
    ui.canvas.pictures_shown(save)
    ui.screenshot("first-picture-template-3-result")


@pytest.mark.smoke
def test_by_blueprint_in_six_actions(ui):
    box = ui.adding.search_add("hires fix", "Hires Fix (pixel)", badge="Blueprint", at=(420, 180))  # 1 type, 2 choose
    ui.screenshot("first-picture-blueprint-1-box")
    save = ui.adding.search_add("save image", "Save Image", badge="Comfy", at=(1150, 300))  # 3 type, 4 choose
    ui.canvas.drag_link(box, "IMAGE", save, "images")  # 5
    ui.screenshot("first-picture-blueprint-2-linked")
    make_small(ui, seed=3001)
    outcome = ui.runs.run().require_success()  # 6
    assert outcome.images[save]
    ui.canvas.pictures_shown(save)
    ui.screenshot("first-picture-blueprint-3-result")

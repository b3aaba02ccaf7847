"""What a run will do is on the nodes before it runs, in both ways of drawing, and nothing of it is saved."""

import json

import pytest

from .shipped import api_file, blueprint_file, read, workflow_file

PLAN = "/hires-fix/plan"
"""Where the page asks."""

LATENT, PIXEL = (workflow_file(f"hires-fix-{kind}") for kind in ("latent", "pixel"))

LINE = """([id, start]) => {
    const node = window.app.graph.getNodeById(id)
    const texts = node.badges.map((badge) => (typeof badge === 'function' ? badge() : badge).text)
    return texts.find((text) => text.includes(start)) ?? ''
}"""


def drop(ui, path):
    """Open a saved workflow in the quickest way."""
    ui.canvas.drop_file(path)
    ui.canvas.wait_for_nodes()


def line(ui, node, part):
    """Wait until a node shows a line with this part; returns the line."""
    ui.page.wait_for_function(LINE, arg=[node, part])
    return ui.page.evaluate(LINE, [node, part])


@pytest.fixture
def latent(ui):
    """The plain workflow of hires fix."""
    drop(ui, LATENT)
    return ui


@pytest.mark.smoke
def test_the_lines_follow_what_is_typed(latent):
    target, second = (latent.canvas.only(f"HiresFix{kind}") for kind in ("TargetSize", "SecondSampling"))
    assert line(latent, target, "→") == "512×512 → 1024×1024"
    assert line(latent, second, "steps") == "20 steps at 1024×1024"
    assert line(latent, latent.canvas.only("HiresFixRenoise"), "of") == "20 of 28 steps"
    latent.screenshot("plan")
    latent.canvas.type_number(target, "hr_scale", 1.5)
    assert line(latent, target, "768") == "512×512 → 768×768"
    assert line(latent, second, "768") == "20 steps at 768×768"


def test_the_lines_of_nodes_2_follow_what_is_typed(nodes_2, latent):
    target = latent.canvas.only("HiresFixTargetSize")
    box = latent.page.locator(f"[data-node-id='{target}']")
    box.get_by_text("512×512 → 1024×1024").wait_for()
    field = box.get_by_test_id("node-widget").filter(has_text="hr_scale").locator("input")
    field.fill("1.5")
    field.press("Enter")
    box.get_by_text("512×512 → 768×768").wait_for()
    latent.screenshot("plan-nodes-2")


def test_nothing_of_it_is_saved_or_queued(ui):
    ui.page.route(f"**{PLAN}", lambda route: route.abort())
    drop(ui, PIXEL)
    without = ui.workflow()
    ui.page.unroute(f"**{PLAN}")
    ui.blank()
    drop(ui, PIXEL)
    line(ui, ui.canvas.only("HiresFixTargetSize"), "→")
    for workflow in (without, found := ui.workflow()):
        del workflow["id"], workflow["extra"]
    assert json.dumps(found) == json.dumps(without)
    assert ui.prompt() == api_file(PIXEL)


def test_a_warning_is_told_once_and_does_not_stop_the_run(ui):
    ui.open_template(LATENT.stem)  # which shows all of it
    node, found = ui.canvas.only("HiresFixRenoise"), ui.toasts
    ui.canvas.type_number(node, "denoising_strength", 0.3)
    assert line(ui, node, "⚠") == "⚠ 20 of 66 steps"
    ui.canvas.set_widgets({name: SMALL[kind] for name, kind in ui.canvas.nodes().items() if kind in SMALL})
    ui.runs.start()
    found.filter(has_text="Re-noise: At a denoising strength of 0.3 the picture stays as blurry").wait_for()
    ui.screenshot("plan-warning")
    assert ui.runs.wait().status == "success"
    ui.dismiss_toasts()
    with ui.page.expect_response(f"**{PLAN}"):
        ui.runs.start()
    ui.runs.wait()
    assert not found.filter(has_text="blurry").count()


SMALL = {
    "EmptyLatentImage": {"width": 64, "height": 64},
    "HiresFixBaseSampling": {"steps": 2},
    "HiresFixRenoise": {"steps": 2},
}


def test_a_box_shows_the_line_of_its_last_node(ui):
    path = blueprint_file("Hires Fix (latent)")
    assert read(path)["nodes"]
    node = ui.adding.search_add(path.stem, path.stem, badge="Blueprint")
    assert " at " in line(ui, node, "steps")


def test_a_box_of_nodes_2_shows_it_too(nodes_2):
    path = blueprint_file("Hires Fix (pixel)")
    node = nodes_2.adding.search_add(path.stem, path.stem, badge="Blueprint")
    nodes_2.page.locator(f"[data-node-id='{node}']").get_by_text(" steps at ").wait_for()


def test_the_same_graph_has_its_lines_again_after_another_was_there(ui):
    for opened in (ui.open_template, lambda name: drop(ui, LATENT)):
        ui.blank()
        opened(LATENT.stem)
        assert line(ui, ui.canvas.only("HiresFixTargetSize"), "→")


def test_a_node_that_uploads_when_it_is_asked_is_not_asked(ui):
    node = ui.canvas.place("HiresFixTargetSize", 300, 100)
    line(ui, node, "→")
    ui.page.evaluate(
        """(id) => {
            window.timesAsked = 0
            const [widget] = window.app.graph.getNodeById(id).widgets
            widget.serializeValue = async () => { window.timesAsked += 1; return 512 }
        }""",
        node,
    )
    ui.canvas.type_number(node, "height", 640)
    ui.page.wait_for_function(f"(id) => !({LINE})([id, '→'])", arg=node)
    assert ui.page.evaluate("window.timesAsked") == 0


def test_without_the_server_nothing_is_shown_and_nothing_said(ui):
    ui.page.route(f"**{PLAN}", lambda route: route.fulfill(status=500))
    with ui.page.expect_response(f"**{PLAN}"):
        node = ui.canvas.place("HiresFixTargetSize", 300, 100)
    ui.settle()
    ui.page.unroute(f"**{PLAN}")
    assert ui.page.evaluate(LINE, [node, "→"]) == ""
    assert not ui.toasts.count()


def test_the_lines_come_back_with_the_server(ui, toasts):
    ui.page.route(f"**{PLAN}", lambda route: route.fulfill(status=500))
    with ui.page.expect_response(f"**{PLAN}"):
        node = ui.canvas.place("HiresFixTargetSize", 300, 100)
    ui.settle()
    assert ui.page.evaluate(LINE, [node, "→"]) == ""
    ui.page.unroute(f"**{PLAN}")
    ui.page.evaluate("() => window.app.api.socket.close()")  # the editor connects again by itself
    assert line(ui, node, "→") == "512×512 → 1024×1024"


def test_nothing_is_asked_about_other_nodes(ui):
    questions = []

    def note(request):
        if request.url.endswith(PLAN):
            questions.append(request.post_data)

    ui.page.on("request", note)
    first = ui.canvas.place("EmptyLatentImage", 100, 100)
    ui.canvas.type_number(first, "width", 640)
    with ui.page.expect_response(f"**{PLAN}"):
        ui.canvas.place("HiresFixTargetSize", 500, 100)
    ui.page.remove_listener("request", note)
    assert len(questions) == 1

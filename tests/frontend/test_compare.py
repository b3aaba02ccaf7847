"""Before and After in the page: both pictures are seen, and the edge between them follows the pointer."""

import io

import pytest
from PIL import Image
from playwright.sync_api import expect

from .shipped import workflow_file
from .smaller import make_small

RED, BLUE = 0xFF0000, 0x0000FF
VIEW = ".hires-fix-compare"

CONNECT = """([source, target, input]) => {
    const [from, to] = [source, target].map((id) => window.app.graph.getNodeById(id))
    from.connect(0, to, input)
}"""

LOADED = """() => {
    const pictures = [...document.querySelectorAll('.hires-fix-compare img')]
    return pictures.length === 2 && pictures.every(({ naturalWidth }) => naturalWidth > 0)
}"""


@pytest.fixture
def editor(ui, request):
    """The editor in one of its two ways to show nodes."""
    ui.setting("Comfy.VueNodes.Enabled", request.param)
    return ui


def renderers(test):
    return pytest.mark.parametrize("editor", [False, True], ids=["classic", "nodes-2"], indirect=True)(test)


def compared(ui, before, after):
    """A node with a red and a blue picture, each (side, how many), after a run."""
    node = ui.canvas.place("HiresFixCompare", 500, 50)
    for number, (colour, (side, batch)) in enumerate(((RED, before), (BLUE, after))):
        picture = ui.canvas.place("EmptyImage", 50, 50 + 250 * number)
        widgets = {"width": side, "height": side, "batch_size": batch, "color": colour}
        ui.canvas.set_widgets({picture: widgets})
        ui.page.evaluate(CONNECT, [picture, node, number])
    ui.runs.run().require_success()
    ui.page.wait_for_function(LOADED)
    return node


def colours(ui):
    """Which picture is seen at a tenth of the width, in the middle and at nine tenths, in half the height."""
    frame = ui.page.locator(f"{VIEW} > div").bounding_box()
    seen = Image.open(io.BytesIO(ui.page.screenshot(clip=frame))).convert("RGB")
    pixels = [seen.getpixel((int(seen.width * share), seen.height // 2)) for share in (0.1, 0.45, 0.9)]
    return ["red" if red > 200 > blue else "blue" if blue > 200 > red else (red, blue) for red, _, blue in pixels]


def point(ui, share):
    """Move the pointer to so much of the width."""
    frame = ui.page.locator(f"{VIEW} > div").bounding_box()
    ui.page.mouse.move(frame["x"] + share * frame["width"], frame["y"] + frame["height"] / 2)


@pytest.mark.smoke
@renderers
def test_the_edge_between_two_pictures_of_different_size_follows_the_pointer(editor, request):
    ui = editor
    compared(ui, (256, 1), (512, 1))
    ui.screenshot(f"compare-{request.node.callspec.id}")
    boxes = [ui.page.locator(f"{VIEW} img").nth(number).bounding_box() for number in range(2)]
    assert boxes[0] == boxes[1]
    assert boxes[0]["width"] == pytest.approx(boxes[0]["height"], abs=1)
    assert colours(ui) == ["red", "red", "blue"]
    point(ui, 0.2)
    assert colours(ui) == ["red", "blue", "blue"]
    point(ui, 0.95)
    assert colours(ui) == ["red", "red", "red"]
    assert ui.page.locator(f"{VIEW} > div").inner_text().split() == ["before", "after"]


@renderers
def test_pictures_come_back_with_the_tab(editor):
    ui = editor
    compared(ui, (64, 1), (64, 1))
    ui.command("Comfy.NewBlankWorkflow")
    ui.page.wait_for_function("() => window.app.graph.nodes.length === 0")
    ui.command("Workspace.PreviousOpenedWorkflow")
    ui.page.wait_for_function("() => window.app.graph.nodes.length === 3")
    ui.page.wait_for_function(LOADED)
    assert colours(ui) == ["red", "red", "blue"]


@renderers
def test_a_batch_is_gone_through_pair_by_pair(editor):
    ui = editor
    compared(ui, (64, 1), (64, 3))
    pager = ui.page.locator(f"{VIEW} button")
    second = ui.page.locator(f"{VIEW} img.after")
    files = []
    for text in ("1/3", "2/3", "3/3", "1/3"):
        expect(pager).to_have_text(text)
        files.append(second.get_attribute("src").partition("&rand")[0])
        pager.click()
    assert len(set(files)) == 3
    assert files[0] == files[3]


@pytest.mark.smoke
@renderers
def test_a_saved_workflow_shows_what_it_has_changed(editor, request):
    ui = editor
    ui.open_template(workflow_file("standalone-upscale").stem)
    make_small(ui, seed=4000)
    ui.runs.run().require_success()
    ui.page.wait_for_function(LOADED)
    ui.screenshot(f"compare-workflow-{request.node.callspec.id}")
    sizes = ui.page.locator(f"{VIEW} img").evaluate_all("(all) => all.map((one) => one.naturalWidth)")
    assert sizes[0] < sizes[1]
    assert ui.page.locator(VIEW).bounding_box()["height"] > 80

"""Moving, linking and editing nodes with the mouse; tooltips and help."""

import json
import re
import urllib.request

import pytest

from .shipped import HELP_PAGES, NODES


def test_a_node_is_dragged(ui):
    node = ui.canvas.place("HiresFixTargetSize", 100, 200)  # below the switch between graph and App
    before = ui.workflow()["nodes"][0]["pos"]
    scale = ui.page.evaluate("() => window.app.canvas.ds.scale")
    ui.canvas.drag_node(node, by=(180, 90))
    after = ui.workflow()["nodes"][0]["pos"]
    assert after[0] - before[0] == pytest.approx(180 / scale, abs=2)
    assert after[1] - before[1] == pytest.approx(90 / scale, abs=2)


@pytest.mark.smoke
def test_nodes_are_linked_with_the_mouse(ui):
    latent = ui.canvas.place("EmptyLatentImage", 100, 100)
    size = ui.canvas.place("HiresFixTargetSize", 100, 400)
    upscale = ui.canvas.place("HiresFixLatentUpscale", 600, 250)
    ui.canvas.drag_link(latent, "LATENT", upscale, "latent")
    ui.canvas.drag_link(size, "target", upscale, "target")
    ui.screenshot("linked")
    assert ui.canvas.source_of(upscale, "latent") == [latent, 0]
    assert ui.prompt()[upscale]["inputs"]["target"][0] == size


def test_types_that_do_not_fit_are_not_linked(ui):
    """An image is not a latent: the editor knows from the schema."""
    image = ui.canvas.place("LoadImage", 100, 100)
    upscale = ui.canvas.place("HiresFixLatentUpscale", 600, 250)
    start = ui.canvas.slot_spot(image, "outputs", "IMAGE")
    ui.canvas.drag(start, ui.canvas.slot_spot(upscale, "inputs", "latent"))
    ui.page.keyboard.press("Escape")
    assert ui.canvas.source_of(upscale, "latent") is None


def test_a_core_upscale_model_fits_our_upscaler_input(ui):
    loader = ui.canvas.place("UpscaleModelLoader", 100, 100)
    upscale = ui.canvas.place("HiresFixUpscaleImage", 600, 150)
    ui.canvas.drag_link(loader, "UPSCALE_MODEL", upscale, "upscaler")


def test_a_number_is_typed_and_kept_in_its_range(ui):
    node = ui.canvas.place("HiresFixTargetSize", 300, 100)
    ui.canvas.type_number(node, "hr_scale", 1.5)
    assert ui.prompt()[node]["inputs"]["hr_scale"] == 1.5
    ui.canvas.type_number(node, "hr_scale", 100)
    assert ui.canvas.widget(node, "hr_scale") == 16


def middle(element):
    """Where to press the mouse. Not `drag_to`: it refuses slots, which lie under the larger spot that catches it."""
    box = element.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_same_in_nodes_2(nodes_2, ui):
    size = ui.canvas.place("HiresFixTargetSize", 100, 100)
    upscale = ui.canvas.place("HiresFixLatentUpscale", 600, 250)
    ui.settle()
    factor = ui.page.locator(f'[data-node-id="{size}"]').get_by_role("spinbutton").nth(2)  # width, height, hr_scale
    factor.fill("1.5")
    factor.press("Enter")
    ends = [ui.page.locator(f'[data-slot-key="{key}"]') for key in (f"{size}-out-0", f"{upscale}-in-1")]
    ui.insist(
        lambda: ui.canvas.drag(*(middle(end) for end in ends)),
        lambda longest: ui.canvas.wait_for_link(size, upscale, "target", longest),
    )
    ui.screenshot("nodes-2")
    prompt = ui.prompt()
    assert prompt[size]["inputs"]["hr_scale"] == 1.5
    assert prompt[upscale]["inputs"]["target"] == [size, 0]


def test_a_tooltip_explains_an_input(ui, host):
    node = ui.canvas.place("HiresFixTargetSize", 300, 100)
    with urllib.request.urlopen(f"{host.url}/object_info/HiresFixTargetSize") as answer:
        inputs = json.load(answer)["HiresFixTargetSize"]["input"]["required"]
    x, y = ui.canvas.widget_spot(node, "hr_scale")
    tooltip = ui.page.locator(".node-tooltip")

    def point():
        ui.page.mouse.move(x - 60, y - 40)
        ui.page.mouse.move(x, y, steps=8)

    ui.insist(point, lambda longest: tooltip.wait_for(timeout=longest))
    assert tooltip.inner_text() == inputs["hr_scale"][1]["tooltip"]
    ui.screenshot("tooltip")


def test_the_help_page_of_every_node_opens(ui):
    content = ui.page.locator(".node-help-content")
    for kind, path in HELP_PAGES.items():
        assert kind in NODES
        node = ui.canvas.place(kind, 300, 200)
        ui.canvas.select(node)
        ui.click(ui.page.get_by_test_id("info-button"), opened=content)
        page = path.read_text(encoding="utf-8")
        headings = [heading.replace("`", "") for heading in re.findall(r"^#+ (.+)$", page, re.MULTILINE)]
        content.filter(has_text=headings[0]).wait_for()  # it is there before the text is
        text = content.inner_text()
        assert [heading for heading in headings if heading not in text] == []
        pictures = content.locator("img")
        assert pictures.count() == len(re.findall(r"!\[", page))
        for picture in pictures.all():
            assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
        ui.canvas.remove(node)

"""A1111's pictures and texts become workflows: by the menu, from the clipboard, by the menu of a loaded picture."""

import json
import re

import pytest
from hires_pack.tests import png_by_hand
from numpy import zeros
from PIL import Image

ROUTE = "**/hires-fix/from-infotext"

PROMPT = "a cat, ночь"
SETTINGS = (
    "Steps: 2, Sampler: Euler a, Schedule type: Automatic, CFG scale: 6.5, Seed: {}, Size: 72x64, "
    "Model: v1-5-pruned-emaonly-fp16, Denoising strength: 0.6, RNG: CPU, Hires upscale: 1.5, Hires upscaler: Latent"
)


def infotext(seed):
    return f"{PROMPT}\nNegative prompt: fog\n{SETTINGS.format(seed)}, Mood: good"


def menu(ui, label):
    """Press an entry of the menu File."""
    file = ui.page.get_by_role("menuitem", name="File", exact=True)
    entry = ui.page.get_by_role("menuitem", name=label)
    ui.click(ui.page.locator(".comfy-menu-button-wrapper, [data-testid=comfy-menu-button]"), opened=file)
    ui.insist(file.hover, lambda longest: entry.wait_for(timeout=longest))
    entry.click()


def opened(ui, toasts):
    """Wait for the workflow; returns what the corner says."""
    said = toasts.filter(has_text="Workflow from A1111 text")
    said.wait_for()
    ui.settle()
    return said.inner_text()


def assert_imported(ui, seed):
    prompt = ui.prompt().values()
    of = {node["class_type"]: node["inputs"] for node in prompt}
    assert of["HiresFixBaseSampling"]["cfg"] == 6.5
    assert of["HiresFixNoise"]["seed"] == seed
    assert of["HiresFixTargetSize"]["hr_scale"] == 1.5
    assert of["CheckpointLoaderSimple"]["ckpt_name"] == "v1-5-pruned-emaonly-fp16.safetensors"
    (empty,) = (node["inputs"] for node in prompt if node["class_type"] == "EmptyLatentImage")
    assert {empty["width"], empty["height"]} == {72, 64}
    assert {node["inputs"]["text"] for node in prompt if node["class_type"] == "HiresFixPrompt"} == {PROMPT, "fog"}


@pytest.mark.parametrize("ending", ["png", "jpg", "txt"])
def test_a_file_becomes_a_workflow_that_runs(ending, ui, toasts, tmp_path):
    path, seed = tmp_path / f"a1111.{ending}", {"png": 4101, "jpg": 4102, "txt": 4103}[ending]
    if ending == "png":
        text = (b"iTXt", b"parameters\0\0\0\0\0" + infotext(seed).encode())
        path.write_bytes(png_by_hand.encode(zeros((8, 8, 3), "u1"), [text]))
    elif ending == "jpg":
        exif = Image.Exif()
        exif[0x8769] = {0x9286: b"UNICODE\0" + infotext(seed).encode("utf-16-be")}
        Image.new("RGB", (8, 8)).save(path, exif=exif)
    else:
        path.write_text(infotext(seed), encoding="utf-8")
    with ui.page.expect_file_chooser() as chooser:
        menu(ui, "Hires Fix: Workflow from A1111 picture")
    chooser.value.set_files(path)
    assert "Not in the workflow: Mood: good" in opened(ui, toasts)
    assert_imported(ui, seed)
    assert "Mood: good" in json.dumps(ui.workflow())
    ui.screenshot(f"from-a1111-{ending}")
    if ending == "png":
        assert ui.runs.run().status == "success"


@pytest.mark.smoke
def test_the_text_in_the_clipboard_becomes_a_workflow(ui, toasts):
    ui.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ui.page.evaluate("(text) => navigator.clipboard.writeText(text)", infotext(4104))
    menu(ui, "Hires Fix: Workflow from A1111 text in clipboard")
    opened(ui, toasts)
    assert_imported(ui, 4104)


def test_a_dropped_picture_becomes_a_workflow_by_the_menu_of_its_node(ui, toasts, tmp_path):
    """The editor does not read JPEG: it makes a Load Image of it, whose menu has our entry."""
    exif = Image.Exif()
    exif[0x8769] = {0x9286: b"UNICODE\0" + infotext(4105).encode("utf-16-be")}
    path = tmp_path / "dropped.jpg"
    Image.new("RGB", (8, 8), "red").save(path, exif=exif)
    ui.canvas.drop_file(path)
    ui.canvas.wait_for_nodes()
    node = ui.canvas.only("LoadImage")
    ui.page.wait_for_function("(id) => window.app.graph.getNodeById(id).widgets[0].value.includes('dropped')", arg=node)
    entry = ui.page.get_by_text("Hires Fix: Workflow from A1111 text of picture")

    def ask():
        x, y = ui.canvas.slot_spot(node, "outputs", "IMAGE")
        ui.page.mouse.click(x - 150, y, button="right")

    ui.insist(ask, lambda longest: entry.wait_for(timeout=longest))
    ui.screenshot("menu-of-a-picture")
    entry.click()
    opened(ui, toasts)
    assert_imported(ui, 4105)


def test_other_nodes_have_no_such_entry(ui):
    node = ui.canvas.place("HiresFixTargetSize", 100, 100)
    entries = ui.page.evaluate(
        "(id) => window.app.collectNodeMenuItems(window.app.graph.getNodeById(id)).map((item) => item?.content)", node
    )
    assert not [entry for entry in entries if entry and entry.startswith("Hires Fix")]


def test_a_picture_without_text_is_named_and_changes_nothing(ui, toasts, tmp_path):
    ui.canvas.place("HiresFixNoise", 100, 100)
    path = tmp_path / "plain.png"
    Image.new("RGB", (8, 8)).save(path)
    with ui.page.expect_file_chooser() as chooser:
        menu(ui, "Hires Fix: Workflow from A1111 picture")
    chooser.value.set_files(path)
    said = toasts.filter(has_text=re.compile("There is no generation text of A1111 in this picture"))
    said.wait_for()
    assert list(ui.canvas.nodes().values()) == ["HiresFixNoise"]


def test_a_server_that_fails_is_told_of_in_words(ui, toasts, tmp_path):
    path = tmp_path / "a1111.txt"
    path.write_text(infotext(4106), encoding="utf-8")
    ui.page.route(ROUTE, lambda route: route.fulfill(status=502, body="<html>Bad Gateway</html>"))
    with ui.page.expect_file_chooser() as chooser:
        menu(ui, "Hires Fix: Workflow from A1111 picture")
    chooser.value.set_files(path)
    toasts.filter(has_text="No workflow from A1111 text").filter(has_text="The server says 502.").wait_for()
    ui.page.unroute(ROUTE)
    assert not ui.canvas.nodes()

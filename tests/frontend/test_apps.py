"""The Apps: a form from the templates dialog, filled by mouse and keyboard, run, cancelled, left for the graph.

Fields are made small enough for a CPU as a user would make them. Each form leaves pictures, app-*.png.
"""

import json

import pytest
from hires_pack.tests import png_by_hand
from numpy import zeros
from PIL import Image

from .form import Form
from .shipped import APPS, read

SMALL = {"Sampling steps": 2, "Width": 64, "Height": 48}
TITLES = [path.name.removesuffix(".app.json") for path in APPS]
CHECKPOINT = "hires-fix-demo.safetensors"


@pytest.fixture
def form(ui):
    return Form(ui)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "mine.png"
    Image.linear_gradient("L").resize((60, 40)).convert("RGB").save(path)
    return path


def make_small(form, seed):
    """`seed` tells the run from earlier ones, whose results the server still has."""
    labels = form.labels()
    for label, value in {**SMALL, "Seed": seed}.items():
        if label in labels and not (label in ("Width", "Height") and "Resize mode" in labels):
            form.type_number(label, value)
    if "Checkpoint" in labels:
        form.choose("Checkpoint", CHECKPOINT)


def run(form):
    form.editor.runs.begin()
    form.run_button.click()
    return form.editor.runs.wait()


def shown(form):
    """Size of the picture that is shown when the run is over."""
    form.page.wait_for_function(
        "() => /\\d+ x \\d+/.test([...document.querySelectorAll('span.self-center')].map((e) => e.innerText).join())"
    )
    text = form.page.locator("span.self-center").first.inner_text()
    width, _, rest = text.partition(" x ")
    return int(width), int(rest.split(" ")[0])


@pytest.mark.smoke
def test_from_the_empty_editor_to_a_hires_picture_in_four_actions(ui, form):
    ui.click(ui.page.get_by_role("button", name="Templates").first, opened=ui.templates)  # 1
    ui.own_templates()  # 2
    form.card("Hires Fix (pixel)").wait_for()
    form.choose_card("Hires Fix (pixel)")  # 3
    make_small(form, seed=5000)  # no action of the user's: for the CPU's sake
    outcome = run(form).require_success()  # 4
    assert outcome.previewed, "no preview while it runs"
    assert shown(form) == (128, 96)
    ui.screenshot("app-first-picture")


@pytest.mark.smoke
@pytest.mark.parametrize("title", TITLES)
def test_a_form_is_filled_and_gives_its_picture(title, ui, form, picture, host):
    app = read(APPS[TITLES.index(title)])
    nodes = {node["id"]: node for node in app["nodes"]}
    slots = [(nodes[node]["inputs"], widget) for node, widget, *_ in app["extra"]["linearData"]["inputs"]]
    labels = [slot["label"] for inputs, widget in slots for slot in inputs if slot["name"] == widget]
    form.open(title)
    assert form.labels() == labels
    ui.screenshot(f"app-{title}-1-opened")
    make_small(form, seed=5100 + TITLES.index(title))
    if "Prompt" in labels:
        form.type_text("Prompt", "a red house by a lake")
    if "Image" in labels:
        form.upload("Image", picture)
        form.page.wait_for_function("() => window.app.rootGraph.nodes[0].widgets[0].value.startsWith('mine')")
    if title == "Extras (folder)":
        form.field("Output directory").locator("input").first.fill("from-a-form")
    ui.screenshot(f"app-{title}-2-filled")
    outcome = run(form).require_success()
    if title == "Extras (folder)":
        assert list((host.base / "output" / "from-a-form").iterdir())
    else:
        assert shown(form) == ((120, 80) if "Image" in labels else (128, 96))
        assert outcome.images
    ui.screenshot(f"app-{title}-3-result")


@pytest.mark.smoke
def test_another_seed_after_each_run_unless_it_is_fixed(ui, form):
    form.open("Hires Fix (latent)")
    make_small(form, seed=5200)
    run(form).require_success()
    (name,) = (name for name in form.values() if name.endswith(".seed"))
    assert form.values()[name] != 5200


def test_hires_fix_is_turned_off_by_its_switch(ui, form):
    form.open("Hires Fix (latent)")
    make_small(form, seed=5300)
    form.field("Hires. fix").get_by_role("switch").click()
    run(form).require_success()
    assert shown(form) == (64, 48)


@pytest.mark.smoke
def test_a_run_shows_previews_and_is_cancelled(ui, form):
    form.open("Hires Fix (pixel)")
    make_small(form, seed=5400)
    # the editor draws no preview that is followed by another within a frame
    for label, value in {"Sampling steps": 500, "Width": 320, "Height": 320}.items():
        form.type_number(label, value)
    form.editor.runs.begin()
    form.run_button.click()
    form.cancel_button.wait_for()
    form.picture.wait_for()
    ui.screenshot("app-running")
    form.cancel_button.click()
    assert form.editor.runs.wait().status == "interrupted"


@pytest.mark.smoke
def test_what_goes_wrong_is_told_in_the_form(ui, form):
    form.open("Hires Fix (pixel)")
    make_small(form, seed=5500)
    form.type_text("Prompt", "a house <lora:not-there:1>")
    assert run(form).status == "error"
    form.warning.wait_for()
    # the editor's own words say no more than that a node failed
    ui.toasts.filter(has_text="no LoRA is called 'not-there'. Put its file into models/loras").first.wait_for()
    ui.screenshot("app-error")


@pytest.mark.smoke
def test_to_the_graph_behind_it_and_back(ui, form):
    form.open("Hires Fix (pixel)")
    make_small(form, seed=5600)
    before = json.dumps(ui.prompt())
    ui.command("Comfy.ToggleLinear")
    form.run_button.wait_for(state="hidden")
    ui.settle()
    ui.screenshot("app-graph-behind")
    assert not ui.canvas.of_missing_type()
    ui.command("Comfy.ToggleLinear")
    form.run_button.wait_for()
    assert json.dumps(ui.prompt()) == before


@pytest.mark.smoke
def test_hires_fix_this_picture_on_a_finished_one(ui, form, host):
    """One entry in the menu of the node that shows it: the form opens with its prompt, seed and model."""
    text = "a red house\nNegative prompt: fog\nSteps: 3, Sampler: Euler a, Seed: 41, Size: 64x48, Model: hires-fix-demo"
    chunks = [(b"tEXt", b"parameters\0" + text.encode())]
    content = png_by_hand.encode(zeros((48, 64, 3), "uint8"), chunks)
    (host.base / "output" / "finished.png").write_bytes(content)
    node = ui.canvas.place("PreviewImage", 100, 100)
    ui.page.evaluate(
        """async (id) => {
            const picture = new Image()
            picture.src = window.app.api.apiURL('/view?filename=finished.png&subfolder=&type=output')
            await picture.decode()
            Object.assign(window.app.graph.getNodeById(Number(id)), { imgs: [picture], imageIndex: 0 })
        }""",
        node,
    )
    entry = ui.page.get_by_text("Hires Fix this picture", exact=True)
    ui.insist(lambda: entry.is_visible() or ui.canvas.open_menu(node), lambda longest: entry.wait_for(timeout=longest))
    entry.click()
    form.run_button.wait_for()
    ui.settle()
    values = {name.partition(".")[2]: value for name, value in form.values().items()}
    assert values["image"] == "finished.png"
    assert (host.base / "input" / "finished.png").read_bytes() == content
    asked = {"prompt": "a red house", "negative_prompt": "fog", "seed": 41, "steps": 3, "sampler_name": "Euler a"}
    assert {name: values[name] for name in asked} == asked
    assert values["ckpt_name"] == CHECKPOINT
    ui.screenshot("app-hires-fix-this-picture")
    outcome = run(form).require_success()
    assert outcome.images
    assert shown(form) == (128, 96)

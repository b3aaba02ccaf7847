"""What is in a dropped picture opens: A1111's text as a workflow of the pack's nodes, and ComfyUI's own workflow."""

import json
import zlib

import pytest
import torch
from hires_pack.pictures import EXTENSIONS, FileFacts, Picture, write_picture
from hires_pack.tests import png_by_hand
from numpy import zeros

from .test_infotext import PROMPT, ROUTE, assert_imported, infotext, opened

SETTING = "HiresFix.DroppedPictures"


@pytest.fixture
def dropped(ui, tmp_path):
    """Drops a PNG with these chunks of text."""

    def drop(*chunks):
        path = tmp_path / "dropped.png"
        path.write_bytes(png_by_hand.encode(zeros((4, 4, 3), "uint8"), chunks))
        ui.canvas.drop_file(path)
        ui.canvas.wait_for_nodes()

    return drop


def parameters(seed, more=""):
    return b"iTXt", b"parameters\0\0\0\0\0" + (infotext(seed) + more).encode()


@pytest.mark.smoke
def test_a_dropped_picture_loses_nothing(ui, dropped):
    dropped(parameters(4201))
    assert_imported(ui, 4201)  # 72x64, which the editor alone makes 128x64


@pytest.mark.parametrize("chunk", [(b"zTXt", b"parameters\0\0"), (b"iTXt", b"parameters\0\1\0\0\0")])
def test_text_that_another_program_has_compressed_is_read(chunk, ui, toasts, dropped):
    kind, head = chunk
    text = infotext(4206).replace(PROMPT, "a cat")
    dropped((kind, head + zlib.compress(text.encode())))
    opened(ui, toasts)
    assert ui.canvas.widget(ui.canvas.only("HiresFixNoise"), "seed") == 4206


def test_its_tab_is_named_after_it_and_can_be_undone_to_nothing_else(ui, toasts, dropped):
    ui.canvas.place("HiresFixNoise", 100, 100)
    dropped(parameters(4204))
    opened(ui, toasts)
    assert_imported(ui, 4204)
    assert ui.page.evaluate("() => window.app.extensionManager.workflow.activeWorkflow.filename") == "dropped"
    ui.command("Comfy.Undo")  # with the editor's own import this brings the graph of the tab before
    ui.settle()
    assert_imported(ui, 4204)


def test_much_that_is_not_in_the_workflow_is_told_in_a_few_lines(ui, toasts, dropped):
    dropped(parameters(4205, "".join(f", ADetailer {number}: yes" for number in range(20))))
    lines = opened(ui, toasts).splitlines()
    assert lines[1:3] == ["Not in the workflow: Mood: good", "Not in the workflow: ADetailer 0: yes"]
    assert lines[-1] == "And 15 more, see the note in the workflow."
    notes = [node for node in ui.workflow()["nodes"] if node["type"] == "MarkdownNote"]
    assert any("ADetailer 19: yes" in note["widgets_values"][0] for note in notes)


def test_the_setting_leaves_it_to_the_editor(ui, dropped):
    ui.setting(SETTING, False)
    dropped(parameters(4202))
    assert "KSampler" in ui.canvas.nodes().values()


def test_a_graph_of_comfyui_goes_first(ui, dropped):
    graph = b'{"1": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}}}'
    dropped(parameters(4203), (b"tEXt", b"prompt\0" + graph))
    assert list(ui.canvas.nodes().values()) == ["EmptyLatentImage"]


def test_what_the_server_refuses_the_editor_opens_itself(ui, toasts, dropped):
    ui.page.route(ROUTE, lambda route: route.fulfill(status=413, json={"error": "The file is larger than that."}))
    dropped(parameters(4207))
    toasts.filter(has_text="No workflow from A1111 text").filter(has_text="The file is larger than that.").wait_for()
    ui.page.unroute(ROUTE)
    assert "KSampler" in ui.canvas.nodes().values()


@pytest.mark.parametrize("format", ["jpeg", "webp", "tiff"])
def test_the_workflow_in_a_picture_that_we_saved_opens(format, ui, tmp_path):
    """WebP by the editor itself, which finds the texts by the same tags."""
    ui.canvas.place("HiresFixTargetSize", 100, 100)
    text = {"workflow": json.dumps(ui.workflow()), "prompt": "{}", "parameters": infotext(4208)}
    path = tmp_path / f"ours{EXTENSIONS[format]}"
    write_picture(path, Picture(torch.zeros(8, 8, 3), FileFacts(text=text)), format)
    ui.blank()
    ui.canvas.drop_file(path)
    ui.canvas.wait_for_nodes()
    assert list(ui.canvas.nodes().values()) == ["HiresFixTargetSize"]
    assert ui.page.evaluate("() => window.app.extensionManager.workflow.activeWorkflow.filename") == "ours"


def test_a_jpeg_with_nothing_but_a_graph_for_the_server(ui, tmp_path):
    graph = {"1": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}}}
    path = tmp_path / "graph.jpg"
    write_picture(path, Picture(torch.zeros(8, 8, 3), FileFacts(text={"prompt": json.dumps(graph)})), "jpeg")
    ui.canvas.drop_file(path)
    ui.canvas.wait_for_nodes()
    assert list(ui.canvas.nodes().values()) == ["EmptyLatentImage"]


def test_the_setting_leaves_a_jpeg_to_the_editor(ui, tmp_path, dropped):
    ui.setting(SETTING, False)
    path = tmp_path / "ours.jpg"
    write_picture(path, Picture(torch.zeros(8, 8, 3), FileFacts(text={"workflow": '{"nodes": []}'})), "jpeg")
    ui.canvas.drop_file(path)
    ui.canvas.wait_for_nodes()
    assert list(ui.canvas.nodes().values()) == ["LoadImage"]

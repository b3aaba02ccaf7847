"""A dropped picture of A1111 becomes a workflow of the pack's nodes, unless a setting forbids it."""

import pytest
from hires_pack.tests import png_by_hand
from numpy import zeros

from .test_infotext import assert_imported, infotext

SETTING = "HiresFix.DroppedPictures"


@pytest.fixture
def dropped(ui, tmp_path):
    """Drops a PNG with these chunks of text."""

    def drop(*chunks):
        path = tmp_path / "dropped.png"
        path.write_bytes(png_by_hand.encode(zeros((4, 4, 3), "uint8"), chunks))
        ui.canvas.drop_file(path)
        ui.canvas.wait_for_nodes()

    yield drop
    ui.setting(SETTING, True)


def parameters(seed):
    return b"iTXt", b"parameters\0\0\0\0\0" + infotext(seed).encode()


def test_a_dropped_picture_loses_nothing(ui, dropped):
    dropped(parameters(4201))
    assert_imported(ui, 4201)  # 72x64, which the editor alone makes 128x64


def test_the_setting_leaves_it_to_the_editor(ui, dropped):
    ui.setting(SETTING, False)
    dropped(parameters(4202))
    assert "KSampler" in ui.canvas.nodes().values()


def test_a_graph_of_comfyui_goes_first(ui, dropped):
    graph = b'{"1": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}}}'
    dropped(parameters(4203), (b"tEXt", b"prompt\0" + graph))
    assert list(ui.canvas.nodes().values()) == ["EmptyLatentImage"]

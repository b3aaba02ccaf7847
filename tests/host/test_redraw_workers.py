"""Tiled Redraw with other processes at work, each with a ComfyUI of its own, on a real host."""

from .test_tiled_redraw import scene  # noqa: F401 - a fixture
from .test_workers import TWO, all_end, listed  # noqa: F401 - fixtures


def test_processes_draw_what_this_device_draws(scene, listed):  # noqa: F811 - a fixture
    scene.picture("a.png", 320, 200, deep=False)
    values = {"tile_size": 128, "overlap": 32, "sampler_name": "euler_ancestral"}
    scene.run(file_name="{name} alone", **values)
    listed(TWO)
    text = scene.run(file_name="{name} by two", workers="two processes", **values)
    print(text)
    assert (scene.target / "a by two.png").read_bytes() == (scene.target / "a alone.png").read_bytes()
    assert all_end()

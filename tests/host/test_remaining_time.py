"""Long jobs tell on their node how long they will still take."""

import re
from threading import Timer

import pytest
import torch

from .graphs import Graph, give, set_everywhere
from .test_cancel import stage
from .test_families import hires_fix

LONGER = 5.0
"""Seconds, more than the first line takes where there is one."""


def assert_told(client, graph, node_id):
    """The first line comes, and the job is cancelled then."""
    run = client.queue(graph, interrupt_on_text=True)
    assert run.status == "interrupted"
    texts = run.texts
    assert {node for node, _ in texts} == {node_id}
    assert all(re.fullmatch(r"\d+ %, about (\d+ [hms]\S* ?)+ left", line) for _, line in texts)


@pytest.mark.parametrize("class_type", ["HiresFixBaseSampling", "HiresFixSecondSampling"])
def test_the_passes_tell_it(class_type, host, client, models):
    graph, _ = hires_fix(host, models, "sd1", "latent", 0.8)
    first = class_type == "HiresFixBaseSampling"
    set_everywhere(graph, steps=10_000 if first else 2, seed=4712)
    graph[stage(graph, "HiresFixRenoise")]["inputs"]["hr_second_pass_steps"] = 0 if first else 10_000
    assert_told(client, graph, stage(graph, class_type))


def test_a_sampler_with_a_pace_of_its_own_does_not(host, client, models):
    """Restart goes back on the way: nobody knows how many steps it will take."""
    graph, _ = hires_fix(host, models, "sd1", "latent", 0.8)
    set_everywhere(graph, steps=10_000, sampler_name="Restart", seed=4713)
    timer = Timer(LONGER, client.interrupt)
    timer.start()
    try:
        run = client.queue(graph)
    finally:
        timer.cancel()
    assert run.status == "interrupted"
    assert run.texts == []


def test_tiles_tell_it(host, client, models):
    g = Graph()
    upscaler = g.add("HiresFixUpscalerLoader", upscaler_name=models.esrgan_x4)
    image = g.add("ProbeImage", file=give(host, image=torch.rand(1, 1024, 1024, 3)), key="image")
    size = {"upscaling_resize_w": 8, "upscaling_resize_h": 8, "upscaling_crop": True}
    node = g.add(
        "HiresFixUpscaleImage", image=image, upscaler=upscaler, resize_mode="scale by", upscaling_resize=4.0, **size,
        tile_size=32, tile_overlap=12,
    )  # fmt: skip
    g.add("PreviewImage", images=node)
    assert_told(client, g, node.id)

"""Cancelling stops every stage at its next step or tile, and the next prompt runs."""

import pytest
import torch

from .graphs import Graph, give
from .test_families import hires_fix


def stage(graph, class_type):
    return next(node_id for node_id, node in graph.items() if node["class_type"] == class_type)


@pytest.mark.parametrize("class_type", ["HiresFixBaseSampling", "HiresFixSecondSampling"])
def test_cancel_while_sampling(class_type, host, client, models):
    graph, _ = hires_fix(host, models, "sd1", "latent", 0.8)
    for node in graph.values():
        if "steps" in node["inputs"]:
            node["inputs"]["steps"] = 60
        if node["class_type"] == "HiresFixNoise":
            node["inputs"]["seed"] = 4711  # nothing of this comes from the cache
    node_id = stage(graph, class_type)
    run = client.queue(graph, interrupt_at=node_id, after_progress=2)
    assert run.status == "interrupted"
    assert max(value for name, value, _ in run.progress if name == node_id) < 60
    again, _ = hires_fix(host, models, "sd1", "latent", 0.8)
    client.queue(again).require_success()


@pytest.mark.parametrize("node", ["HiresFixUpscaleImage", "HiresFixPixelUpscale"])
def test_cancel_between_tiles(node, host, client, models):
    g = Graph()
    upscaler = g.add("HiresFixUpscalerLoader", upscaler_name=models.esrgan_x4)
    if node == "HiresFixUpscaleImage":
        file = give(host, image=torch.rand(1, 512, 512, 3))
        g.add(
            node,
            image=g.add("ProbeImage", file=file, key="image"),
            upscaler=upscaler,
            resize_mode="scale by",
            upscaling_resize=4.0,
            upscaling_resize_w=8,
            upscaling_resize_h=8,
            upscaling_crop=True,
            tile_size=64,
            tile_overlap=8,
        )
    else:
        loader = g.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint("sd3"))
        latent = g.add("ProbeLatent", file=give(host, latent=torch.randn(1, 16, 40, 40)), key="latent")
        target = g.add("HiresFixTargetSize", width=320, height=320, hr_scale=4.0, hr_resize_x=0, hr_resize_y=0)
        g.add(
            node, latent=latent, vae=loader[2], upscaler=upscaler, target=target, tile_size=64, tile_overlap=8,
            vae_tile_size=0,
        )  # fmt: skip
    node_id = stage(g, node)
    g.save(image=[node_id, 0 if node == "HiresFixUpscaleImage" else 1])
    run = client.queue(g, interrupt_at=node_id, after_progress=2)
    assert run.status == "interrupted"
    tiles = [(value, most) for name, value, most in run.progress if name == node_id and most > 1]
    assert max(value for value, _ in tiles) < tiles[0][1]

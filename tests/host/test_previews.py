"""Both passes show their latent while they run on a host as installed, in the colours of the model's family."""

import io
from itertools import count

import numpy as np
import pytest
from hires_pack.dev.fixtures.families import FAMILIES
from PIL import Image

from .graphs import Graph, nodes_of, set_everywhere
from .test_families import hires_fix
from .test_workflows import small

UNUSED = count(1)
PASSES = ("HiresFixBaseSampling", "HiresFixSecondSampling")


def run_anew(client, graph, **extra_data):
    """Run both passes, also where the server has results of the very same: of another seed that plays no part."""
    for node_id in nodes_of(graph, "HiresFixNoise"):
        graph[node_id]["inputs"] |= {"subseed": next(UNUSED), "subseed_strength": 0.0}
    return client.queue(graph, extra_data=extra_data).require_success()


def pixels(preview):
    return np.asarray(Image.open(io.BytesIO(preview)).convert("RGB"), dtype=int)


@pytest.mark.parametrize("family", FAMILIES)
def test_nobody_has_to_choose_a_method(family, host, client, models):
    """eps, v and flow, 4 and 16 channels, with and without frames: the first picture of each pass is the one of the
    host's own "latent2rgb", which sends one for every step."""
    graph, _ = hires_fix(host, models, family, "latent", 0.8)
    ours, asked = run_anew(client, graph), run_anew(client, graph, preview_method="latent2rgb")
    for class_type in PASSES:
        (node_id,) = nodes_of(graph, class_type)
        first, theirs = (next(jpeg for node, jpeg in run.previews if node == node_id) for run in (ours, asked))
        assert np.ptp(pixels(first)) > 10
        assert np.array_equal(pixels(first), pixels(theirs))


def test_none_that_is_chosen_is_kept_to(host, client, models):
    graph, _ = hires_fix(host, models, "sd1", "latent", 0.8)
    assert run_anew(client, graph, preview_method="none").previews == []
    assert len(run_anew(client, graph, preview_method="default").previews) >= 2


def test_the_node_that_works_in_stages_shows_them(host, client, models):
    graph = small("multi-stage-image", client, host, models)
    set_everywhere(graph, ckpt_name=models.demo)
    (node_id,) = nodes_of(graph, "HiresFixMultiStageUpscale")
    assert node_id in {node for node, _ in run_anew(client, graph).previews}


def test_other_nodes_are_left_as_the_host_has_them(host, client, models):
    g = Graph()
    loader = g.add("CheckpointLoaderSimple", ckpt_name=models.demo)
    positive, negative = (g.add("CLIPTextEncode", clip=loader[1], text=text) for text in ("a house", ""))
    empty = g.add("EmptyLatentImage", width=64, height=64, batch_size=1)
    sampled = g.add(
        "KSampler", model=loader, positive=positive, negative=negative, latent_image=empty, seed=5105, steps=2, cfg=5.0,
        sampler_name="euler", scheduler="normal", denoise=1.0,
    )  # fmt: skip
    g.add("PreviewImage", images=g.add("VAEDecode", samples=sampled, vae=loader[2]))
    assert client.queue(g).require_success().previews == []

"""The demo checkpoint in stock ComfyUI: the full-size networks compute what was trained, and words are obeyed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hires_pack.dev.host.comfy_client import ComfyClient
from hires_pack.dev.host.comfyui_host import default_comfyui

from .graphs import Graph, saved


def test_full_size_networks_equal_the_trained_ones(models):
    script = Path(__file__).with_name("demo_networks.py")
    run = subprocess.run(
        [sys.executable, str(script), str(default_comfyui()), str(models.files.demo)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr[-2000:]
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["text"] < 1e-3
    assert found["text beyond"] == 0
    assert found["unet"] < 1e-4
    assert found["decoder"] < 1e-4
    assert found["preview"] < 1e-3
    assert found["encoder"] < 2e-3  # the host takes the picture to -1..1 and back


def picture_of(host, client, models, prompt):
    g = Graph()
    loader = g.add("CheckpointLoaderSimple", ckpt_name=models.demo)
    sampled = g.add(
        "KSampler",
        model=loader,
        positive=g.add("CLIPTextEncode", clip=loader[1], text=prompt),
        negative=g.add("CLIPTextEncode", clip=loader[1], text=""),
        latent_image=g.add("EmptyLatentImage", width=128, height=128, batch_size=1),
        seed=5,
        steps=6,
        cfg=4.0,
        sampler_name="dpmpp_2m",
        scheduler="karras",
        denoise=1.0,
    )
    _, name = g.save(image=g.add("VAEDecode", samples=sampled, vae=loader[2]))
    client.queue(g).require_success()
    return saved(host, name)["image"]


@pytest.fixture(scope="module")
def skies(host, models):
    """The upper quarter's mean colour at equal seeds, by prompt."""
    client = ComfyClient(host.url)
    prompts = {
        "day": "blue sky, day, meadow",
        "sunset": "sunset, orange sky, meadow",
        "night": "night, black sky, snow",
    }
    return {
        key: picture_of(host, client, models, prompt)[:, :32].mean((0, 1, 2)).tolist()
        for key, prompt in prompts.items()
    }


def test_words_decide_about_the_sky(skies):
    red, _, blue = skies["day"]
    assert blue > red + 0.15
    red, _, blue = skies["sunset"]
    assert red > blue + 0.15
    assert sum(skies["night"]) < 0.6 * min(sum(skies["day"]), sum(skies["sunset"]))

"""What needs a server of another kind: one without the pack, and one with flags and a pack that is not as shipped."""

import shutil
import zlib

import numpy as np
import pytest
import torch
from hires_pack.dev.host.comfy_client import ComfyClient
from hires_pack.tests import png_by_hand

from .conftest import start_host
from .graphs import ROOT, Graph, saved
from .test_infotext import FILE as PICTURE
from .test_infotext import QUICK, ask, graph_of, saved_texts
from .test_picture_nodes import RAMP, SRGB, files, load, opened, place, save
from .test_shipped_upscalers import FILE, explanation_of, listed

FLAGS = ("--disable-metadata", "--fp16-intermediates", "--max-upload-size", "0.1")


@pytest.fixture(scope="module")
def changed_pack(tmp_path_factory):
    """A copy of the pack in which one bit of a shipped model is another."""
    pack = tmp_path_factory.mktemp("changed") / "hires-fix"
    for folder in ("hires", "host", "machines", "nodes", "pictures", "recipes", "sdapi", "upscale_models", "web"):
        shutil.copytree(ROOT / folder, pack / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("__init__.py", "pyproject.toml"):
        shutil.copy(ROOT / file, pack)
    path = pack / "upscale_models" / "weights" / FILE
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1
    path.write_bytes(data)
    return pack


@pytest.fixture(scope="module")
def other(models, changed_pack):
    with start_host(models, pack=False, extra_packs=(changed_pack,), arguments=FLAGS) as server:
        yield server


def test_without_metadata_and_with_half_precision(other):
    """Texts are left out, the profile is not; and 16 bits survive although the host's own nodes would round."""
    chunks = [(b"iCCP", b"name\0\0" + zlib.compress(SRGB)), (b"tEXt", b"parameters\0secret")]
    levels = RAMP.repeat(3, axis=-1)
    g = Graph()
    image = load(g, place(other, png_by_hand.encode(levels, chunks)))
    exact = save(g, image, file_info=image[2])
    half = save(g, g.add("EmptyImage", width=8, height=8, batch_size=1, color=0x804020), bit_depth="16")
    run = ComfyClient(other.url).queue(g, extra_data={"extra_pnginfo": {"workflow": {}}}).require_success()
    (content,), (rounded,) = files(other, run, exact), files(other, run, half)
    assert np.array_equal(png_by_hand.decode(content), levels)
    assert opened(content).text == {}
    assert opened(content).info["icc_profile"] == SRGB
    assert np.abs(png_by_hand.decode(rounded)[0, 0] / 257 - (0x80, 0x40, 0x20)).max() < 0.1


def test_without_metadata_no_text_is_written(other):
    graph, node = graph_of(QUICK)
    assert saved_texts(other, ComfyClient(other.url).queue(graph), node) == [None]


def test_a_file_beyond_the_limit_of_the_server_is_refused(other):
    status, answer = ask(other, b"\0" * 200_000, PICTURE)
    assert (status, answer["error"]) == (413, "The file is larger than this server takes.")


def test_one_flipped_bit_in_the_pack_is_refused(other):
    client = ComfyClient(other.url)
    assert FILE in listed(client, "UpscaleModelLoader", "model_name")
    said = explanation_of(FILE, other, client)
    for words in ("Load Upscaler", "'upscaler_name'", FILE, "SHA-256"):
        assert words in said


def default_graph(models):
    """The graph that ComfyUI opens with, small."""
    g = Graph()
    loader = g.add("CheckpointLoaderSimple", ckpt_name=models.demo)
    positive = g.add("CLIPTextEncode", clip=loader[1], text="beautiful scenery nature glass bottle landscape")
    negative = g.add("CLIPTextEncode", clip=loader[1], text="text, watermark")
    latent = g.add("EmptyLatentImage", width=128, height=128, batch_size=1)
    sampled = g.add(
        "KSampler", model=loader, positive=positive, negative=negative, latent_image=latent, seed=156680208700286,
        steps=3, cfg=8.0, sampler_name="euler", scheduler="normal", denoise=1.0,
    )  # fmt: skip
    image = g.add("VAEDecode", samples=sampled, vae=loader[2])
    _, name = g.save(image=image)
    return g, name


def test_unused_the_pack_changes_nothing(host, client, models):
    graph, name = default_graph(models)
    client.queue(graph).require_success()
    with_pack = saved(host, name)["image"]
    with start_host(models, pack=False) as bare:
        other = ComfyClient(bare.url)
        assert not [node for node in other.object_info() if node.startswith("HiresFix")]
        graph, name = default_graph(models)
        other.queue(graph).require_success()
        assert torch.equal(saved(bare, name)["image"], with_pack)

"""Styles as A1111 joins them, from files that may change; and Choose VAE."""

import os

import pytest
import torch
from safetensors.torch import load_file, save_file

from .graphs import Graph, give, saved

TABLE = (
    "\ufeffname,prompt,negative_prompt\n"
    'Film,"{prompt}, film grain, (35mm:1.2)","digital, render"\n'
    "#off,never,\n"
    "Quiet,calm,\n"
    'Lora,"<lora:film:0.5>",\n'
)


def chosen(graph, *styles, **texts):
    texts = {"prompt": "a cat", "negative_prompt": "bad", **texts}
    return graph.add("HiresFixStyles", **texts, **{f"style_{i + 1}": name for i, name in enumerate(styles)})


def texts_of(graph, node, client):
    shows = [graph.add("PreviewAny", source=node[output]) for output in range(4)]
    run = client.queue(graph).require_success()
    return [run.outputs[show.id]["text"][0] for show in shows]


NONE = ("None",) * 4


@pytest.fixture
def table(host):
    path = host.base / "user" / "default" / "styles.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TABLE, encoding="utf-8")
    yield path
    path.unlink()


def test_styles_are_joined_as_by_a1111(table, client):
    graph = Graph()
    node = chosen(graph, "Quiet", "Film", "Lora", "None", hr_prompt="a dog")
    film = "film grain, (35mm:1.2), <lora:film:0.5>"
    negative = "bad, digital, render"
    assert texts_of(graph, node, client) == [f"a cat, calm, {film}", negative, f"a dog, calm, {film}", negative]


def test_without_styles_texts_stay_as_they_are(client):
    graph = Graph()
    assert texts_of(graph, chosen(graph, *NONE, prompt=" a  cat ,"), client) == [" a  cat ,", "bad", " a  cat ,", "bad"]


def test_a_changed_table_is_read_again(table, client):
    for words in ("one", "two"):
        table.write_text(f"name,prompt\nOld,{words}\n", encoding="utf-8")
        os.utime(table, (len(words), ord(words[0])))
        graph = Graph()
        assert texts_of(graph, chosen(graph, "Old", *NONE[1:]), client)[0] == f"a cat, {words}"


def test_a_changed_table_is_read_again_for_a_linked_style(table, client):
    for words in ("one", "two"):
        table.write_text(f"name,prompt\nOld,{words}\n", encoding="utf-8")
        os.utime(table, (len(words), ord(words[0])))
        graph = Graph()
        names = graph.add("HiresFixXYValues", x_name="", x_values="Old", y_name="", y_values="")
        assert texts_of(graph, chosen(graph, names, *NONE[1:]), client)[0] == f"a cat, {words}"


def test_a_style_that_is_not_there_is_refused_before_the_run(table, client):
    graph = Graph()
    graph.add("PreviewAny", source=chosen(graph, "Gone", *NONE[1:]))
    said = client.queue(graph).explanation()
    assert "there is no style 'Gone'. The 3 styles are read from " in said
    assert str(table) in said


def test_choose_vae(host, client, models):
    """The checkpoint's own, or a file: here the VAE of another checkpoint."""
    (other,) = [path for path in models.files.checkpoints if path.name == models.checkpoint("sdxl")]
    mark = "first_stage_model."
    tensors = {key.removeprefix(mark): value for key, value in load_file(other).items() if key.startswith(mark)}
    (host.base / "models" / "vae").mkdir(parents=True, exist_ok=True)
    save_file(tensors, host.base / "models" / "vae" / "chosen.safetensors")
    graph = Graph()
    checkpoint = graph.add("CheckpointLoaderSimple", ckpt_name=models.oracle)
    content = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(1))
    latent = graph.add("ProbeLatent", file=give(host, content=content), key="content")
    ways = {
        "own": checkpoint[2],
        "automatic": graph.add("HiresFixChooseVAE", vae=checkpoint[2], vae_name="Automatic"),
        "file": graph.add("HiresFixChooseVAE", vae=checkpoint[2], vae_name="chosen.safetensors"),
        "core": graph.add("VAELoader", vae_name="chosen.safetensors"),
    }
    files = {key: graph.save(image=graph.add("VAEDecode", samples=latent, vae=vae))[1] for key, vae in ways.items()}
    client.queue(graph).require_success()
    found = {key: saved(host, file)["image"] for key, file in files.items()}
    assert torch.equal(found["own"], found["automatic"])
    assert torch.equal(found["file"], found["core"])
    assert not torch.equal(found["own"], found["file"])

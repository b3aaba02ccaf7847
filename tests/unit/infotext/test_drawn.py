"""What the texts of a finished picture say of how it was drawn, and which fields of a form they fill."""

import json

import pytest
from hires_pack.hires.graph.to_api import to_api
from hires_pack.hires.infotext.from_graph import drawn as of_files
from hires_pack.hires.infotext.from_graph.drawn import drawn
from hires_pack.hires.infotext.from_graph.read import read_graph
from hires_pack.hires.infotext.settings import GenerationSettings, ModelName
from hires_pack.hires.infotext.to_graph.loaders import ModelFiles
from hires_pack.hires.infotext.to_graph.panel import panel_values
from hires_pack.recipes import gallery
from hires_pack.recipes.apps import hires_fix_of_a_picture_app

TEXT = (
    "a cat <lora:fur:0.5>\nNegative prompt: fog\nSteps: 12, Sampler: Euler a, Schedule type: Karras, CFG scale: 6, "
    "Seed: 77, Size: 64x64, Model hash: 0123456789, Model: mine, Clip skip: 2"
)
FILES = ModelFiles(checkpoints=["folder/mine.safetensors", "other.safetensors"], vaes=["good.safetensors"])


def test_a1111s_text():
    settings, said = drawn({"parameters": TEXT}, "parameters")
    assert settings is not None
    assert said == []
    values, notes = panel_values(settings, FILES)
    assert values == {
        "prompt": "a cat <lora:fur:0.5>",
        "negative_prompt": "fog",
        "seed": 77,
        "clip_skip": 2,
        "steps": 12,
        "scheduler": "Karras",
        "sampler_name": "Euler a",
        "cfg": 6.0,
        "ckpt_name": "folder/mine.safetensors",
    }
    assert notes == []


def test_a_graph_of_the_packs_samplings():
    graph = to_api(gallery.hires_fix_latent(prompt="a boat", negative_prompt="rain", seed=9, checkpoint="mine.ckpt"))
    settings, said = drawn({"prompt": json.dumps(graph)}, "parameters")
    assert settings is not None
    assert said == []
    assert (settings.prompt, settings.negative_prompt, settings.seed) == ("a boat", "rain", 9)
    assert settings.checkpoint == ModelName("mine")


def test_a_graph_of_cores_ksampler():
    graph = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sub/mine.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a hill", "clip": ["1", 1]}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "snow", "clip": ["1", 1]}},
        "4": {
            "class_type": "KSampler",
            "inputs": {
                "seed": 5, "steps": 15, "cfg": 4.5, "sampler_name": "euler", "scheduler": "karras",
                "model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0], "latent_image": ["6", 0],
            },
        },
        "5": {"class_type": "SaveImage", "inputs": {"images": ["7", 0]}},
        "7": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 0], "vae": ["1", 2]}},
    }  # fmt: skip
    settings, said = drawn({"prompt": json.dumps(graph)}, "parameters")
    assert settings is not None
    assert said == []
    values, notes = panel_values(settings, FILES)
    asked = {"prompt": "a hill", "negative_prompt": "snow", "seed": 5, "steps": 15, "cfg": 4.5, "clip_skip": 1}
    chosen = {"sampler_name": "euler", "scheduler": "karras", "ckpt_name": "folder/mine.safetensors"}
    assert values == {**asked, **chosen}
    assert notes == []


def test_a_result_of_the_form_that_draws_a_picture_larger():
    chosen = {"steps": 33, "sampler_name": "Heun", "scheduler": "Karras", "cfg": 4.5, "clip_skip": 2}
    app = hires_fix_of_a_picture_app(prompt="a hill", negative_prompt="snow", ckpt_name="mine.safetensors", **chosen)
    settings, said = drawn({"prompt": json.dumps(to_api(app.graph))}, "parameters")
    assert settings is not None
    assert said == []
    values, notes = panel_values(settings, FILES)
    assert notes == []
    assert {name: values[name] for name in chosen} == chosen
    assert (values["prompt"], values["negative_prompt"]) == ("a hill", "snow")


def test_what_is_the_same_as_in_a_first_pass_that_is_not_there_is_not_known():
    graph = to_api(hires_fix_of_a_picture_app(ckpt_name="mine.safetensors").graph)
    (renoise,) = (node["inputs"] for node in graph.values() if node["class_type"] == "HiresFixRenoise")
    (second,) = (node["inputs"] for node in graph.values() if node["class_type"] == "HiresFixSecondSampling")
    renoise |= {"sampler_name": "Use same sampler", "scheduler": "Use same scheduler", "steps": 0}
    second |= {"sampler_name": "Use same sampler", "cfg": -1.0}
    settings, _ = drawn({"prompt": json.dumps(graph)}, "parameters")
    assert settings is not None
    assert (settings.sampler_name, settings.scheduler, settings.steps, settings.cfg_scale) == (None,) * 4


def two_pictures(steps):
    """One graph with two jobs, of 20 steps and of `steps`."""
    job = to_api(gallery.hires_fix_latent(checkpoint="mine.ckpt"))
    other = json.loads(json.dumps(job).replace('["', '["b'))
    other = {f"b{name}": node for name, node in other.items()}
    for node in other.values():
        node["inputs"] |= {"steps": steps} if node["class_type"] == "HiresFixBaseSampling" else {}
    return {**job, **other}


def test_two_pictures_of_different_settings_are_told():
    settings, said = drawn({"prompt": json.dumps(two_pictures(7))}, "parameters")
    assert settings is not None
    assert settings.steps == 20
    assert len(said) == 1
    assert "several pictures" in said[0]
    assert drawn({"prompt": json.dumps(two_pictures(20))}, "parameters") == (settings, [])


def test_a_graph_of_thousands_of_pictures_is_read_in_parts(monkeypatch):
    read = []
    monkeypatch.setattr(of_files, "read_graph", lambda graph, node: read.append(node) or read_graph(graph, node))
    saves = {f"s{i}": {"class_type": "PreviewImage", "inputs": {"images": [f"x{i}", 0]}} for i in range(3000)}
    assert drawn({"prompt": json.dumps(saves)}, "parameters") == (None, [])
    assert 0 < len(read) < 100


@pytest.mark.parametrize("text", ["", "A photo", "{", "[]"])
def test_texts_that_say_nothing(text):
    assert drawn({"parameters": text}, "parameters") == (None, [])
    assert drawn({"prompt": text}, "parameters") == (None, [])
    assert drawn({}, "parameters") == (None, [])


def test_what_cannot_be_set_is_told():
    settings = GenerationSettings("x", steps=-3, sampler_name="Nobody's", checkpoint=ModelName("gone"))
    values, notes = panel_values(settings, FILES)
    assert {"steps", "sampler_name", "ckpt_name"}.isdisjoint(values)
    assert len(notes) == 3
    assert any("gone" in note for note in notes)


def test_a_file_of_another_name_is_found_by_its_hash():
    known = {"01ab": "new.ckpt"}
    files = ModelFiles(checkpoints=["new.ckpt"], by_hash=lambda folder, digits: known.get(digits))
    values, notes = panel_values(GenerationSettings(checkpoint=ModelName("old", "01ab")), files)
    assert values["ckpt_name"] == "new.ckpt"
    assert notes == []

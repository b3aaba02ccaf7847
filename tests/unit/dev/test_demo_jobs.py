"""What the demo asks of the saved workflows."""

from pathlib import Path

import pytest
from hires_pack.dev.demo import jobs as run_demo

ROOT = Path(__file__).resolve().parents[3]
IMAGES = {"photo": "photo.png", "base": "base.png"}


@pytest.fixture
def demo(monkeypatch):
    """The script, which finds its neighbours as a script does."""
    return run_demo


def nodes(graph: dict, kind: str) -> list[dict]:
    """Inputs of the nodes of a class."""
    return [node["inputs"] for node in graph.values() if node["class_type"] == kind]


def test_every_picture_is_shown_by_one_node_and_no_two_share_a_name(demo) -> None:
    stems = []
    for job in demo.jobs((45, 30)):
        graph = demo.prepare_graph(job, demo.DEMO, "some.safetensors", IMAGES)
        titles = [node["_meta"]["title"] for node in graph.values()]
        assert [titles.count(title) for title in job.pictures] == [1] * len(job.pictures)
        stems += [stem for stem, _ in job.pictures.values()]
        assert {inputs["ckpt_name"] for inputs in nodes(graph, "CheckpointLoaderSimple")} <= {"some.safetensors"}
        for inputs in nodes(graph, "HiresFixUpscalerLoader"):
            assert (ROOT / "upscale_models" / "weights" / inputs["upscaler_name"]).is_file()
    assert len(set(stems)) == len(stems)


def test_a_picture_that_is_loaded_was_made_before(demo) -> None:
    made = {"photo"}
    for job in demo.jobs((45, 30)):
        assert job.image in made
        made |= {stem for stem, _ in job.pictures.values()}


def test_the_demo_checkpoint_gets_its_size_and_words_and_others_what_was_saved(demo) -> None:
    job = next(job for job in demo.jobs((45, 30)) if job.direct)
    graph = demo.prepare_graph(job, demo.DEMO, "some.safetensors", IMAGES)
    size = nodes(graph, "EmptyLatentImage")[0]
    assert (size["width"], size["height"]) == (128, 128)
    assert {inputs["steps"] for inputs in nodes(graph, "HiresFixBaseSampling")} == {demo.DEMO.steps}
    assert [inputs["text"] for inputs in nodes(graph, "CLIPTextEncode")] == [demo.DEMO.prompt, ""]
    latent = next(job for job in demo.jobs((45, 30)) if job.workflow == "hires-fix-latent")
    strengths = [
        nodes(demo.prepare_graph(latent, drawing, "some.safetensors", IMAGES), "HiresFixRenoise")[0][
            "denoising_strength"
        ]
        for drawing in (demo.DEMO, demo.SAVED)
    ]
    assert strengths == [0.5, 0.7]
    saved = demo.prepare_graph(job, demo.SAVED, "some.safetensors", IMAGES)
    size = nodes(saved, "EmptyLatentImage")[0]
    assert (size["width"], size["height"]) == (512, 512)
    assert "lighthouse" in nodes(saved, "CLIPTextEncode")[0]["text"]
    direct = [inputs for inputs in nodes(saved, "EmptyLatentImage") if inputs["width"] == inputs["height"] == 1024]
    assert len(direct) == 1

"""LDSR on the real host: A1111's pictures, the list, exact sizes, cancelling, memory, refusals."""

import json
import shutil
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
from hires_pack.dev.fixtures import ldsr
from hires_pack.dev.parity import run as parity_run
from hires_pack.dev.parity.cases import discover
from PIL import Image
from safetensors.torch import save_file

from .graphs import Graph, give, saved
from .test_folder import DEFAULTS as FOLDER
from .test_multi_stage import multi_stage
from .test_plan import plan

CASES = Path(__file__).resolve().parents[1] / "data" / "oracle-ldsr" / "cases"
NAME = f"LDSR/{ldsr.FILE}"


def enlarging(host, image, resize=2.0, name=NAME, downsample="A1111", seed=1, **more):
    """A graph in which LDSR enlarges pictures, and the node that does."""
    graph = Graph()
    given = graph.add("ProbeImage", file=give(host, image=image), key="image")
    loader = graph.add("HiresFixUpscalerLoader", upscaler_name=name)
    settings = {"steps": 1, "eta": 1.0, "downsample": downsample, "seed": seed, **more}
    upscaler = graph.add("HiresFixLdsrSettings", upscaler=loader, **settings)
    sizes = {"resize_mode": "scale by", "upscaling_resize": resize, "upscaling_resize_w": 8, "upscaling_resize_h": 8}
    return graph, graph.add(
        "HiresFixUpscaleImage",
        image=given,
        upscaler=upscaler,
        upscaling_crop=True,
        tile_size=0,
        tile_overlap=-1,
        **sizes,
    )


def enlarged(host, client, image, **more):
    graph, large = enlarging(host, image, **more)
    _, name = graph.save(image=large)
    client.queue(graph).require_success()
    return saved(host, name)["image"]


def pictures(width, height, channels=3, batch=1):
    return torch.rand(batch, height, width, channels, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def bench(host):
    return parity_run.Bench(host, {"checkpoints": [], "upscale_models": []})


@pytest.mark.parametrize("case", discover(CASES), ids=lambda case: case.id)
def test_recorded_pictures(case, bench):
    outcome = bench.run(case)
    assert outcome.ok, outcome.reason
    assert outcome.main.measured.stages["ldsr.different"] < 0.005
    assert outcome.main.measured.off_by_more == 0


def test_a_recording_of_another_seed_fails(bench, tmp_path):
    shutil.copytree(CASES / "noise-60x50", tmp_path / "cases" / "noise-60x50")
    job = tmp_path / "cases" / "noise-60x50" / "case.json"
    job.write_text(job.read_text(encoding="utf-8").replace('"seed": 0', '"seed": 1'), encoding="utf-8")
    outcome = bench.run(discover(tmp_path)[0])
    assert not outcome.ok
    assert "ldsr.different" in outcome.reason


def test_exact_size_alpha_batches_and_the_same_numbers_again(host, client):
    image = pictures(40, 30, channels=4)
    both = enlarged(host, client, image.repeat(2, 1, 1, 1), resize=3.3)
    assert both.shape == (2, 99, 132, 4)
    assert torch.equal(both[0], both[1])
    other = enlarged(host, client, image, resize=3.3, seed=2)
    assert (other[..., :3] - both[:1, ..., :3]).abs().mean() > 1e-3
    assert torch.equal(other[..., 3], both[:1, ..., 3])


def test_in_stages_and_from_file_to_file(host, client):
    folder = host.base / "input" / "ldsr folder"
    folder.mkdir()
    Image.effect_noise((21, 13), 60).convert("RGB").save(folder / "a.png")
    graph, large = enlarging(host, pictures(9, 7), resize=3.0)
    upscaler = graph[large.id]["inputs"]["upscaler"]
    folders = {"input_folder": folder.name, "output_folder": folder.name, "tile_overlap": -1}
    node = graph.add("HiresFixUpscaleFolder", **{**FOLDER, **folders}, upscaler=upscaler)
    staged = multi_stage(graph, graph[large.id]["inputs"]["image"], upscaler, upscaling_resize=3.0, stages=2,
                         tile_overlap=-1)  # fmt: skip
    name = graph.save(image=staged)[1]
    run = client.queue(graph).require_success()
    assert saved(host, name)["image"].shape == (1, 21, 27, 3)
    assert "1 done" in run.outputs[node.id]["text"][0]
    with Image.open(host.base / "output" / folder.name / "a_x2.png") as found:
        assert found.size == (42, 26)
        assert np.asarray(found).std() > 5


def test_cancelled_within_a_step(host, client):
    graph, large = enlarging(host, pictures(200, 130), downsample="never", steps=40)
    graph.save(image=large)
    run = client.queue(graph, interrupt_at=large.id, after_progress=2)
    assert run.status == "interrupted"
    told = [(value, most) for name, value, most in run.progress if name == large.id and most > 1]
    assert max(value for value, _ in told) < told[0][1] / 10


def test_the_host_takes_it_off_when_room_is_needed_and_back_again(host, client):
    image = pictures(20, 20)
    graph, large = enlarging(host, image, seed=11)
    name = "ldsr-room"
    graph.add("ProbeRoom", name=name, image=large)
    client.queue(graph).require_success()
    first = saved(host, name)
    before, after = first["loaded"].tolist()
    assert before >= 1
    assert after == 0
    graph["3"]["inputs"]["eta"] = 0.9  # not from the cache
    client.queue(graph).require_success()
    assert saved(host, name)["loaded"].tolist()[0] >= 1
    assert not torch.equal(saved(host, name)["image"], first["image"])


def test_a_lightning_checkpoint_under_its_old_name_gives_the_same(host, client):
    file = host.base / "models" / "upscale_models" / "last.ckpt"
    torch.save({"epoch": 1, "state_dict": ldsr.weights()}, file)
    file.with_suffix(".yaml").write_text(f"num_head_channels: {ldsr.HEAD}", encoding="utf-8")
    try:
        client.object_info()  # the host lists its folders again
        image = pictures(30, 20)
        assert torch.equal(enlarged(host, client, image, name="last.ckpt"), enlarged(host, client, image, seed=1))
    finally:
        file.unlink()
        file.with_suffix(".yaml").unlink()


def explained(run, *words):
    assert run.status != "success"
    text = run.explanation()
    assert all(word in text for word in words), text


class _Code:
    def __reduce__(self):
        return (print, ("this must not run",))


def test_refusals(host, client, models):
    folder = host.base / "models" / "LDSR"
    torch.save({"state_dict": ldsr.weights(averaged=False), "callbacks": _Code()}, folder / "runs-code.ckpt")
    whole = ldsr.weights(averaged=False)
    lacking = {name: value for name, value in whole.items() if name != "model.diffusion_model.middle_block.1.qkv.bias"}
    (folder / "other").mkdir()
    save_file(lacking, folder / "lacking.safetensors")
    save_file(whole, folder / "other" / "odd.safetensors")
    (folder / "other" / "odd.yaml").write_text("num_head_channels: 48", encoding="utf-8")
    client.object_info()
    image = pictures(8, 8)

    def run(name):
        return client.queue(_end(enlarging(host, image, name=name)))

    explained(
        run("LDSR/runs-code.ckpt"), "Load Upscaler", "would run code when opened, which is refused", "safetensors"
    )
    explained(
        run("LDSR/lacking.safetensors"), "middle_block.1.qkv.bias", "should be a tensor of (192,), and is nothing"
    )
    explained(run("LDSR/other/odd.safetensors"), "heads of 48 (that of odd.yaml) do not divide")
    explained(run(models.exact_x2), "LDSR Settings", models.exact_x2, "is no LDSR model")


def _end(made):
    graph, large = made
    graph.save(image=large)
    return graph


def test_the_badge_and_the_lists(host, client):
    options = client.object_info()["HiresFixUpscalerLoader"]["input"]["required"]["upscaler_name"][1]["options"]
    assert NAME in options
    assert f"LDSR/{ldsr.SETTINGS}" not in options
    with urllib.request.urlopen(f"{host.url}/sdapi/v1/upscalers") as answer:
        listed = {one["name"]: one for one in json.loads(answer.read())}
    assert listed["LDSR"]["model_path"].endswith(ldsr.FILE)
    with urllib.request.urlopen(f"{host.url}/sdapi/v1/options") as answer:
        assert json.loads(answer.read())["ldsr_steps"] == 100
    picture = Graph()
    loaded = picture.add("LoadImage", image="ldsr-600x400.png")
    Image.new("RGB", (600, 400)).save(host.base / "input" / "ldsr-600x400.png")
    upscaler = picture.add("HiresFixUpscalerLoader", upscaler_name=NAME)
    sizes = {"upscaling_resize": 4.0, "upscaling_resize_w": 8, "upscaling_resize_h": 8, "upscaling_crop": True}
    for numbers in ("exact", "A1111"):
        large = picture.add(
            "HiresFixUpscaleImage", image=loaded, upscaler=upscaler, resize_mode="scale by", tile_size=0,
            tile_overlap=-1, numbers=numbers, **sizes,
        )  # fmt: skip
        (said,) = [one for node, one in plan(host, picture).items() if node == large.id]
        assert said["text"] == "600×400 → 2400×1600, 100 steps × 54 windows: minutes on a graphics card"

"""Training of the shipped upscalers: what is learnt from, that a run can be stopped, and what is written."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hires_pack.dev.training import patches as patches_of
from hires_pack.dev.training import upscalers
from hires_pack.dev.training.compact import Compact
from hires_pack.dev.training.patches import Pool, reduced
from hires_pack.dev.training.upscalers import Recipe, Run
from hires_pack.tests.tolerances import FLOAT32
from PIL import Image
from safetensors import safe_open
from spandrel import ModelLoader

TINY = Recipe(2, 4, 2, 4)


def pictures(count, side=320):
    rng = np.random.default_rng(3)
    return [np.kron(rng.integers(0, 256, (side // 8, side // 8, 3), np.uint8), np.ones((8, 8, 1), np.uint8))] * count


@pytest.fixture
def pool():
    return Pool(pictures(1), pictures(2), scale=2, soft=False)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setattr(upscalers, "STATES", tmp_path / "states")
    monkeypatch.setattr(upscalers, "WEIGHTS", tmp_path / "weights")
    monkeypatch.setattr(upscalers, "RECIPES", {"tiny": TINY})
    return tmp_path


# ---- pictures -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_drawings_are_kept_for_the_next_run(tmp_path, monkeypatch):
    monkeypatch.setattr(patches_of, "SIDE", 32)
    first = patches_of.drawings(3, 7, tmp_path)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = patches_of.drawings(3, 7, tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == kept
    assert len(kept) == 1


# ---- patches --------------------------------------------------------------------------------------------------------


def test_patches_belong_together(pool):
    """Mirrored, turned or not: the large one, made small again, is the small one (but for the filter at its border)."""
    batch = pool.batch(np.random.default_rng(5), 32, 40)
    assert batch.small.shape == (32, 40, 40, 3)
    assert batch.large.shape == (32, 80, 80, 3)
    assert batch.plain.sum() == 4
    for small, large in zip(batch.small[~batch.plain], batch.large[~batch.plain], strict=True):
        gap = reduced(np.ascontiguousarray(large), 2)[2:-2, 2:-2].astype(int) - small[2:-2, 2:-2]
        assert np.abs(gap).max() <= 4  # the filter rounds between its two directions; a wrong place gives 100
    assert batch.colours.min() >= 0
    assert batch.colours.max() <= 1


def test_the_same_batch_from_the_same_seed(pool):
    one, two = (pool.batch(np.random.default_rng(9), 8, 32) for _ in "12")
    assert np.array_equal(one.small, two.small)
    assert np.array_equal(one.large, two.large)


def test_soft_patches_show_the_same_place():
    batch = Pool(pictures(1), pictures(2), 4, soft=True).batch(np.random.default_rng(5), 16, 24)
    assert batch.small.shape == (16, 24, 24, 3)
    for small, large in zip(batch.small, batch.large, strict=True):
        means = large.reshape(24, 4, 24, 4, 3).mean((1, 3, 4))  # of grey, because JPEG halves the colours
        assert np.corrcoef(means.ravel(), small.mean(-1).ravel())[0, 1] > 0.6


# ---- the network and the measures -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [2, 4])
def test_the_published_weights_are_the_network(scale):
    torch.manual_seed(1)
    network = Compact(8, 3, scale)
    loaded = ModelLoader().load_from_state_dict({key: it.float() for key, it in network.published().items()})
    assert loaded.architecture.id == "Compact"
    assert loaded.scale == scale
    with torch.no_grad():
        for layer in network.body.values():  # what float16 makes of them
            layer.weight.copy_(layer.weight.half())
            layer.bias.copy_(layer.bias.half())
        pixels = torch.rand(1, 3, 9, 7)
        assert (network(pixels) - loaded.model(pixels)).abs().max() < FLOAT32


# ---- runs -----------------------------------------------------------------------------------------------------------


def steps(run, pool, count):
    for _ in range(count):
        run.step(pool.batch(np.random.default_rng([1, run.steps]), 8, 16), run.steps / 8)


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(folders, pool):
    straight = Run("tiny", torch.device("cpu"))
    steps(straight, pool, 4)
    stopped = Run("tiny", torch.device("cpu"))
    steps(stopped, pool, 2)
    stopped.save()
    resumed = Run("tiny", torch.device("cpu"))
    assert resumed.steps == 2
    steps(resumed, pool, 2)
    for mine, theirs in ((straight.model, resumed.model), (straight.average, resumed.average)):
        for key, value in mine.state_dict().items():
            assert torch.equal(value, theirs.state_dict()[key]), key
    before = Run("tiny", torch.device("cpu"))
    assert before.steps == 2, "only `save` writes"


def test_a_run_that_needs_another_says_so(folders, monkeypatch, capsys):
    monkeypatch.setattr(upscalers, "RECIPES", {"tiny": TINY, "next": replace(TINY, start="tiny")})
    assert upscalers.main(["next", "--device", "cpu"]) == 1
    assert "train that one first" in capsys.readouterr().err
    first = Run("tiny", torch.device("cpu"))
    first.save()
    assert upscalers.main(["next", "--device", "cpu"]) == 1, "it is not finished"
    first.steps = TINY.steps
    first.save()
    weights = Run("next", torch.device("cpu")).model.state_dict()
    assert all(torch.equal(weights[key], value) for key, value in first.average.state_dict().items())


@pytest.mark.parametrize("changed", ["recipe", "photographs"])
def test_a_run_goes_on_only_with_what_it_was_begun_with(folders, monkeypatch, capsys, changed):
    Run("tiny", torch.device("cpu")).save()
    if changed == "recipe":
        monkeypatch.setattr(upscalers, "RECIPES", {"tiny": replace(TINY, steps=5)})
    if changed == "photographs":
        fewer = [it for it in upscalers.PHOTOGRAPHS if it.name != "snow"]
        monkeypatch.setattr(upscalers, "PHOTOGRAPHS", fewer)
    assert upscalers.main(["tiny", "--device", "cpu"]) == 1
    assert "Delete it to begin anew" in capsys.readouterr().err
    assert not (folders / "weights").exists()


@pytest.mark.slow
def test_a_whole_run_writes_the_weights_and_a_stopped_one_leaves_them(folders, monkeypatch, capsys):
    """From the pictures to the file, by the command."""
    one = {"one": Image.fromarray(pictures(1)[0])}
    monkeypatch.setattr(upscalers, "training_photographs", lambda: one)
    monkeypatch.setattr(upscalers, "held_back_photographs", lambda: one)
    monkeypatch.setattr(upscalers, "DRAWINGS", 1)
    step = Run.step

    def stop(run, *given):
        if run.steps == 2:
            raise KeyboardInterrupt
        return step(run, *given)

    monkeypatch.setattr(upscalers, "SAVE_STEPS", 1)
    monkeypatch.setattr(Run, "step", stop)
    assert upscalers.main(["tiny", "--device", "cpu"]) == 130
    assert not (folders / "weights").exists()
    monkeypatch.setattr(Run, "step", step)
    assert upscalers.main(["tiny", "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert "step 3 of 4" in said, "it goes on after the second step"
    assert "dB against Lanczos" in said
    with safe_open(folders / "weights" / "tiny.safetensors", "pt") as opened:
        assert opened.metadata()["steps"] == "4"


def test_what_is_written_loads_and_says_how_it_was_made(folders, monkeypatch):
    monkeypatch.setattr(upscalers, "training_photographs", lambda: {"one": Image.new("RGB", (300, 300))})
    file = Run("tiny", torch.device("cpu")).export()
    assert ModelLoader().load_from_file(file).scale == 2
    with safe_open(file, "pt") as opened:
        assert opened.metadata()["name"] == "tiny"
        assert opened.metadata()["data"].startswith("1 photographs")
    digest = upscalers.hashlib.sha256(file.read_bytes()).hexdigest()
    assert (folders / "weights" / "SHA256SUMS").read_text() == f"{digest}  tiny.safetensors\n"
    assert {path.name for path in file.parent.iterdir()} == {"SHA256SUMS", "tiny.safetensors"}

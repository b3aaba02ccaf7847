"""What the demo's training computes: noise, steps along matrices, short cuts that must not change a result."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hires_pack.dev.demo.checkpoint import UNET, VAE
from hires_pack.dev.demo.sizes import CONTEXT, TOKENS
from hires_pack.dev.demo.text_encoder import END, START, encode
from hires_pack.dev.training.demo import diffusion, drawn_scenes, scene_latents, train_unet, training_run
from hires_pack.dev.training.demo.narrow_unet import NarrowUNet
from hires_pack.dev.training.demo.narrow_vae import NarrowVAE
from hires_pack.dev.training.demo.scene_latents import LENGTH, context
from hires_pack.dev.training.world.scenes import draw
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parents[3]


def test_a_perfect_predictor_leads_to_the_picture():
    picture = torch.randn(2, 4, 8, 8)

    def predict(x, steps):
        kept = diffusion.KEPT[steps].view(-1, 1, 1, 1)
        return (x - kept.sqrt() * picture) / (1 - kept).sqrt()

    found = diffusion.sample(predict, torch.randn(2, 4, 8, 8), count=7)
    torch.testing.assert_close(found, picture, rtol=0, atol=1e-4)


@torch.no_grad()
def test_one_token_stands_for_all_fillers():
    torch.manual_seed(0)
    model = NarrowUNet()
    for parameter in model.parameters():
        parameter += 0.1 * torch.randn_like(parameter) / max(1, parameter[0].numel()) ** 0.5
    full = np.array([[START, 1746, 2553, *[END] * (TOKENS - 3)]], np.int32)
    latents, steps = torch.randn(1, 4, 8, 8), torch.tensor([400])
    words = torch.from_numpy(encode(full))
    assert words.shape == (1, TOKENS, CONTEXT)
    wanted = model(latents, steps, words)
    assert float(wanted.std()) > 0.01
    assert float((model(latents, steps, torch.zeros_like(words)) - wanted).abs().max()) > 1e-3
    torch.testing.assert_close(model(latents, steps, *context(full[:, :LENGTH])), wanted, rtol=1e-4, atol=1e-5)


def test_a_training_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(training_run, "FOLDER", tmp_path / "training")
    run = training_run.TrainingRun("x", minutes=1)
    assert run.load() is None
    run.steps, run._before = 7, 30.0
    run.save(model={"a": torch.ones(2)})
    again = training_run.TrainingRun("x", minutes=1)
    state = again.load()
    assert state is not None
    assert state["model"]["a"].tolist() == [1, 1]
    assert again.steps == 7
    assert 30 <= again.seconds < 40
    # half of the time: half of the cosine, above a twentieth
    assert again.rate(1.0, warmup=1) == pytest.approx(0.05 + 0.95 / 2, abs=0.2)
    again._before = 61.0
    assert again.over
    assert again.rate(1.0, warmup=1) == pytest.approx(0.05)
    assert [file.name for file in (tmp_path / "training").iterdir()] == ["x.pt"]


def test_a_perfect_predictor_sharpens_what_is_shown_softened():
    """From softened latents with noise, the noise that is to be found leads to the sharp ones."""
    sharp = torch.randn(1, 4, 8, 8)
    soft = train_unet.softened(sharp[0], 2)[None]
    torch.testing.assert_close(soft.mean(), sharp.mean(), rtol=0.2, atol=0.02)
    assert float(soft.std()) < 0.6 * float(sharp.std())
    steps = torch.tensor([500])
    seen = diffusion.noised(soft, torch.randn_like(soft), steps)
    kept = diffusion.KEPT[steps]
    found = (seen - (1 - kept).sqrt() * diffusion.noise_to(sharp, seen, steps)) / kept.sqrt()
    torch.testing.assert_close(found, sharp, rtol=0, atol=1e-5)
    noise = torch.randn_like(sharp)
    torch.testing.assert_close(
        diffusion.noise_to(sharp, diffusion.noised(sharp, noise, steps), steps), noise, rtol=0, atol=1e-5
    )


def test_latents_are_kept_for_their_encoder_only(tmp_path, monkeypatch):
    for module in (scene_latents, drawn_scenes):
        monkeypatch.setattr(module, "FOLDER", tmp_path / "training")
    torch.manual_seed(0)
    vae = NarrowVAE().to(memory_format=torch.channels_last)
    first = scene_latents.scene_latents(vae, 10, 64)
    assert first.latents.shape == (10, 4, 8, 8)
    assert first.captions.shape == (10, scene_latents.CAPTIONS, LENGTH)
    (kept,) = (tmp_path / "training").glob("demo-latents-*")
    written = kept.stat().st_mtime_ns
    with torch.no_grad():
        vae.taesd_decoder[1].weight += 1  # not what latents are made with
    assert torch.equal(scene_latents.scene_latents(vae, 10, 64).latents, first.latents)
    assert kept.stat().st_mtime_ns == written
    with torch.no_grad():
        vae.taesd_encoder[0].weight += 1
    assert not torch.equal(scene_latents.scene_latents(vae, 10, 64).latents, first.latents)


def test_the_first_scenes_of_a_size_are_those_of_all(tmp_path, monkeypatch):
    monkeypatch.setattr(drawn_scenes, "FOLDER", tmp_path / "training")
    monkeypatch.setattr(drawn_scenes, "COUNTS", {32: 6})
    whole, first = drawn_scenes.drawn_scenes(32), drawn_scenes.drawn_scenes(32, 4)
    assert len(whole.scenes) == len(whole.pictures) == 6
    assert first.scenes == whole.scenes[:4]
    for found in (whole, first):
        for scene, picture in zip(found.scenes, found.pictures, strict=True):
            assert np.array_equal(picture, np.asarray(draw(scene, 32, 32)))
    with pytest.raises(ValueError, match="7 scenes of 32 pixels"):
        drawn_scenes.drawn_scenes(32, 7)


@pytest.fixture
def checkout(tmp_path):
    """A copy of what `export` needs; its networks are as they begin."""
    shutil.copytree(ROOT / "dev", tmp_path / "dev", ignore=shutil.ignore_patterns("trained", "__pycache__"))
    shutil.copy(ROOT / "__init__.py", tmp_path)
    (tmp_path / ".host" / "training").mkdir(parents=True)
    return tmp_path


def run_export(checkout):
    command = [sys.executable, "dev/mount.py", "dev.training.demo.export"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)


def keep(checkout, name, **state):
    torch.save({"steps": 1234, "seconds": 600.0, **state}, checkout / ".host" / "training" / f"{name}.pt")


@pytest.mark.slow
def test_the_averaged_unet_and_the_last_decoder_are_exported_once_both_were_trained(checkout):
    unet, vae, last = NarrowUNet().state_dict(), NarrowVAE().state_dict(), NarrowVAE().state_dict()
    keep(checkout, "demo-unet", average=unet)
    done = run_export(checkout)
    assert done.returncode == 1
    assert done.stderr.startswith("Not trained here yet: demo-vae;")
    assert not (checkout / "dev" / "demo" / "trained").exists()
    keep(checkout, "demo-vae", model=vae)
    keep(checkout, "demo-vae-decoder", model=last)
    done = run_export(checkout)
    assert done.returncode == 0, done.stderr
    folder = checkout / "dev" / "demo" / "trained"
    assert {file.name for file in folder.iterdir()} == {UNET, VAE, "SHA256SUMS"}
    for name, wanted in ((UNET, unet), (VAE, last)):
        found = load_file(folder / name)
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[key], value.half()) for key, value in wanted.items())
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert f"{digest}  {name}\n" in (folder / "SHA256SUMS").read_text()

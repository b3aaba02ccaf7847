"""The generated models do what other tests rely on, seen through core nodes only."""

import io

import numpy as np
import pytest
from PIL import Image


def _picture(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=np.float64) / 255


def _upload(client, name: str, pixels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return client.upload_image(buffer.getvalue(), name)


def _node(kind: str, **inputs):
    return {"class_type": kind, "inputs": inputs}


def test_v_prediction_is_recognised(host, client, models):
    graph = {
        "model": _node("CheckpointLoaderSimple", ckpt_name=models.checkpoint("sdxl-v")),
        "show": _node("PreviewAny", source=["model", 0]),
    }
    client.queue(graph).require_success()
    assert "model_type V_PREDICTION" in host.log()


@pytest.mark.parametrize("family", ["sd3", "sdxl"])
def test_exact_vae_gives_block_means(client, models, family):
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    name = _upload(client, "noise.png", pixels)
    graph = {
        "model": _node("CheckpointLoaderSimple", ckpt_name=models.checkpoint(family)),
        "image": _node("LoadImage", image=name),
        "encode": _node("VAEEncode", pixels=["image", 0], vae=["model", 2]),
        "decode": _node("VAEDecode", samples=["encode", 0], vae=["model", 2]),
        "save": _node("PreviewImage", images=["decode", 0]),
    }
    found = _picture(client.queue(graph).require_success().images("save")[0])
    means = pixels.reshape(6, 8, 8, 8, 3).mean(axis=(1, 3)) / 255
    expected = np.repeat(np.repeat(means, 8, axis=0), 8, axis=1)
    assert np.abs(found - expected).max() < 2 / 255


@pytest.mark.parametrize(
    ("which", "scale", "exact"),
    [
        ("exact_x2", 2, True),
        ("exact_x4", 4, True),
        ("random_x2", 2, False),
        ("random_x4", 4, False),
        ("one_times", 1, False),
        ("esrgan_x4", 4, False),
        ("oracle_rrdb_x4", 4, False),
        ("oracle_rrdb_x2", 2, False),
        ("oracle_compact_x2", 2, False),
    ],
)
def test_upscaler(client, models, which, scale, exact):
    rng = np.random.default_rng(4)
    pixels = rng.integers(40, 216, (24, 32, 3), dtype=np.uint8)
    graph = {
        "model": _node("UpscaleModelLoader", model_name=getattr(models, which)),
        "image": _node("LoadImage", image=_upload(client, "small.png", pixels)),
        "up": _node("ImageUpscaleWithModel", upscale_model=["model", 0], image=["image", 0]),
        "save": _node("PreviewImage", images=["up", 0]),
    }
    found = _picture(client.queue(graph).require_success().images("save")[0])
    nearest = np.repeat(np.repeat(pixels / 255, scale, axis=0), scale, axis=1)
    assert found.shape == nearest.shape
    assert np.allclose(found, nearest, atol=1e-6) == exact
    assert found.std() > 0.02

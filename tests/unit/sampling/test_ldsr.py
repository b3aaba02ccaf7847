"""LDSR's steps, windows and noise, in closed form; `tests/host/test_ldsr.py` compares with A1111's pictures."""

from __future__ import annotations

import pytest
import torch
from hires_pack.hires.errors import InputError
from hires_pack.hires.infotext.names import ldsr_file, upscaler_file, upscaler_title
from hires_pack.hires.sampling import ldsr
from hires_pack.hires.sampling.ldsr import LdsrSettings, timesteps
from hires_pack.hires.tiles.boxes import Box
from hires_pack.tests.tolerances import FLOAT32


def test_steps_are_a1111s_and_none_is_beyond_the_table() -> None:
    assert timesteps(100) == [*range(991, 0, -10)]
    assert [len(timesteps(steps)) for steps in (30, 60, 75, 120, 150)] == [31, 63, 77, 125, 167]
    assert timesteps(3) == [999, 667, 334, 1]  # A1111 asks for 1000 and fails
    for steps in range(1, 1001):
        assert min(timesteps(steps)) >= 1
        assert max(timesteps(steps)) <= 999


def test_sizes_that_go_in() -> None:
    a1111, whole = LdsrSettings(), LdsrSettings(downsample="never")
    assert a1111.a1111_size((130, 70), 1.5) == (49, 27)
    assert a1111.input_size((130, 70), (195, 105)) == (49, 27)
    assert a1111.a1111_size((64, 128), 8) == (128, 256)
    assert whole.a1111_size((130, 70), 1.5) == (130, 70)
    assert whole.input_size((64, 128), (512, 1024)) == (128, 256)
    assert [ldsr.padded(size) for size in ((1, 64), (129, 128), (600, 400))] == [(128, 128), (192, 128), (640, 448)]
    assert [ldsr.count_windows(size) for size in ((1, 64), (129, 128), (600, 400))] == [1, 2, 54]


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"steps": 0}, "steps is 0"), ({"steps": 1001}, "steps is 1001"), ({"eta": 1.5}, "eta is 1.5"),
     ({"eta": float("nan")}, "eta is nan"), ({"downsample": "x"}, "downsample is 'x'")],
)  # fmt: skip
def test_settings_that_cannot_be(changes: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        LdsrSettings(**changes)


def latent_of(eta: float, true: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """The pixels that a network makes which knows the picture `true` `(3, h, w)`; the decoder repeats cells."""
    seen: list[int] = []
    height, width = true.shape[1:]
    size = ldsr.padded((width, height))
    betas = torch.linspace(0.0015**0.5, 0.0155**0.5, 1000, dtype=torch.float64) ** 2
    signal = (1 - betas).cumprod(0)

    def knows(x: torch.Tensor, picture: torch.Tensor, step: int) -> torch.Tensor:
        seen.append(step)
        assert x.shape == picture.shape == (1, 3, 128, 128)
        return (x - signal[step].sqrt() * (picture / 2)) / (1 - signal[step]).sqrt()

    parts: list[float] = []
    made = ldsr.super_resolve(
        true,
        LdsrSettings(steps, eta),
        knows,
        lambda latent: latent.repeat_interleave(4, 2).repeat_interleave(4, 3),
        ldsr.draws_of_seed(size, 3),
        parts.append,
    )
    count = ldsr.count_windows((width, height))
    assert seen == [step for step in timesteps(steps) for _ in range(count)]
    assert parts == pytest.approx([(i + 1) / len(parts) for i in range(len(parts))])
    assert len(parts) == (steps + 1) * count
    return made


def test_without_new_noise_a_network_that_knows_the_picture_gives_it() -> None:
    true = torch.rand(3, 70, 200, generator=torch.Generator().manual_seed(0))
    made = latent_of(0.0, true, steps=20)
    # the last step ends at the first timestep, where the picture has 0.9985 of the variance; the rest is start noise
    rest = made[:, ::4, ::4] - 0.9985**0.5 * (true * 2 - 1) / 2
    assert float(rest.std()) == pytest.approx(0.0015**0.5, rel=0.05)
    assert made.shape == (3, 280, 800)
    assert (made[:, ::4, ::4] - made[:, 3::4, 3::4]).abs().max() <= FLOAT32


def test_eta_decides_about_new_noise() -> None:
    true = torch.rand(3, 70, 90, generator=torch.Generator().manual_seed(0))
    assert not torch.equal(latent_of(0.0, true), latent_of(1.0, true))
    assert torch.equal(latent_of(1.0, true), latent_of(1.0, true))


def test_noise_belongs_to_a_place() -> None:
    whole, part = ldsr.draws_of_place(Box(0, 0, 320, 256), 7), ldsr.draws_of_place(Box(64, 128, 256, 256), 7)
    other = ldsr.draws_of_place(Box(64, 128, 256, 256), 8)
    for _ in range(3):
        drawn = whole()
        assert torch.equal(part(), drawn[..., 128:256, 64:256])
        assert abs(float(drawn.std()) - 1) < 0.02
        assert not torch.equal(other(), drawn[..., 128:256, 64:256])


def test_windows_are_weighed_as_pyramids() -> None:
    weights = ldsr._weights(128)
    assert weights[0, 0] == weights[127, 64] == pytest.approx(0.01)
    assert weights[64, 64] == pytest.approx(63 / 127)
    assert float(weights[20, 64]) == pytest.approx(20 / 127, abs=FLOAT32)


def test_names() -> None:
    files = ["4x.pth", "LDSR/model.ckpt", "LDSR/model.safetensors", "last.ckpt"]
    assert [upscaler_title(file) for file in files] == ["4x", "LDSR", "LDSR", "LDSR"]
    assert ldsr_file("LDSR", files) == "LDSR/model.safetensors"
    assert ldsr_file("LDSR", files[:2]) == "LDSR/model.ckpt"
    assert ldsr_file("LDSR", ["4x.pth", "LDSR\\mine.ckpt"]) == "LDSR\\mine.ckpt"
    assert ldsr_file("LDSR", ["4x.pth"]) is None
    assert ldsr_file("4x", files) is None
    assert upscaler_file("LDSR/model.safetensors") == "LDSR/model.safetensors"

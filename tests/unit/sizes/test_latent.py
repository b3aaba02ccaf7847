"""Latent upscale modes, against values that A1111's own table and torch printed."""

import pytest
import torch
from hires_pack.hires.sampling.menus import LATENT_MODES
from hires_pack.hires.sizes.image_sizes import SizeError, target_size
from hires_pack.hires.sizes.latent import upscale_latent

RAMP = torch.arange(16.0).view(1, 1, 4, 4)


@pytest.mark.parametrize(
    ("mode", "row_0", "row_2"),
    [
        ("Latent", [0, 0.5, 1.16667, 1.83333, 2.5, 3], [4.66667, 5.16667, 5.83333, 6.5, 7.16667, 7.66667]),
        (
            "Latent (antialiased)",
            [0, 0.5, 1.16667, 1.83333, 2.5, 3],
            [4.66667, 5.16667, 5.83333, 6.5, 7.16667, 7.66667],
        ),
        (
            "Latent (bicubic)",
            [-0.43403, 0.05903, 0.86574, 1.43982, 2.24653, 2.73958],
            [4.76505, 5.2581, 6.06481, 6.63889, 7.4456, 7.93866],
        ),
        (
            "Latent (bicubic antialiased)",
            [-0.32895, 0.14861, 0.90351, 1.57018, 2.32508, 2.80263],
            [4.60088, 5.07843, 5.83333, 6.5, 7.2549, 7.73246],
        ),
        ("Latent (nearest)", [0, 0, 1, 2, 2, 3], None),
        ("Latent (nearest-exact)", [0, 1, 1, 2, 3, 3], None),
    ],
)
def test_modes_as_recorded(mode, row_0, row_2):
    out = upscale_latent(RAMP, target_size(32, 32, 1.5), mode)[0, 0]
    torch.testing.assert_close(out[0], torch.tensor(row_0, dtype=torch.float32), rtol=0, atol=1e-5)
    if row_2:
        torch.testing.assert_close(out[2], torch.tensor(row_2), rtol=0, atol=1e-5)


def test_antialias_matters_when_shrinking():
    samples = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    target = target_size(128, 128, 0.5)
    assert not torch.allclose(
        upscale_latent(samples, target, "Latent"), upscale_latent(samples, target, "Latent (antialiased)")
    )


@pytest.mark.parametrize("mode", LATENT_MODES)
def test_frames_of_a_clip_are_resized_like_stills(mode):
    clip = torch.randn(2, 16, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    target = target_size(48, 32, hr_resize_x=64, hr_resize_y=64)
    out = upscale_latent(clip, target, mode)
    assert out.shape == (2, 16, 3, 8, 8)
    for frame in range(3):
        assert torch.equal(out[:, :, frame], upscale_latent(clip[:, :, frame], target, mode))


def test_the_crop_comes_after_the_interpolation():
    wide = upscale_latent(RAMP, target_size(32, 32, hr_resize_x=64, hr_resize_y=64), "Latent")
    cropped = upscale_latent(RAMP, target_size(32, 32, hr_resize_x=64, hr_resize_y=40), "Latent")
    assert torch.equal(cropped, wide[:, :, 1:6])  # 3 of 8 rows go: 1 from the top, 2 from the bottom


def test_a_latent_of_another_size_is_refused():
    with pytest.raises(SizeError, match="4x4 cells") as error:
        upscale_latent(RAMP, target_size(64, 64), "Latent")
    assert "8x8 latent cells" in str(error.value)

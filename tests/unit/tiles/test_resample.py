"""Exact-size resampling against Pillow itself, A1111's recorded pictures and closed forms."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hires_pack.hires.errors import InputError
from hires_pack.tests.tolerances import ROUNDED
from hires_pack.upscale_models import CLASSICAL, upscale_to
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

ORACLE = Path(__file__).parent.parent.parent / "data" / "oracle-extras"


def picture(name: str) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(ORACLE / name).convert("RGB"))).float().div(255)[None]


def lanczos(image: torch.Tensor, width: int, height: int) -> torch.Tensor:
    return upscale_to(image, CLASSICAL["Lanczos"], width, height)


def nearest(image: torch.Tensor, width: int, height: int) -> torch.Tensor:
    return upscale_to(image, CLASSICAL["Nearest"], width, height)


def levels(image: torch.Tensor) -> torch.Tensor:
    return (image * 255).round()


def random_image(width: int, height: int, channels: int = 3, batch: int = 1) -> torch.Tensor:
    return torch.rand(batch, height, width, channels, generator=torch.Generator().manual_seed(width * 100 + height))


def test_lanczos_is_a1111s_recorded_picture() -> None:
    ours, theirs = lanczos(picture("input-96x64.png"), 192, 128), picture("by-2-lanczos.png")
    assert (levels(ours) - levels(theirs)).abs().max() <= 1
    assert (levels(ours) != levels(theirs)).float().mean() < 0.2  # A1111 rounds after each axis


def test_nearest_then_lanczos_is_a1111s_recorded_picture() -> None:
    ours, theirs = lanczos(nearest(picture("input-60x90.png"), 120, 180), 120, 176), picture("by-2-nearest.png")
    assert (levels(ours) - levels(theirs)).abs().max() <= 1


@settings(max_examples=60, deadline=None)
@given(*[st.integers(1, 64)] * 4)
def test_lanczos_is_pillows_8_bit_result_up_to_rounding(width: int, height: int, to_width: int, to_height: int) -> None:
    source = levels(random_image(width, height)).to(torch.uint8)
    # the order of the axes is fixed here as in A1111's Pillow; newer ones choose
    across = Image.fromarray(source[0].numpy()).resize((to_width, height), Image.Resampling.LANCZOS)
    pillow = across.resize((to_width, to_height), Image.Resampling.LANCZOS)
    ours = lanczos(source.float() / 255, to_width, to_height)
    assert ours.shape == (1, to_height, to_width, 3)
    assert (levels(ours)[0] - torch.from_numpy(np.array(pillow)).float()).abs().max() <= 1


@settings(max_examples=60, deadline=None)
@given(*[st.integers(1, 64)] * 4)
def test_nearest_is_pillows_8_bit_result(width: int, height: int, to_width: int, to_height: int) -> None:
    source = levels(random_image(width, height)).to(torch.uint8)
    pillow = Image.fromarray(source[0].numpy()).resize((to_width, to_height), Image.Resampling.NEAREST)
    assert torch.equal(levels(nearest(source.float() / 255, to_width, to_height))[0], torch.tensor(np.array(pillow)))


def test_nearest_by_a_whole_factor_repeats_pixels() -> None:
    source = random_image(5, 4)
    expected = source.repeat_interleave(3, dim=1).repeat_interleave(2, dim=2)
    assert torch.equal(nearest(source, 10, 12), expected)


def test_lanczos_keeps_more_than_8_bits() -> None:
    ramp = torch.linspace(0.2, 0.21, 64)[None, None, :, None].expand(1, 8, 64, 1)
    assert lanczos(ramp, 128, 16).unique().numel() > 100  # 8 bits have 3 levels there


def test_lanczos_of_a_constant_is_the_constant_and_its_overshoot_is_clamped() -> None:
    assert torch.allclose(lanczos(torch.full((1, 5, 7, 2), 0.3), 19, 3), torch.tensor(0.3), atol=ROUNDED)
    edge = torch.cat([torch.zeros(1, 8, 8, 1), torch.ones(1, 8, 8, 1)], dim=2)
    resized = lanczos(edge, 64, 8)
    assert resized.min() == 0
    assert resized.max() == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_dtype_is_kept_and_the_input_is_not_touched(dtype: torch.dtype) -> None:
    source = random_image(9, 7, batch=2).to(dtype)
    before = source.clone()
    for method in (lanczos, nearest):
        result = method(source, 9, 7)
        assert result.dtype == dtype
        assert result.data_ptr() != source.data_ptr()
        assert torch.allclose(result, source)
    assert torch.equal(source, before)


def test_pictures_of_a_batch_do_not_mix() -> None:
    batch = random_image(6, 5, batch=3)
    alone = torch.cat([lanczos(batch[i : i + 1], 11, 13) for i in range(3)])
    assert torch.equal(lanczos(batch, 11, 13), alone)


@pytest.mark.parametrize("size", [(0, 4), (4, 0), (-8, 8)])
def test_sizes_without_pixels_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=f"{size[0]}x{size[1]} was asked for"):
        lanczos(random_image(4, 4), *size)


@pytest.mark.parametrize(
    ("image", "text"),
    [
        (torch.zeros(4, 4, 3), "shape \\(4, 4, 3\\)"),
        (torch.zeros(0, 4, 4, 3), "empty: shape \\(0, 4, 4, 3\\)"),
        (torch.zeros(1, 4, 4, 3, dtype=torch.uint8), "torch.uint8"),
    ],
)
def test_what_is_no_image_is_refused(image: torch.Tensor, text: str) -> None:
    with pytest.raises(InputError, match=text):
        lanczos(image, 8, 8)


def test_nan_and_infinity_are_counted_and_located() -> None:
    image = random_image(6, 5, batch=2)
    image[1, 2, 3, 1] = float("nan")
    image[1, 4, 0, 0] = float("inf")
    with pytest.raises(InputError, match=r"2 of 180 values.*image 1 at x=3, y=2, channel 1"):
        nearest(image, 8, 8)

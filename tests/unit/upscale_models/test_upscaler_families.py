"""Every family of upscalers: recognised by its weights, and usable on any picture."""

from functools import cache

import pytest
import torch
from hires_pack.dev.benchmarks.pictures import decibels
from hires_pack.dev.benchmarks.pillow_resize import lanczos
from hires_pack.dev.fixtures.seeded_network import smooth_picture
from hires_pack.dev.fixtures.small_upscalers import FastHalves
from hires_pack.dev.fixtures.upscaler_families import FAMILIES
from hires_pack.tests.tolerances import FLOAT32, HALF
from hires_pack.upscale_models import ModelUpscaler, TileSettings, from_state_dict, upscale_to
from hires_pack.upscale_models.models import precision

UNTILED = TileSettings(4096, precision="float32")


@cache
def upscaler(name: str) -> ModelUpscaler:
    return from_state_dict(name, FAMILIES[name].state_dict())


def picture(width: int, height: int, channels: int) -> torch.Tensor:
    return smooth_picture(height, width, channels).movedim(1, -1).contiguous()


def upscale(name: str, pixels: torch.Tensor) -> torch.Tensor:
    scale = FAMILIES[name].scale
    return upscale_to(pixels, upscaler(name), pixels.shape[2] * scale, pixels.shape[1] * scale, UNTILED)


def bare(name: str, pixels: torch.Tensor) -> torch.Tensor:
    """The network on the whole picture."""
    with torch.no_grad():
        return upscaler(name).descriptor(pixels.movedim(-1, 1).clone()).movedim(1, -1)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_recognised(name: str) -> None:
    family, found = FAMILIES[name], upscaler(name).descriptor
    assert (found.architecture.id, found.scale) == (family.architecture, family.scale)
    assert (found.input_channels, found.output_channels) == (family.channels, family.channels)


@pytest.mark.parametrize("name", FAMILIES)
def test_one_pixel(name: str) -> None:
    scale = FAMILIES[name].scale
    result = upscale(name, picture(1, 1, 3))
    assert result.shape == (1, scale, scale, 3)
    assert torch.isfinite(result).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_grey_and_an_odd_size(name: str) -> None:
    pixels = picture(17, 31, 1)
    result = upscale(name, pixels)
    expected = bare(name, pixels.expand(-1, -1, -1, FAMILIES[name].channels)).mean(-1, keepdim=True)
    assert (result - expected).abs().max() <= FLOAT32


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_colour_with_alpha(name: str) -> None:
    family, pixels = FAMILIES[name], picture(44, 36, 4)
    result = upscale(name, pixels)
    expected = torch.cat([bare(name, planes) for planes in pixels[..., :3].split(family.channels, dim=-1)], dim=-1)
    assert expected.std() > 0.05, "a flat picture proves nothing"
    assert (result[..., :3] - expected).abs().max() <= FLOAT32
    assert (result[..., 3:] - lanczos(pixels[..., 3:], 44 * family.scale, 36 * family.scale)).abs().max() <= FLOAT32


@pytest.mark.slow
@pytest.mark.parametrize("name", {family.architecture: name for name, family in FAMILIES.items()}.values())
def test_half_precision_is_good_enough_or_not_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some networks cannot compute in it, some only at the size they were trained with."""
    monkeypatch.setattr(precision, "WORTH", 0)  # for small pictures, too
    monkeypatch.setattr(precision, "_is_convolutional", lambda _: True)
    family, pixels = FAMILIES[name], picture(56, 48, FAMILIES[name].channels)
    full = upscaler(name)
    result = upscale_to(pixels, full, 56 * family.scale, 48 * family.scale, runtime=FastHalves())
    assert full.dtype == torch.float32
    assert decibels(result, bare(name, pixels)) >= HALF

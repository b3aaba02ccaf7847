"""AuraSR, which draws random numbers in every run: the same picture always becomes the same."""

import pytest
import torch
from hires_pack.dev.fixtures.seeded_network import smooth_picture
from hires_pack.dev.fixtures.stand_ins import aurasr
from hires_pack.hires.tiles.settings import TileSettings
from hires_pack.upscale_models import CpuRuntime, from_state_dict, upscale_to


@pytest.fixture(scope="module")
def upscaler():
    return from_state_dict("AuraSR", aurasr())


@pytest.mark.parametrize(("width", "height"), [(45, 37), (64, 64), (131, 67), (9, 5)])
def test_any_size_gives_the_same_twice(upscaler, width, height):
    picture = smooth_picture(height, width).movedim(1, -1)
    tiles = TileSettings(64, 16, "float32")
    torch.manual_seed(7)
    before = torch.get_rng_state()
    one, other = (upscale_to(picture, upscaler, width * 4, height * 4, tiles, CpuRuntime()) for _ in range(2))
    assert one.shape == (1, height * 4, width * 4, 3)
    assert torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before), "the numbers of others are left alone"


def test_a_batch_gives_what_each_of_its_pictures_gives(upscaler):
    pictures = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(1))
    alone = torch.cat([upscaler(one.clone()) for one in pictures.split(1)])
    assert torch.equal(upscaler(pictures.clone()), alone)
    assert alone.std() > 0.01

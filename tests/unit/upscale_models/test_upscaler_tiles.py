"""Every family of upscalers in tiles: the same as in one piece, or without a seam."""

import pytest
import torch
from hires_pack.dev.benchmarks.pictures import seam
from hires_pack.dev.fixtures.seeded_network import smooth_picture
from hires_pack.dev.fixtures.upscaler_families import FAMILIES
from hires_pack.tests.tolerances import FLOAT32
from hires_pack.upscale_models import ModelUpscaler, TileSettings, from_state_dict, upscale_to

NETWORKS = {(family.make, str(family.arguments)): name for name, family in FAMILIES.items() if family.exact}
EXACT = list(NETWORKS.values())  # files of several layouts hold the same network
SOFT = list({family.make: name for name, family in FAMILIES.items() if not family.exact}.values())

NO_SEAM = 1.06
"""How much the worst line may stand out. Tiles that are only cut apart reach 1.07 to 10."""


def both(name: str, width: int, height: int, tiles: TileSettings) -> tuple[torch.Tensor, torch.Tensor]:
    """The result in tiles, and the network's on the whole picture."""
    family = FAMILIES[name]
    upscaler: ModelUpscaler = from_state_dict(name, family.state_dict())
    pixels = smooth_picture(height, width, family.channels)
    tiled = upscale_to(pixels.movedim(1, -1), upscaler, width * family.scale, height * family.scale, tiles)
    with torch.no_grad():
        return tiled, upscaler.descriptor(pixels).movedim(1, -1)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXACT)
def test_tiles_of_convolutions_equal_the_whole(name: str) -> None:
    tiled, whole = both(name, 157, 40, TileSettings(112, precision="float32"))
    assert (tiled - whole).abs().max() <= FLOAT32


@pytest.mark.parametrize("name", EXACT)
def test_without_overlap_they_do_not(name: str) -> None:
    tiled, whole = both(name, 90, 40, TileSettings(48, 0, "float32"))
    assert (tiled - whole).abs().max() > 1e-2
    assert seam(tiled, whole) > NO_SEAM


@pytest.mark.slow
@pytest.mark.parametrize("name", SOFT)
def test_tiles_of_attention_and_pooling_leave_no_seam(name: str) -> None:
    # three windows of 93 pixels, which would start at 29 and 58 where nobody kept to the network's blocks
    tiled, whole = both(name, 151, 72, TileSettings(96, precision="float32"))
    assert seam(tiled, whole) <= NO_SEAM
    if name.startswith("cugan"):  # cut apart it has no seam that stands out, but pixels that differ by 0.016 and more
        assert (tiled - whole).abs().max() <= FLOAT32

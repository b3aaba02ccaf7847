"""Networks that work in strips of rows."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hires_pack.dev.fixtures.seeded_network import enliven
from hires_pack.dev.fixtures.small_upscalers import image
from hires_pack.upscale_models import CpuRuntime, ModelUpscaler, TileSettings, from_state_dict, settle_tiles, upscale_to
from hires_pack.upscale_models.models.live_bytes import LiveBytes
from hires_pack.upscale_models.on_cpu import strips
from hires_pack.upscale_models.tiles import automatic
from hires_pack.upscale_models.tiles.working_memory import known_footprint
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN
from torch import nn

CPU = torch.device("cpu")

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "Compact": lambda: Compact(num_feat=16, num_conv=3, upscale=2),
    "ESRGAN": lambda: ESRGAN(num_filters=16, num_blocks=1, scale=4),
    "ESRGAN 3x": lambda: ESRGAN(num_filters=16, num_blocks=1, scale=3),
    "ESRGAN of shuffled pixels": lambda: ESRGAN(in_nc=12, num_filters=16, num_blocks=1, scale=4, shuffle_factor=2),
}


def upscaler_of(name: str) -> ModelUpscaler:
    network = NETWORKS[name]()
    return from_state_dict(name, enliven(network, 5).state_dict())


def planes(width: int, height: int) -> torch.Tensor:
    return image(width, height).movedim(-1, 1)


@pytest.mark.parametrize("rows", [6, 12, 600])
@pytest.mark.parametrize("size", [(40, 33), (31, 1), (1, 31), (24, 24)])
@pytest.mark.parametrize("name", NETWORKS)
def test_strips_give_what_the_whole_picture_gives(
    name: str, size: tuple[int, int], rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strips, "strip_rows", lambda *_: rows)
    upscaler = upscaler_of(name)
    copy = strips.with_strips(upscaler, CPU)
    assert copy is not upscaler
    with torch.inference_mode():
        expected = upscaler.apply(planes(*size))
        torch.testing.assert_close(copy.apply(planes(*size)), expected, rtol=0, atol=1e-6)
        torch.testing.assert_close(upscaler.apply(planes(*size)), expected, rtol=0, atol=0)


@pytest.mark.parametrize(("name", "part"), [("Compact", 0.6), ("ESRGAN", 0.8)])
def test_large_features_are_never_whole(name: str, part: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "STRIP", 1 << 14)
    upscaler, pixels = upscaler_of(name), planes(64, 96)

    def most(one: ModelUpscaler) -> int:
        with LiveBytes() as live, torch.inference_mode():
            one.apply(pixels)
        return live.most

    assert most(strips.with_strips(upscaler, CPU)) < part * most(upscaler)


def test_a_copy_is_made_once_and_shares_the_weights() -> None:
    upscaler = upscaler_of("ESRGAN")
    copy = strips.with_strips(upscaler, CPU)
    assert strips.with_strips(upscaler, CPU) is copy
    pairs = zip(upscaler.descriptor.model.parameters(), copy.descriptor.model.parameters(), strict=True)
    assert all(one is other for one, other in pairs)


def test_layers_that_look_further_stay_whole() -> None:
    upscaler = upscaler_of("Compact")
    model: Any = upscaler.descriptor.model
    model.body[2] = nn.Conv2d(16, 16, 5, padding=2)
    assert strips.with_strips(upscaler, CPU) is upscaler
    assert strips.with_strips(upscaler_of("ESRGAN"), torch.device("meta")).descriptor.model.__class__ is ESRGAN


class Free(CpuRuntime):
    """A machine with so much free memory."""

    def __init__(self, free: int) -> None:
        super().__init__()
        self.free = free

    def free_memory(self) -> int | None:
        """See the class."""
        return self.free


def test_memory_is_counted_only_where_it_may_be_too_little() -> None:
    upscaler, pixels = upscaler_of("Compact"), image(300, 300)
    plenty = automatic.LARGEST_CPU_TILE**2 * upscaler.scale * automatic.BYTES_PER_PIXEL
    upscale_to(pixels, upscaler, 600, 600, None, Free(plenty))
    assert known_footprint(upscaler, torch.float32) is None
    assert settle_tiles(upscaler, 600, 600, TileSettings(), Free(plenty)).size == automatic.LARGEST_CPU_TILE
    assert settle_tiles(upscaler, 600, 600, TileSettings(), Free(1 << 20)).size < automatic.LARGEST_CPU_TILE
    assert known_footprint(upscaler, torch.float32) is not None

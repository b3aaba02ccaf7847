"""ESRGAN's dense blocks by Winograd's filtering."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hires_pack.dev.benchmarks.pictures import decibels
from hires_pack.dev.fixtures.seeded_network import enliven
from hires_pack.dev.fixtures.small_upscalers import image, upscaler_of
from hires_pack.upscale_models import ModelUpscaler, from_state_dict
from hires_pack.upscale_models.models.live_bytes import LiveBytes
from hires_pack.upscale_models.on_cpu import dense_blocks, fast_convolutions
from hires_pack.upscale_models.on_cpu.dense_blocks import Trunk, blocks_of, is_trunk
from hires_pack.upscale_models.on_cpu.fast_convolutions import with_fast_convolutions
from hires_pack.upscale_models.on_cpu.strips import with_strips
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.MMRealSR import MMRealSR

CPU = torch.device("cpu")

SIZES = [(1, 1), (3, 2), (4, 4), (5, 9), (31, 18), (32, 64)]
"""Width and height: below, of and beyond whole squares."""


def esrgan(**more: Any) -> ModelUpscaler:
    network = ESRGAN(**{"num_filters": 64, "num_blocks": 2, "scale": 2, **more})
    return from_state_dict("esrgan", enliven(network, 9).state_dict())


def trunks(upscaler: ModelUpscaler) -> list[torch.nn.Module]:
    model = with_fast_convolutions(with_strips(upscaler, CPU), CPU).descriptor.model
    return [module for module in model.modules() if isinstance(module, Trunk)]


def features(width: int, height: int, count: int = 1) -> torch.Tensor:
    return torch.randn(count, 64, height, width, generator=torch.Generator().manual_seed(width + height))


@pytest.mark.parametrize("at_once", [1, 40, dense_blocks.AT_ONCE])
@pytest.mark.parametrize("size", SIZES)
def test_the_blocks_find_what_they_find_one_layer_after_the_other(
    size: tuple[int, int], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dense_blocks, "AT_ONCE", at_once)
    given, [trunk] = features(*size), trunks(esrgan())
    with torch.inference_mode():
        exact = given.double()
        for block in blocks_of(trunk):
            exact = block.double()(exact)
        for block in blocks_of(trunk):
            block.float()
        found = Trunk(*blocks_of(trunk))(given)
    assert torch.equal(given, features(*size)), "what is given stays as it is"
    assert found.shape == exact.shape
    assert decibels(found.double() / exact.abs().max(), exact / exact.abs().max()) > 125


def test_rounding_errors_are_within_twice_those_of_plain_convolutions() -> None:
    around, kernel, back = (matrix.double() for matrix in dense_blocks._transforms())
    generator = torch.Generator().manual_seed(3)
    given, weight = torch.randn(200, 96, 6, 6, generator=generator), torch.randn(1, 96, 3, 3, generator=generator)
    exact = torch.nn.functional.conv2d(given.double(), weight.double()).flatten(1)

    def filtered(*transforms: torch.Tensor) -> torch.Tensor:
        around, kernel, back = transforms
        return (given.to(around).flatten(2) @ around.T * (weight.to(kernel).flatten(2) @ kernel.T)).sum(1) @ back.T

    def error(found: torch.Tensor) -> float:
        return float((found - exact).square().mean().sqrt())

    torch.testing.assert_close(filtered(around, kernel, back), exact, rtol=0, atol=1e-4)
    plain = torch.nn.functional.conv2d(given, weight).flatten(1)
    assert error(filtered(around.float(), kernel.float(), back.float())) < 2 * error(plain)


def test_transformed_features_are_never_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    [trunk] = trunks(esrgan(num_blocks=1))
    given = features(64, 256)

    def most(at_once: int) -> int:
        monkeypatch.setattr(dense_blocks, "AT_ONCE", at_once)
        with LiveBytes() as live, torch.inference_mode():
            trunk(given)
        return live.most

    assert most(32) < 0.7 * most(1024)


def test_a_picture_does_not_depend_on_the_others() -> None:
    [trunk] = trunks(esrgan())
    given = features(20, 13, count=3)
    with torch.inference_mode():
        assert torch.equal(trunk(given)[1:2], trunk(given[1:2]))


@pytest.mark.parametrize("name", ["with NNPACK", "without"])
def test_every_esrgan_of_the_usual_width_gets_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_convolutions, "has_fast_convolutions", lambda: name == "with NNPACK")
    for more in ({}, {"scale": 4}, {"in_nc": 12, "scale": 4, "shuffle_factor": 2}):
        assert len(trunks(esrgan(**more))) == 1
    pixels = image(23, 18).movedim(-1, 1)
    upscaler = esrgan()
    with torch.inference_mode():
        plain = upscaler.apply(pixels)
        assert 115 < decibels(with_fast_convolutions(upscaler, CPU).apply(pixels), plain) < float("inf")


@pytest.mark.parametrize("more", [{"plus": True}, {"num_filters": 16}], ids=["with more paths", "narrow"])
def test_other_blocks_stay_as_they_are(more: dict[str, Any]) -> None:
    assert not trunks(esrgan(**more))


def test_blocks_of_the_same_name_in_another_network_stay_as_they_are() -> None:
    upscaler = upscaler_of(MMRealSR(num_in_ch=3, num_out_ch=3, num_block=1))
    assert not trunks(upscaler)
    assert with_fast_convolutions(upscaler, CPU) is not upscaler, "it has wide convolutions"


def halved(block: Any) -> None:
    block.__class__ = type("RRDB", (type(block),), {"forward": lambda self, x: type(block).forward(self, x) * 0.5})


PATCHES: dict[str, Callable[[Any], object]] = {
    "a class of somebody's": halved,
    "a forward of its own": lambda block: setattr(block, "forward", lambda x: x),
    "a hook": lambda block: block.RDB2.conv1[0].register_forward_hook(lambda *_: None),
    "a norm of weights": lambda block: torch.nn.utils.weight_norm(block.RDB1.conv1[0]),
    "wider ones beside it": lambda block: setattr(block, "RDB3", type(block.RDB3)(nf=64, gc=48)),
}


@pytest.mark.parametrize("patch", PATCHES)
def test_blocks_that_somebody_changed_stay_as_they_are(patch: str) -> None:
    upscaler = esrgan()
    [trunk] = [module for module in upscaler.descriptor.model.modules() if is_trunk(module, lambda _: True)]
    PATCHES[patch](trunk[1])
    assert not trunks(upscaler)


def test_a_default_of_torch_that_somebody_set_changes_nothing() -> None:
    [trunk] = trunks(esrgan())
    given = features(20, 13)
    with torch.inference_mode():
        expected = trunk(given)
        torch.set_default_dtype(torch.float64)
        try:
            with torch.device("meta"):
                assert torch.equal(trunk(given), expected)
        finally:
            torch.set_default_dtype(torch.float32)

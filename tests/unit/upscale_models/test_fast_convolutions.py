"""Convolutions in float32 with fewer multiplications."""

import pytest
import torch
from hires_pack.dev.benchmarks.pictures import decibels
from hires_pack.dev.fixtures.seeded_network import enliven
from hires_pack.dev.fixtures.small_upscalers import compact, image, upscaler_of
from hires_pack.upscale_models import CpuRuntime, ModelUpscaler, Precision, TileSettings, from_state_dict, upscale_to
from hires_pack.upscale_models.on_cpu import fast_convolutions
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.SPAN import SPAN

FAST: Precision = "float32 (fast convolutions)"

FAST_DB = 115.0
"""Decibels to plain convolutions, at least."""

needs_fast = pytest.mark.skipif(not fast_convolutions.has_fast_convolutions(), reason="this torch has no NNPACK")


class Plain(CpuRuntime):
    """A processor without fast number formats of half size."""

    def half_types(self) -> tuple[torch.dtype, ...]:
        """See the class."""
        return ()


def wide(name: str = "Compact") -> ModelUpscaler:
    """A network with as many channels as real ones, and fewer layers."""
    network = {
        "Compact": lambda: Compact(num_feat=64, num_conv=2, upscale=2),
        "ESRGAN": lambda: ESRGAN(num_filters=64, num_blocks=1, scale=2),
        "SPAN": lambda: SPAN(num_in_ch=3, num_out_ch=3, feature_channels=48, upscale=2),
    }[name]()
    return from_state_dict(name, enliven(network, 7).state_dict())


def upscale(upscaler: ModelUpscaler, pixels: torch.Tensor, precision: Precision, tile: int = 0) -> torch.Tensor:
    size = pixels.shape[2] * upscaler.scale, pixels.shape[1] * upscaler.scale
    return upscale_to(pixels, upscaler, *size, TileSettings(tile, precision=precision), Plain())


@needs_fast
@pytest.mark.parametrize("name", ["Compact", "ESRGAN", "SPAN"])
def test_fast_convolutions_are_near_plain_ones_and_not_plain_ones(name: str) -> None:
    upscaler, pixels = wide(name), image(61, 47)
    plain = upscale(upscaler, pixels, "float32")
    fast = upscale(upscaler, pixels, FAST)
    assert FAST_DB <= decibels(fast, plain) < float("inf")
    assert torch.equal(fast, upscale(upscaler, pixels, "auto")), "what is automatic takes them, too"
    assert torch.equal(plain, upscale(upscaler, pixels, "float32")), "the model is as it was"


@needs_fast
def test_fast_convolutions_do_not_depend_on_what_else_is_in_the_batch_or_came_before() -> None:
    upscaler, pixels = wide(), image(40, 33, batch=3)
    together = upscale(upscaler, pixels, FAST)
    again = wide()
    assert torch.equal(together[2:], upscale(again, pixels[2:], FAST))


@needs_fast
@pytest.mark.parametrize("rows", [1, 5, 6, 20])
def test_strips_are_not_seen(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    upscaler, pixels = wide("ESRGAN"), image(40, 33)
    plain = upscale(upscaler, pixels, "float32")
    monkeypatch.setattr(fast_convolutions, "STRIP", rows * 40 * 64 * 4)
    assert decibels(upscale(upscaler, pixels, FAST), plain) >= FAST_DB


@needs_fast
def test_fast_copies_share_the_weights() -> None:
    upscaler = wide("ESRGAN")
    fast = fast_convolutions.with_fast_convolutions(upscaler, torch.device("cpu"))
    assert fast is not upscaler
    pairs = zip(upscaler.descriptor.model.parameters(), fast.descriptor.model.parameters(), strict=True)
    assert all(one.data_ptr() == other.data_ptr() for one, other in pairs)


@needs_fast
def test_models_made_in_inference_mode_and_used_outside_of_it_and_the_other_way() -> None:
    pixels = image(40, 30)
    with torch.inference_mode():
        inside = wide()
        expected = upscale(inside, pixels, FAST)
    assert torch.equal(upscale(wide(), pixels, FAST), expected)
    outside = wide()
    with torch.inference_mode():
        assert torch.equal(upscale(outside, pixels, FAST), expected)
    with torch.inference_mode():
        fresh = wide()
    assert torch.equal(upscale(fresh, pixels, FAST), expected)


def test_plain_convolutions_where_there_are_no_fast_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "_nnpack_available", lambda: False)
    fast_convolutions.has_fast_convolutions.cache_clear()
    try:
        upscaler, pixels = wide(), image(40, 30)
        assert torch.equal(upscale(upscaler, pixels, FAST), upscale(upscaler, pixels, "float32"))
    finally:
        fast_convolutions.has_fast_convolutions.cache_clear()


@needs_fast
def test_plain_convolutions_where_fast_ones_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> torch.Tensor:
        raise RuntimeError("NNPACK SpatialConvolution_updateOutput failed")

    monkeypatch.setattr(torch, "_nnpack_spatial_convolution", failing)
    upscaler, pixels = wide(), image(40, 30)
    found = upscale(upscaler, pixels, FAST)
    assert decibels(found, upscale(upscaler, pixels, "float32")) > FAST_DB


@needs_fast
def test_plain_convolutions_where_fast_ones_leave_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    upscaler, pixels = wide(), image(40, 30)
    plain = upscale(upscaler, pixels, "float32")
    monkeypatch.setattr(torch, "_nnpack_spatial_convolution", lambda x, weight, *_: torch.full_like(x, torch.nan))
    assert torch.equal(upscale(upscaler, pixels, "auto"), plain)


@needs_fast
@pytest.mark.parametrize(
    "convolution",
    [
        torch.nn.Conv2d(64, 64, 1),
        torch.nn.Conv2d(64, 64, 3, padding=2, dilation=2),
        torch.nn.Conv2d(64, 64, 3, padding=1, groups=2),
        torch.nn.Conv2d(64, 64, 3, padding=1, padding_mode="reflect"),
        torch.nn.Conv2d(64, 64, 3, padding="same"),
        torch.nn.Conv2d(24, 24, 3, padding=1),
    ],
    ids=["1x1", "dilated", "grouped", "padded otherwise", "padded by name", "narrow"],
)
def test_other_convolutions_stay_as_they_are(convolution: torch.nn.Conv2d) -> None:
    upscaler = upscaler_of(torch.nn.Sequential(convolution))
    assert fast_convolutions.with_fast_convolutions(upscaler, torch.device("cpu")) is upscaler


def test_the_network_runs_once_for_every_tile_from_the_first_picture_on() -> None:
    for upscaler in (compact(), wide()):
        runs: list[tuple[int, ...]] = []

        def note(_: torch.nn.Module, inputs: tuple[torch.Tensor], runs: list[tuple[int, ...]] = runs) -> None:
            if not inputs[0].is_meta:  # shapes alone
                runs.append(tuple(inputs[0].shape[2:]))

        upscaler.descriptor.model.register_forward_pre_hook(note)
        upscale(upscaler, image(270, 20), "auto")
        assert runs == [(20, 270)]

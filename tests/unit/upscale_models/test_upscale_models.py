"""Pixel upscaling: every kind of upscaler on every kind of picture, and files that are no upscalers."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hires_pack.dev.benchmarks.pillow_resize import lanczos, nearest
from hires_pack.dev.fixtures.small_upscalers import (
    Overwriting,
    compact,
    descriptor_of,
    esrgan,
    image,
    span,
    swinir,
    untiled,
)
from hires_pack.hires.errors import InputError
from hires_pack.hires.sizes.runs import model_runs
from hires_pack.tests.tolerances import ROUNDED
from hires_pack.upscale_models import (
    CLASSICAL,
    CpuRuntime,
    TileSettings,
    UnusableModelError,
    Upscaler,
    UpscalerError,
    from_descriptor,
    from_state_dict,
    upscale_to,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from spandrel import MaskedImageModelDescriptor, ModelLoader
from spandrel.architectures.SPAN import SPAN


def upscale(
    pixels: torch.Tensor,
    upscaler: Upscaler,
    width: int,
    height: int,
    tiles: TileSettings | None = None,
    runtime: CpuRuntime | None = None,
) -> torch.Tensor:
    """In float32, so that numbers can be compared."""
    tiles = replace(tiles or TileSettings(), precision="float32")
    return upscale_to(pixels, upscaler, width, height, tiles, runtime)


# ---- sizes ----------------------------------------------------------------------------------------------------------

UPSCALERS = {
    "compact 2x": compact(), "compact 3x": compact(3, features=4), "compact 1x": compact(1, features=4),
    "grey": compact(2, channels=1), "esrgan 4x": esrgan(4), "esrgan 2x of shuffled pixels": esrgan(2, shuffle=2),
    "span": span(), "swinir": swinir(), **CLASSICAL,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", UPSCALERS)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_every_upscaler_lands_on_every_size(name: str, data: st.DataObject) -> None:
    width, height = data.draw(st.integers(1, 64)), data.draw(st.integers(1, 64))
    factors = st.floats(0.2, 2.2)
    to_width, to_height = (max(1, round(side * data.draw(factors))) for side in (width, height))
    channels = data.draw(st.sampled_from([1, 2, 3, 4]))
    result = upscale(image(width, height, channels), UPSCALERS[name], to_width, to_height, TileSettings(32, 4))
    assert result.shape == (1, to_height, to_width, channels)
    assert torch.isfinite(result).all()
    assert result.min() >= 0
    assert result.max() <= 1


@pytest.mark.parametrize("name", UPSCALERS)
def test_one_pixel_is_a_picture(name: str) -> None:
    upscaler = UPSCALERS[name]
    assert upscale(image(1, 1), upscaler, 8, 8).shape == (1, 8, 8, 3)
    assert upscale(image(1, 40), upscaler, 2, 80).shape == (1, 80, 2, 3)


@pytest.mark.parametrize(
    ("scale", "factor", "runs"),
    # from A1111: a 40x24 picture, model factor, asked factor, model calls
    [(4, 1, 1), (4, 1.5, 1), (4, 8, 2), (4, 17, 3), (2, 6, 3), (2, 17, 3), (1, 4, 1), (4, 0.5, 0), (2, 0.5, 0)],
)
def test_models_run_as_often_as_in_a1111(scale: int, factor: float, runs: int) -> None:
    assert len(model_runs(40, 24, scale, int(40 * factor), int(24 * factor))) == runs


def test_no_further_run_for_less_than_8_pixels() -> None:
    assert len(model_runs(500, 500, 2, 1001, 1001)) == 1  # A1111 aims at 1000
    assert len(model_runs(500, 500, 2, 1008, 1008)) == 2
    assert len(model_runs(3, 3, 2, 7, 7)) == 2  # nothing to round down to


def test_repeated_runs_end_in_one_lanczos() -> None:
    upscaler, pixels = compact(), image(10, 6)
    twice = untiled(upscaler, untiled(upscaler, pixels))
    assert torch.allclose(upscale(pixels, upscaler, 33, 20), lanczos(twice, 33, 20), atol=ROUNDED)


def test_a_model_of_factor_1_runs_at_the_same_size_and_a_target_below_does_not_run_it() -> None:
    upscaler, pixels = compact(1), image(20, 30)
    assert torch.allclose(upscale(pixels, upscaler, 20, 30), untiled(upscaler, pixels), atol=ROUNDED)
    assert torch.allclose(upscale(pixels, upscaler, 20, 29), lanczos(pixels, 20, 29), atol=ROUNDED)


def test_filters_go_straight_to_the_size() -> None:
    pixels = image(7, 5, channels=4)
    assert torch.allclose(upscale(pixels, CLASSICAL["None"], 17, 11), lanczos(pixels, 17, 11), atol=ROUNDED)
    assert torch.allclose(upscale(pixels, CLASSICAL["Lanczos"], 17, 11), lanczos(pixels, 17, 11), atol=ROUNDED)
    assert torch.equal(upscale(pixels, CLASSICAL["Nearest"], 17, 11), nearest(pixels, 17, 11))


# ---- channels and dtypes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [(24, 16), (30, 21)])
def test_alpha_is_kept_and_never_seen_by_the_model(target: tuple[int, int]) -> None:
    upscaler, pixels = compact(), image(12, 8, channels=4, batch=2)
    result = upscale(pixels, upscaler, *target)
    assert torch.equal(result[..., :3], upscale(pixels[..., :3], upscaler, *target))
    assert torch.allclose(result[..., 3:], lanczos(pixels[..., 3:], *target), atol=ROUNDED)


def test_grey_through_a_colour_model_is_the_mean_of_three() -> None:
    upscaler, pixels = compact(), image(12, 8, channels=1)
    expected = untiled(upscaler, pixels.repeat(1, 1, 1, 3)).mean(-1, keepdim=True)
    assert torch.allclose(upscale(pixels, upscaler, 24, 16), expected, atol=ROUNDED)


def test_colour_through_a_grey_model_goes_channel_by_channel() -> None:
    upscaler, pixels = compact(channels=1), image(12, 8)
    expected = torch.cat([untiled(upscaler, pixels[..., c : c + 1]) for c in range(3)], dim=-1)
    assert torch.allclose(upscale(pixels, upscaler, 24, 16), expected, atol=ROUNDED)


def test_half_precision_pictures_are_computed_in_float32() -> None:
    upscaler, pixels = compact(), image(12, 8).half()
    result = upscale(pixels, upscaler, 24, 16)
    assert result.dtype == torch.float16
    assert torch.equal(result, upscale(pixels.float(), upscaler, 24, 16).half())


def test_values_outside_0_to_1_are_clamped_before_the_model() -> None:
    upscaler, pixels = compact(), image(12, 8) * 3 - 1
    assert torch.equal(upscale(pixels, upscaler, 24, 16), upscale(pixels.clamp(0, 1), upscaler, 24, 16))


@pytest.mark.parametrize("model_channels", [1, 3])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("inference", [True, False])
def test_a_model_that_works_in_place_leaves_the_input_alone(
    channels: int, model_channels: int, inference: bool
) -> None:
    with torch.inference_mode(inference):
        pixels = image(9, 7, channels)
        before = pixels.clone()
        result = upscale(pixels, from_descriptor(descriptor_of(Overwriting(), 1, model_channels)), 9, 7)
        assert torch.equal(pixels, before)
        assert torch.allclose(result, before / 2)


# ---- bad pictures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pixels", "text"),
    [
        (torch.full((1, 4, 4, 3), float("nan")), "48 of 48 values of the incoming image"),
        (torch.zeros(1, 4, 4, 3, dtype=torch.int32), "torch.int32"),
        (torch.zeros(0, 4, 4, 3), "empty"),
        (torch.zeros(4, 4, 3), "shape"),
        (torch.zeros(1, 4, 4, 5), "this one has 5"),
    ],
)
@pytest.mark.parametrize("name", ["compact 2x", "Lanczos"])
def test_bad_pictures_are_refused(name: str, pixels: torch.Tensor, text: str) -> None:
    with pytest.raises(InputError, match=text):
        upscale(pixels, UPSCALERS[name], 8, 8)


def test_bad_sizes_and_tiles_are_refused() -> None:
    with pytest.raises(InputError, match="0x8 was asked for"):
        upscale(image(4, 4), compact(), 0, 8)
    with pytest.raises(InputError, match="tile_size is -1"):
        TileSettings(size=-1)
    with pytest.raises(InputError, match="tile_overlap is -2"):
        TileSettings(overlap=-2)
    with pytest.raises(
        InputError, match=r"precision is 'half'; it can be auto or float32 or float32 .fast convolutions."
    ):
        TileSettings(precision="half")


# ---- model files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrap",
    [
        lambda weights: {f"module.{key}": value for key, value in weights.items()},
        lambda weights: {"params_ema": weights},
        lambda weights: {"params": {f"module.{key}": value for key, value in weights.items()}},
    ],
    ids=["module.", "params_ema", "both"],
)
def test_wrapped_weights_load_the_same(wrap: Callable[[dict], dict]) -> None:
    plain = compact()
    wrapped = wrap(plain.descriptor.model.state_dict())
    keys = list(wrapped)
    upscaler = from_state_dict("wrapped", wrapped)
    assert list(wrapped) == keys
    pixels = image(12, 8)
    assert torch.equal(upscale(pixels, upscaler, 24, 16), upscale(pixels, plain, 24, 16))


def test_weights_in_half_precision_run_in_float32() -> None:
    halves = {key: value.half() for key, value in compact().descriptor.model.state_dict().items()}
    assert from_state_dict("half", halves).dtype == torch.float32


def test_the_callers_weights_are_not_changed() -> None:
    weights = SPAN(num_in_ch=3, num_out_ch=3, feature_channels=8, upscale=2, norm=False).state_dict()
    weights["no_norm"] = torch.ones(1)  # spandrel's loader replaces it
    from_state_dict("span", {"params": weights})
    assert weights["no_norm"] == 1


def truncated() -> dict[str, torch.Tensor]:
    weights = dict(compact().descriptor.model.state_dict())
    weights["body.2.weight"] = weights["body.2.weight"][:3]
    return weights


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        ({}, "holds no weights"),
        (None, "holds no weights"),
        ({"epoch": 3, "optimizer": {}}, "knows no architecture with its 2 keys"),
        ({"first_stage_model.decoder.conv_in.weight": torch.zeros(4, 4)}, "knows no architecture"),
        (truncated(), "do not fit together"),
        ({1: torch.zeros(1), 2: torch.zeros(1)}, "do not fit together"),
    ],
    ids=["empty", "None", "training state", "VAE", "truncated", "numbers as keys"],
)
def test_files_that_are_no_upscaler_are_named(weights: dict, text: str) -> None:
    with pytest.raises(UnusableModelError, match=rf"'bad\.pth' cannot be used as an upscaler: .*{text}"):
        from_state_dict("bad.pth", weights)


def test_models_for_something_else_are_refused() -> None:
    module = Overwriting()
    inpainting = MaskedImageModelDescriptor(
        module, module.state_dict(), compact().descriptor.architecture, "Inpainting", [],
        supports_half=True, supports_bfloat16=True, input_channels=4, output_channels=3,
    )  # fmt: skip
    with pytest.raises(UnusableModelError, match="it is a MaskedImageModelDescriptor, not a single-image model"):
        from_descriptor(inpainting)
    with pytest.raises(UnusableModelError, match="turns 4 channels into 4"):
        from_descriptor(compact(channels=4).descriptor)


def test_the_hosts_upscale_model_is_accepted_with_and_without_patcher() -> None:
    descriptor = ModelLoader().load_from_state_dict(compact().descriptor.model.state_dict())
    assert from_descriptor(descriptor).name == "RealESRGAN Compact 2x"
    descriptor.patcher = object()
    upscaler = from_descriptor(descriptor, "mine.pth")
    assert (upscaler.name, upscaler.scale) == ("mine.pth", 2)
    assert upscaler.descriptor.patcher is descriptor.patcher


def test_models_that_make_nan_or_the_wrong_size_are_named() -> None:
    broken = compact()
    with torch.no_grad():
        next(broken.descriptor.model.parameters()).fill_(float("nan"))
    with pytest.raises(UpscalerError, match="'compact-2x' made values that are not numbers"):
        upscale(image(8, 8), broken, 16, 16)
    with pytest.raises(UpscalerError, match=r"should have made \(1, 3, 24, 24\).* but made \(1, 3, 8, 8\)"):
        upscale(image(8, 8), from_descriptor(descriptor_of(Overwriting(), scale=3)), 24, 24)

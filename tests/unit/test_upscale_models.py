"""Pixel upscaling: seeded small networks of spandrel's own architectures, run through the tiled engine."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hires_pack.hires.errors import InputError
from hires_pack.hires.resample import lanczos, nearest
from hires_pack.upscale_models import (
    CLASSICAL,
    CpuRuntime,
    ModelUpscaler,
    TileSettings,
    UnusableModelError,
    UpscalerError,
    UpscalerMemoryError,
    from_descriptor,
    from_state_dict,
    is_allocation_failure,
    upscale_to,
)
from hires_pack.upscale_models.upscale import model_runs
from hypothesis import given, settings
from hypothesis import strategies as st
from spandrel import ImageModelDescriptor, MaskedImageModelDescriptor, ModelLoader, SizeRequirements
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.SPAN import SPAN
from spandrel.architectures.SwinIR import SwinIR

CONVOLUTIONS = 2


def compact(scale: int = 2, channels: int = 3, seed: int = 0, features: int = 8) -> ModelUpscaler:
    torch.manual_seed(seed)
    network = Compact(num_in_ch=channels, num_out_ch=channels, num_feat=features, num_conv=CONVOLUTIONS, upscale=scale)
    return from_state_dict(f"compact-{scale}x", network.state_dict())


def esrgan(scale: int, shuffle: int | None = None) -> ModelUpscaler:
    torch.manual_seed(1)
    channels = 3 * shuffle**2 if shuffle else 3
    network = ESRGAN(
        in_nc=channels, out_nc=3, num_filters=8, num_blocks=1, scale=scale * (shuffle or 1), shuffle_factor=shuffle
    )
    return from_state_dict(f"esrgan-{scale}x", network.state_dict())


def span() -> ModelUpscaler:
    torch.manual_seed(2)
    return from_state_dict("span", SPAN(num_in_ch=3, num_out_ch=3, feature_channels=8, upscale=2).state_dict())


def swinir() -> ModelUpscaler:
    torch.manual_seed(3)
    network = SwinIR(
        img_size=16, depths=[1], embed_dim=12, num_heads=[2], window_size=8, mlp_ratio=2, upscale=2,
        upsampler="pixelshuffledirect",
    )  # fmt: skip
    return from_state_dict("swinir", network.state_dict())


def image(width: int, height: int, channels: int = 3, batch: int = 1) -> torch.Tensor:
    return torch.rand(batch, height, width, channels, generator=torch.Generator().manual_seed(5))


def untiled(upscaler: ModelUpscaler, pixels: torch.Tensor) -> torch.Tensor:
    """The bare model on the whole picture."""
    with torch.no_grad():
        return torch.cat([upscaler.descriptor(one[None].movedim(-1, 1)).movedim(1, -1) for one in pixels])


# ---- tiles ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(70, 45), (33, 100), (128, 20)])
def test_tiles_give_the_untiled_result(size: tuple[int, int]) -> None:
    upscaler, pixels = compact(), image(*size, batch=2)
    # what a tile sees beyond its own part: every convolution reaches one pixel further
    settings_ = TileSettings(size=24, overlap=CONVOLUTIONS + 2)
    result = upscale_to(pixels, upscaler, size[0] * 2, size[1] * 2, settings_)
    assert (result - untiled(upscaler, pixels)).abs().max() <= 1e-5


def test_without_overlap_tiles_show() -> None:
    upscaler, pixels = compact(), image(70, 45)
    result = upscale_to(pixels, upscaler, 140, 90, TileSettings(size=24, overlap=0))
    assert (result - untiled(upscaler, pixels)).abs().max() > 1e-3


def test_tiles_keep_to_the_blocks_of_the_model() -> None:
    # three windows of (80 + 2 * 24) / 3 = 43 pixels, which would start at 19 and 37
    upscaler, pixels = esrgan(2, shuffle=2), image(80, 50)
    assert upscaler.align == 4
    result = upscale_to(pixels, upscaler, 160, 100, TileSettings(size=50, overlap=12))
    reference = untiled(upscaler, pixels)
    # a window that started off the blocks would shuffle other pixels together everywhere
    assert (result - reference).abs().max() <= 1e-5


def test_progress_counts_every_tile_of_every_run_and_picture() -> None:
    calls: list[tuple[int, int]] = []
    upscale_to(
        image(40, 24, batch=2), compact(), 130, 90, TileSettings(32, 4), CpuRuntime(lambda *call: calls.append(call))
    )
    # 40x24, then 80x48: windows of 32 with 24 (28 at the ends) of their own: 2x1 and 3x2 tiles a picture
    assert calls == [(done, 16) for done in range(1, 17)]


def test_filters_report_every_picture() -> None:
    calls: list[tuple[int, int]] = []
    upscale_to(image(4, 4, batch=3), CLASSICAL["Lanczos"], 8, 8, runtime=CpuRuntime(lambda *call: calls.append(call)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


# ---- sizes ----------------------------------------------------------------------------------------------------------

UPSCALERS = {
    "compact 2x": compact(),
    "compact 3x": compact(3, features=4),
    "compact 1x": compact(1, features=4),
    "grey": compact(2, channels=1),
    "esrgan 4x": esrgan(4),
    "esrgan 2x of shuffled pixels": esrgan(2, shuffle=2),
    "span": span(),
    "swinir": swinir(),
    **CLASSICAL,
}


@pytest.mark.parametrize("name", UPSCALERS)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_every_upscaler_lands_on_every_size(name: str, data: st.DataObject) -> None:
    width, height = data.draw(st.integers(1, 64)), data.draw(st.integers(1, 64))
    factors = st.floats(0.2, 2.2)
    to_width, to_height = (max(1, round(side * data.draw(factors))) for side in (width, height))
    channels = data.draw(st.sampled_from([1, 2, 3, 4]))
    result = upscale_to(image(width, height, channels), UPSCALERS[name], to_width, to_height, TileSettings(32, 4))
    assert result.shape == (1, to_height, to_width, channels)
    assert torch.isfinite(result).all()
    assert result.min() >= 0
    assert result.max() <= 1


@pytest.mark.parametrize("name", UPSCALERS)
def test_one_pixel_is_a_picture(name: str) -> None:
    upscaler = UPSCALERS[name]
    assert upscale_to(image(1, 1), upscaler, 8, 8).shape == (1, 8, 8, 3)
    assert upscale_to(image(1, 40), upscaler, 2, 80).shape == (1, 80, 2, 3)


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
    assert torch.allclose(upscale_to(pixels, upscaler, 33, 20), lanczos(twice, 33, 20), atol=1e-6)


def test_a_model_of_factor_1_runs_at_the_same_size_and_a_target_below_does_not_run_it() -> None:
    upscaler, pixels = compact(1), image(20, 30)
    assert torch.allclose(upscale_to(pixels, upscaler, 20, 30), untiled(upscaler, pixels), atol=1e-6)
    assert torch.equal(upscale_to(pixels, upscaler, 20, 29), lanczos(pixels, 20, 29))


def test_filters_go_straight_to_the_size() -> None:
    pixels = image(7, 5, channels=4)
    assert torch.equal(upscale_to(pixels, CLASSICAL["None"], 17, 11), lanczos(pixels, 17, 11))
    assert torch.equal(upscale_to(pixels, CLASSICAL["Lanczos"], 17, 11), lanczos(pixels, 17, 11))
    assert torch.equal(upscale_to(pixels, CLASSICAL["Nearest"], 17, 11), nearest(pixels, 17, 11))


# ---- channels and dtypes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [(24, 16), (30, 21)])
def test_alpha_is_kept_and_never_seen_by_the_model(target: tuple[int, int]) -> None:
    upscaler, pixels = compact(), image(12, 8, channels=4, batch=2)
    result = upscale_to(pixels, upscaler, *target)
    assert torch.equal(result[..., :3], upscale_to(pixels[..., :3], upscaler, *target))
    assert torch.equal(result[..., 3:], lanczos(pixels[..., 3:], *target))


def test_grey_through_a_colour_model_is_the_mean_of_three() -> None:
    upscaler, pixels = compact(), image(12, 8, channels=1)
    expected = untiled(upscaler, pixels.repeat(1, 1, 1, 3)).mean(-1, keepdim=True)
    assert torch.allclose(upscale_to(pixels, upscaler, 24, 16), expected, atol=1e-6)


def test_colour_through_a_grey_model_goes_channel_by_channel() -> None:
    upscaler, pixels = compact(channels=1), image(12, 8)
    expected = torch.cat([untiled(upscaler, pixels[..., c : c + 1]) for c in range(3)], dim=-1)
    assert torch.allclose(upscale_to(pixels, upscaler, 24, 16), expected, atol=1e-6)


def test_half_precision_pictures_are_computed_in_float32() -> None:
    upscaler, pixels = compact(), image(12, 8).half()
    result = upscale_to(pixels, upscaler, 24, 16)
    assert result.dtype == torch.float16
    assert torch.equal(result, upscale_to(pixels.float(), upscaler, 24, 16).half())


def test_values_outside_0_to_1_are_clamped_before_the_model() -> None:
    upscaler, pixels = compact(), image(12, 8) * 3 - 1
    assert torch.equal(upscale_to(pixels, upscaler, 24, 16), upscale_to(pixels.clamp(0, 1), upscaler, 24, 16))


class Overwriting(torch.nn.Module):
    """A restoration network that works in place, as some do."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mul_(0.5)


def descriptor_of(module: torch.nn.Module, scale: int = 1, channels: int = 3) -> ImageModelDescriptor:
    return ImageModelDescriptor(
        module, module.state_dict(), compact().descriptor.architecture, "Restoration" if scale == 1 else "SR", [],
        supports_half=True, supports_bfloat16=True, scale=scale, input_channels=channels, output_channels=channels,
    )  # fmt: skip


@pytest.mark.parametrize("model_channels", [1, 3])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("inference", [True, False])
def test_a_model_that_works_in_place_leaves_the_input_alone(
    channels: int, model_channels: int, inference: bool
) -> None:
    with torch.inference_mode(inference):
        pixels = image(9, 7, channels)
        before = pixels.clone()
        result = upscale_to(pixels, from_descriptor(descriptor_of(Overwriting(), 1, model_channels)), 9, 7)
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
        upscale_to(pixels, UPSCALERS[name], 8, 8)


def test_bad_sizes_and_tiles_are_refused() -> None:
    with pytest.raises(InputError, match="0x8 was asked for"):
        upscale_to(image(4, 4), compact(), 0, 8)
    with pytest.raises(InputError, match="tile_overlap is -1"):
        TileSettings(overlap=-1)


# ---- memory and cancelling -------------------------------------------------------------------------------------------


class SmallMemory(CpuRuntime):
    """Runs out of memory above a number of pixels, as a card would in the model's first layer."""

    def __init__(self, most_pixels: int, free: int | None = None) -> None:
        self.calls: list[tuple[int, int]] = []
        super().__init__(lambda *call: self.calls.append(call))
        self.most_pixels = most_pixels
        self.free = free
        self.prepared: list[int] = []
        self.seen: list[tuple[int, int]] = []

    def prepare(self, upscaler: ModelUpscaler, memory_required_bytes: int) -> None:
        super().prepare(upscaler, memory_required_bytes)
        self.prepared.append(memory_required_bytes)

    def free_memory(self) -> int | None:
        return self.free

    def watch(self, upscaler: ModelUpscaler) -> ModelUpscaler:
        def before(module: torch.nn.Module, inputs: tuple[torch.Tensor]) -> None:
            height, width = inputs[0].shape[-2:]
            self.seen.append((width, height))
            if width * height > self.most_pixels:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB")

        upscaler.descriptor.model.register_forward_pre_hook(before)
        return upscaler


def test_out_of_memory_steps_the_tiles_down_and_the_result_is_the_same() -> None:
    pixels = image(300, 210)
    runtime = SmallMemory(80 * 80)
    result = upscale_to(pixels, runtime.watch(compact()), 600, 420, TileSettings(256, 8), runtime)
    assert (result - untiled(compact(), pixels)).abs().max() <= 1e-5
    # 158x210 fails, then half of 210 as side; that fails too and 64 is the floor
    failed = [size for size in runtime.seen if size[0] * size[1] > 80 * 80]
    assert len(failed) == 2
    assert max(max(size) for size in runtime.seen[2:]) <= 64
    assert runtime.prepared == sorted(runtime.prepared, reverse=True)
    assert len(runtime.prepared) == 3
    assert runtime.calls[-1][0] == runtime.calls[-1][1] == len(runtime.calls)


def test_finished_tiles_are_not_run_again() -> None:
    class Filling(SmallMemory):
        """Memory that becomes short after the third tile."""

        def progress(self, done: int, total: int) -> None:
            super().progress(done, total)
            if done == 3:
                self.most_pixels = 80 * 80

    runtime = Filling(10**9)
    pixels = image(300, 300)
    result = upscale_to(pixels, runtime.watch(compact()), 600, 600, TileSettings(128, 8), runtime)
    assert (result - untiled(compact(), pixels)).abs().max() <= 1e-5
    assert runtime.calls[:3] == [(1, 9), (2, 9), (3, 9)]
    # six tiles of about 100x100 were left: each falls into 2x2 of at most 64, the first three stay
    assert [done for done, _ in runtime.calls] == list(range(1, 3 + 6 * 4 + 1))
    assert all(total == 27 for _, total in runtime.calls[3:])


def test_the_smaller_tile_stays_for_the_rest_of_the_job() -> None:
    runtime = SmallMemory(70 * 70)
    upscale_to(image(100, 100, batch=3), runtime.watch(compact()), 200, 200, TileSettings(128, 8), runtime)
    assert sum(width * height > 70 * 70 for width, height in runtime.seen) == 1


@pytest.mark.parametrize("block", [1, 4, 128])
def test_memory_that_never_suffices_ends_in_advice(block: int) -> None:
    upscaler, runtime = compact(), SmallMemory(10)
    upscaler.descriptor.size_requirements = SizeRequirements(multiple_of=block)
    with pytest.raises(UpscalerMemoryError, match=r"ran out of memory on cpu with a tile of only .* smaller upscale"):
        upscale_to(image(600, 400), runtime.watch(upscaler), 1200, 800, runtime=runtime)
    assert len(runtime.seen) < 8


@pytest.mark.parametrize(("free", "widest"), [(None, 332), (10**12, 332), (256 * 256 * 2 * 4608, 243), (1, 64)])
def test_the_automatic_tile_follows_the_free_memory(free: int | None, widest: int) -> None:
    # 600 pixels: two windows of (600 + 2 * 32) / 2 within 512, or three of (600 + 4 * 32) / 3 within 256
    runtime = SmallMemory(10**9, free)
    upscale_to(image(600, 600), runtime.watch(compact(features=2)), 1200, 1200, runtime=runtime)
    assert max(width for width, _ in runtime.seen) == widest


def test_other_errors_are_not_taken_for_lack_of_memory() -> None:
    class Broken(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        upscale_to(image(4, 4), from_descriptor(descriptor_of(Broken(), 2)), 8, 8)


def test_allocation_failures_are_recognised() -> None:
    with pytest.raises(RuntimeError) as failure:
        torch.empty(2**60)
    assert is_allocation_failure(failure.value)
    assert is_allocation_failure(MemoryError())
    assert is_allocation_failure(RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"))
    assert not is_allocation_failure(RuntimeError("shapes do not match"))
    assert not is_allocation_failure(ValueError("out of memory"))


class Cancelled(BaseException):
    """As the host's interrupt: no Exception."""


def test_cancelling_leaves_nothing_behind() -> None:
    def cancel_at_second(done: int, total: int) -> None:
        if done == 2:
            raise Cancelled

    upscaler, pixels = compact(), image(60, 40, channels=4)
    before, weights = pixels.clone(), [p.clone() for p in upscaler.descriptor.model.parameters()]
    with pytest.raises(Cancelled):
        upscale_to(pixels, upscaler, 120, 80, TileSettings(24, 4), CpuRuntime(cancel_at_second))
    assert torch.equal(pixels, before)
    assert all(map(torch.equal, weights, upscaler.descriptor.model.parameters()))
    result = upscale_to(pixels, upscaler, 120, 80, TileSettings(24, 4))
    assert (result[..., :3] - untiled(upscaler, pixels[..., :3])).abs().max() <= 1e-5


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
    assert torch.equal(upscale_to(pixels, upscaler, 24, 16), upscale_to(pixels, plain, 24, 16))


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
        upscale_to(image(8, 8), broken, 16, 16)
    with pytest.raises(UpscalerError, match=r"should have made \(1, 3, 24, 24\).* but made \(1, 3, 8, 8\)"):
        upscale_to(image(8, 8), from_descriptor(descriptor_of(Overwriting(), scale=3)), 24, 24)


def test_the_package_needs_no_host() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import conftest; import hires_pack.upscale_models; "
        "found = {m.split('.')[0] for m in sys.modules} & {'comfy', 'folder_paths', 'server', 'execution'}; "
        "sys.exit(str(found) if found else 0)"
    )
    tests = str(Path(__file__).parent.parent)
    assert subprocess.run([sys.executable, "-c", script, tests], check=False).returncode == 0

"""Half precision where a model bears it, measured memory, remaining time."""

import pytest
import torch
from hires_pack.dev.benchmarks.pictures import decibels
from hires_pack.dev.fixtures.small_upscalers import (
    FastHalves,
    Nearest,
    Weighted,
    compact,
    image,
    swinir,
    untiled,
    upscaler_of,
)
from hires_pack.hires.tiles.boxes import Box
from hires_pack.tests.tolerances import FLOAT32, HALF, ROUNDED
from hires_pack.upscale_models import (
    CpuRuntime,
    ModelUpscaler,
    TileSettings,
    UpscalerError,
    cpu_half_types,
    upscale_blocks,
    upscale_to,
)
from hires_pack.upscale_models.tiles.working_memory import LiveBytes


class NoHalves(CpuRuntime):
    """A processor without bfloat16."""

    def half_types(self) -> tuple[torch.dtype, ...]:
        return ()


def upscale(upscaler: ModelUpscaler, pixels: torch.Tensor, runtime: CpuRuntime | None = None) -> torch.Tensor:
    scale = upscaler.scale
    return upscale_to(
        pixels, upscaler, pixels.shape[2] * scale, pixels.shape[1] * scale, runtime=runtime or FastHalves()
    )


WIDTH, HEIGHT = 180, 140
"""Of a picture that is large enough for half precision to be tried."""


def watched(upscaler: ModelUpscaler) -> list[torch.dtype]:
    """Note the number format of every run, of copies, too, but for those of shapes alone."""
    seen: list[torch.dtype] = []

    def note(_: torch.nn.Module, inputs: tuple[torch.Tensor]) -> None:
        if not inputs[0].is_meta:
            seen.append(inputs[0].dtype)

    upscaler.descriptor.model.register_forward_pre_hook(note)
    return seen


# ---- precision -------------------------------------------------------------------------------------------------------


def test_half_precision_stays_near_float32_and_float32_sees_only_samples() -> None:
    upscaler, pixels = compact(), image(WIDTH, HEIGHT)
    expected = untiled(upscaler, pixels)
    weights = [parameter.clone() for parameter in upscaler.descriptor.model.parameters()]
    seen = watched(upscaler)
    result = upscale(upscaler, pixels)
    assert result.dtype == torch.float32
    assert 50 <= decibels(result, expected) < 80
    assert seen == [torch.float32] * 2 + [torch.bfloat16] * 3  # two parts of the picture both ways, and all of it
    upscale(upscaler, pixels)
    assert seen == 2 * ([torch.float32] * 2 + [torch.bfloat16] * 3)
    # ComfyUI's own node shares this model
    assert upscaler.dtype == torch.float32
    assert all(map(torch.equal, weights, upscaler.descriptor.model.parameters()))
    assert not any(
        p.is_contiguous(memory_format=torch.channels_last) for p in weights if p.ndim == 4 and p.shape[1] > 3
    )


def test_half_precision_only_where_it_is_fast_supported_and_asked_for() -> None:
    pixels = image(WIDTH, HEIGHT)
    for upscaler, runtime, tiles in (
        (compact(), NoHalves(), TileSettings()),
        (compact(), FastHalves(), TileSettings(precision="float32 (fast convolutions)")),
        (upscaler_of(compact().descriptor.model, 2, bfloat16=False), FastHalves(), TileSettings()),
        (compact(), FastHalves(), TileSettings(precision="float32")),
    ):
        seen = watched(upscaler)
        result = upscale_to(pixels, upscaler, 2 * WIDTH, 2 * HEIGHT, tiles, runtime)
        assert set(seen) == {torch.float32}
        assert (result - untiled(compact(), pixels)).abs().max() <= FLOAT32


def test_a_processor_without_bfloat16_has_no_half_types(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False, raising=False)
    assert cpu_half_types() == ()
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    assert cpu_half_types() == (torch.bfloat16,)


class Magnified(Weighted):
    """Shows what rounding did to the input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x * 64) % 1


class NotEverywhere(Weighted):
    """Fails in half precision on pictures of a certain width, or on all."""

    def __init__(self, width: int | None, nan: bool = False) -> None:
        super().__init__()
        self.width, self.nan = width, nan

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dtype == torch.bfloat16 and self.width in (None, x.shape[-1]):
            if not self.nan:
                raise RuntimeError("expected m1 and m2 to have the same dtype")
            return x * float("nan")
        return x / 2


def test_where_sums_suffer_only_the_convolutions_run_in_half_precision() -> None:
    class Summing(torch.nn.Module):
        """Adds little to a large sum, many times, and shows the little."""

        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Conv2d(3, 3, 3, padding=1)
            torch.nn.init.constant_(self.layer.weight, 1e-3)
            torch.nn.init.constant_(self.layer.bias, 1e-3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            total = x * 0 + 1
            for _ in range(20):
                total = total + self.layer(x)
            return (total - 1) * 2

    upscaler, pixels = upscaler_of(Summing()), image(WIDTH, HEIGHT)
    expected = untiled(upscaler, pixels)
    assert decibels(untiled(upscaler_of(Summing().bfloat16()), pixels.bfloat16()).float(), expected) < 40
    seen: set[torch.dtype] = set()
    upscaler.descriptor.model.layer.register_forward_hook(lambda _, inputs, result: seen.add(result.dtype))
    assert decibels(upscale(upscaler, pixels), expected) >= HALF
    assert torch.bfloat16 in seen


@pytest.mark.parametrize(
    "module",
    [
        Magnified(),
        NotEverywhere(None),
        NotEverywhere(None, nan=True),
        NotEverywhere(WIDTH),
        NotEverywhere(WIDTH, nan=True),
    ],
    ids=["rounding", "unsupported", "NaN", "unsupported for a size", "NaN in a tile"],
)
def test_models_that_do_not_bear_half_precision_run_in_float32(module: torch.nn.Module) -> None:
    module.features = torch.nn.Conv2d(1, 1, 3)  # most of its weights: without, half precision is not tried on CPUs
    upscaler, pixels = upscaler_of(module), image(WIDTH, HEIGHT)
    for _ in range(2):
        assert (upscale(upscaler, pixels) - untiled(upscaler, pixels)).abs().max() <= ROUNDED


class Featured(Weighted):
    """Most of its weights are those of a convolution: without, half precision is not tried on CPUs."""

    def __init__(self) -> None:
        super().__init__()
        self.features = torch.nn.Conv2d(1, 1, 3)


class Stumbling(Featured):
    """Halves, and in half precision is wrong beside every step from black to white: none is in the made-up pictures."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dtype == torch.float32:
            return x / 2
        return x / 2 + 0.2 * torch.nn.functional.pad(x.diff(dim=-1).abs() > 0.9, (0, 1))


def slope_with(squares: tuple[int, int] | None) -> torch.Tensor:
    """A slope of grey, at one place with a checkerboard of 16x16 pixels."""
    pixels = torch.linspace(0.2, 0.6, 200).expand(1, 150, 200)[..., None].repeat(1, 1, 1, 3)
    if squares:
        x, y = squares
        pixels[:, y : y + 16, x : x + 16] = ((torch.arange(16)[:, None] + torch.arange(16)) % 2)[..., None].float()
    return pixels


@pytest.mark.parametrize("place", [(0, 0), (90, 70), (184, 134), (61, 3)])
def test_an_easy_picture_does_not_decide_for_a_hard_one(place: tuple[int, int]) -> None:
    upscaler, easy, hard = upscaler_of(Stumbling()), slope_with(None), slope_with(place)
    seen = watched(upscaler)
    assert decibels(upscale(upscaler, easy), easy / 2) >= HALF
    assert seen[-1] == torch.bfloat16
    assert (upscale(upscaler, hard) - hard / 2).abs().max() <= ROUNDED
    batch = torch.cat([easy, hard, easy])
    for result, pixels in zip(upscale(upscaler, batch), batch, strict=True):
        assert decibels(result, pixels / 2) >= HALF
    # a picture of a folder that is read piece by piece
    source = Pixels(hard[0])
    for box, block in upscale_blocks(source, upscaler, 200, 150, TileSettings(128, 8), FastHalves()):
        assert decibels(block, source.read(box) / 2) >= HALF
    upscale(upscaler, easy)
    assert seen[-1] == torch.bfloat16, "a hard picture decides for none but itself"


class Dazzled(Featured):
    """Halves, and in half precision is wrong in the middle of what is white: no made-up picture has that much."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dtype == torch.float32:
            return x / 2
        around = torch.nn.functional.avg_pool2d(x, 9, stride=1, padding=4, count_include_pad=False)
        return x / 2 + 0.2 * (around > 0.98)


def test_a_soft_bright_part_is_found_beside_sharp_dark_ones() -> None:
    hard = slope_with((8, 8)) * 0.6
    y, x = torch.meshgrid(torch.arange(150.0), torch.arange(200.0), indexing="ij")
    hard = torch.maximum(hard, (1.2 - ((x - 140) ** 2 + (y - 90) ** 2) / 2000).clamp(0, 1)[None, :, :, None])
    upscaler = upscaler_of(Dazzled())
    seen = watched(upscaler)
    assert (upscale(upscaler, hard) - hard / 2).abs().max() <= ROUNDED
    upscale(upscaler, slope_with((8, 8)) * 0.6)
    assert seen[-1] == torch.bfloat16


class Pixels:
    """A picture in memory, as a `PictureSource`."""

    def __init__(self, pixels: torch.Tensor) -> None:
        self.pixels = pixels
        self.height, self.width, self.channels = pixels.shape

    def read(self, box: Box) -> torch.Tensor:
        return self.pixels[box.y0 : box.y1, box.x0 : box.x1]


def test_values_that_are_not_numbers_in_float32_are_an_error() -> None:
    class Broken(Weighted):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * float("nan")

    with pytest.raises(UpscalerError, match="not numbers"):
        upscale(upscaler_of(Broken()), image(8, 8))


def test_no_memory_for_the_trial_is_no_reason_to_fail() -> None:
    class Once(Featured):
        failed = False

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if not Once.failed and not x.is_meta:
                Once.failed = True
                raise torch.OutOfMemoryError("CUDA out of memory")
            return x / 2

    pixels = image(WIDTH, HEIGHT)
    assert decibels(upscale(upscaler_of(Once()), pixels), pixels / 2) >= HALF


def test_networks_with_attention_in_half_precision() -> None:
    upscaler, pixels = swinir(), image(64, 40)
    assert decibels(upscale(upscaler, pixels), untiled(upscaler, pixels)) >= HALF


def test_models_in_inference_mode_can_be_moved_out_of_it() -> None:
    upscaler = compact()
    copies: list[torch.nn.Module] = []

    class Keeping(FastHalves):
        def prepare(self, upscaler: ModelUpscaler, memory_required_bytes: int) -> None:
            super().prepare(upscaler, memory_required_bytes)
            copies.append(upscaler.descriptor.model)

    with torch.inference_mode():
        upscale(upscaler, image(WIDTH, HEIGHT), Keeping())
    (half,) = {copy for copy in copies if next(copy.parameters()).dtype != torch.float32}
    assert not any(parameter.is_inference() for parameter in half.parameters())
    half.to(torch.float64)


# ---- memory ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inference", [True, False])
def test_live_bytes(inference: bool) -> None:
    with torch.inference_mode(inference), LiveBytes() as live:
        a = torch.zeros(1000)  # 4000
        a.add_(1)
        view = a[10:]
        b = view * 2  # 3960 more
        del a, view
        c = torch.cat([b, b])  # 7920 beside b
        del b
        d = c.half()  # 3960
    assert live.most == 3960 + 7920
    assert d.shape == (1980,)


def test_a_model_without_weights_to_speak_of_takes_hardly_more_than_its_tiles() -> None:
    pixels = image(512, 512)
    with LiveBytes() as live:
        result = upscale_to(pixels, upscaler_of(Nearest(4), 4), 2048, 2048, TileSettings(128, precision="float32"))
    tile = 128 * 128 * 3 * 4 * (1 + 16)
    assert live.most - result.nbytes <= 3 * tile

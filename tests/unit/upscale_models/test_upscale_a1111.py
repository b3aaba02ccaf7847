"""Upscaling with A1111's numbers: its recorded pictures, the sizes its code gives, and closed forms."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hires_pack.dev.fixtures import oracle
from hires_pack.hires.errors import InputError
from hires_pack.hires.images.resample import from_8_bit, lanczos_8_bit, to_8_bit
from hires_pack.hires.sizes.extras import enlarged_size, extras_size
from hires_pack.hires.sizes.image_sizes import SizeError
from hires_pack.hires.sizes.runs import a1111_runs
from hires_pack.hires.tiles.boxes import even_starts, sliding_starts
from hires_pack.upscale_models import (
    CLASSICAL,
    CpuRuntime,
    ModelUpscaler,
    TileSettings,
    Upscaler,
    UpscalerMemoryError,
    draw_as_if_loading,
    from_state_dict,
    resize_pictures,
    upscale_extras,
)
from hires_pack.upscale_models.a1111 import Enlarger
from PIL import Image
from safetensors.torch import load_file
from spandrel.architectures.Compact import Compact
from spandrel.architectures.SwinIR import SwinIR

DATA = Path(__file__).parent.parent.parent / "data"
EXTRAS = json.loads((DATA / "oracle-extras" / "cases.json").read_text(encoding="utf-8"))
PIXEL = json.loads((DATA / "oracle-pixel" / "cases.json").read_text(encoding="utf-8"))
STAGES = ("lowres", "upscaled")
TILES = TileSettings()


@pytest.fixture(scope="module")
def recorded_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Upscaler]:
    folder = tmp_path_factory.mktemp("upscalers")
    oracle.write_upscalers(folder)
    return {**CLASSICAL, **{file.stem: from_state_dict(file.stem, load_file(file)) for file in folder.iterdir()}}


def tiles_of(request: dict) -> TileSettings:
    return TileSettings(request.get("ESRGAN_tile", 0), request.get("ESRGAN_tile_overlap", 8))


def compact(scale: int = 2) -> ModelUpscaler:
    """A network that repeats every pixel, exactly."""
    network = Compact(num_in_ch=3, num_out_ch=3, num_feat=4, num_conv=1, upscale=scale)
    return from_state_dict(f"{scale}x", {key: torch.zeros_like(value) for key, value in network.state_dict().items()})


def brighter(channel: int) -> ModelUpscaler:
    """Factor 1, adds 0.2 to one channel of what the network sees."""
    network = Compact(num_in_ch=3, num_out_ch=3, num_feat=4, num_conv=1, upscale=1)
    weights = {key: torch.zeros_like(value) for key, value in network.state_dict().items()}
    weights[max(key for key in weights if key.endswith("bias"))][channel] = 0.2
    return from_state_dict("brighter", weights)


class Network(torch.nn.Module):
    """Something to put in a model's place."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1), requires_grad=False)


def noise(width: int, height: int, channels: int = 3, seed: int = 0) -> Image.Image:
    levels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    return Image.fromarray(levels[..., 0] if channels == 1 else levels)


def assert_same(ours: Image.Image, theirs: Image.Image) -> None:
    """Equal but for 0.1 % of the values, which may be one level off: they fell on the edge between two levels."""
    assert (ours.mode, ours.size) == (theirs.mode, theirs.size)
    difference = np.abs(np.asarray(ours).astype(int) - np.asarray(theirs).astype(int))
    assert difference.max() <= 1
    assert (difference > 0).mean() <= 0.001


# ---- recorded runs --------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("case_id", EXTRAS)
def test_extras_give_the_recorded_pictures(case_id: str, recorded_models: dict[str, Upscaler]) -> None:
    case, request = EXTRAS[case_id], EXTRAS[case_id]["request"]
    resize = request.get("upscaling_resize", 2)
    if request.get("resize_mode") == 1:
        resize = (request["upscaling_resize_w"], request["upscaling_resize_h"])
    for given, expected in zip(case["images"], case["results"], strict=True):
        picture = Image.open(DATA / "oracle-extras" / given)
        plan = extras_size(picture.size, resize, request.get("upscaling_crop", True), request.get("max_side_length", 0))
        (result,) = upscale_extras(
            [picture],
            plan,
            recorded_models[request["upscaler_1"]],
            recorded_models[request.get("upscaler_2", "None")],
            request.get("extras_upscaler_2_visibility", 0),
            tiles_of(request),
            CpuRuntime(),
        )
        assert_same(result, Image.open(DATA / "oracle-extras" / expected))
        if "tiny" not in request["upscaler_1"]:
            assert np.array_equal(result, Image.open(DATA / "oracle-extras" / expected))


@pytest.mark.slow
@pytest.mark.parametrize("case_id", PIXEL)
def test_pictures_between_the_passes_are_the_recorded_ones(case_id: str, recorded_models: dict[str, Upscaler]) -> None:
    request, folder = PIXEL[case_id], DATA / "oracle-pixel"
    count = request.get("batch_size", 1)
    low, large = ([Image.open(folder / f"{case_id}-{which}_{i}.png") for i in range(count)] for which in STAGES)
    upscaler = recorded_models[request["hr_upscaler"]]
    ours = resize_pictures(low, upscaler, *large[0].size, tiles_of(request), CpuRuntime())
    for mine, theirs in zip(ours, large, strict=True):
        assert_same(mine, theirs)


@pytest.mark.parametrize("case_id", PIXEL)
def test_the_random_part_of_the_encoding_is_drawn_after_the_loading(
    case_id: str, recorded_models: dict[str, Upscaler]
) -> None:
    request, count = PIXEL[case_id], PIXEL[case_id].get("batch_size", 1)
    expected = load_file(DATA / "oracle-pixel" / "tensors.safetensors")[f"{case_id}/hr.posterior_noise"]
    size, target = (Image.open(DATA / "oracle-pixel" / f"{case_id}-{which}_0.png").size for which in STAGES)
    generator = torch.Generator().manual_seed(request["seed"] + count - 1)
    before = torch.get_rng_state()
    draw_as_if_loading(generator, recorded_models[request["hr_upscaler"]], size, target, count)
    ours = torch.stack([torch.randn(expected.shape[1:], generator=generator) for _ in range(count)])
    assert torch.equal(ours, expected)
    assert torch.equal(torch.get_rng_state(), before)  # nobody else's random numbers change


def test_a_network_that_cannot_be_built_twice_costs_only_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    upscaler = compact()
    upscaler.descriptor._model = Network()
    generator = torch.Generator().manual_seed(1)
    before = generator.get_state()
    draw_as_if_loading(generator, upscaler, (8, 8), (16, 16), 1)
    assert torch.equal(generator.get_state(), before)
    assert "cannot be built twice" in caplog.text


# ---- 8 bits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_8_bit_pictures_survive_the_way_to_floats_and_back(channels: int) -> None:
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16, 1).expand(1, 16, 16, channels)
    (picture,) = to_8_bit(levels.float() / 255)
    assert picture.mode == ("L", "LA", "RGB", "RGBA")[channels - 1]
    assert torch.equal(from_8_bit([picture]), levels.float() / 255)


def test_decoded_values_are_cut_off_not_rounded_but_alpha_is_rounded() -> None:
    value = torch.full((1, 1, 1, 4), 100.9 / 255)
    assert to_8_bit(value)[0].getpixel((0, 0)) == (100, 100, 100, 101)


def test_alpha_survives_cores_masks() -> None:
    # Load Image makes 1 - alpha of it, Join Image with Alpha 1 - that again
    alpha = torch.arange(256).reshape(1, 16, 16).float() / 255
    image = torch.cat([torch.zeros(1, 16, 16, 3), (1 - (1 - alpha))[..., None]], dim=-1)
    assert torch.equal(torch.tensor(np.array(to_8_bit(image)[0]))[..., 3], torch.arange(256).reshape(16, 16).byte())


def test_lanczos_goes_across_first_and_rounds_between() -> None:
    picture = noise(40, 9)
    across = picture.resize((13, 9), Image.Resampling.LANCZOS)
    assert np.array_equal(lanczos_8_bit(picture, 13, 31), across.resize((13, 31), Image.Resampling.LANCZOS))


def test_lanczos_does_not_bleed_the_colour_of_transparent_pixels() -> None:
    levels = np.zeros((8, 8, 4), np.uint8)
    levels[:, :4] = (255, 0, 0, 0)
    levels[:, 4:] = (0, 0, 255, 255)
    result = np.asarray(lanczos_8_bit(Image.fromarray(levels), 16, 16))
    assert result[..., 0].max() == 0


# ---- sizes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scale", "factor", "size", "calls"),
    [
        (4, 1, (40, 24), 1),
        (4, 1.5, (56, 32), 1),
        (4, 8, (320, 192), 2),
        (4, 17, (680, 408), 3),
        (2, 6, (240, 144), 3),
        (1, 4, (160, 96), 1),
        (2, 0.5, (16, 8), 0),
    ],
)
def test_size_and_model_runs_for_a_picture_of_40x24(scale: int, factor: float, size: tuple, calls: int) -> None:
    upscaler = compact(scale)
    enlarge = Enlarger(upscaler, (40, 24), factor, 1, TileSettings(4096), CpuRuntime())
    assert enlarge(noise(40, 24)).size == enlarge.size == size
    assert len(a1111_runs(upscaler.scale, (40, 24), factor)) == calls


def test_a_size_that_rounds_down_to_the_picture_itself_runs_nothing() -> None:
    assert a1111_runs(2, (96, 96), 1.05) == []
    assert a1111_runs(2, (100, 100), 1.03) == []


def test_a_model_that_falls_short_of_the_target_is_stretched_to_it() -> None:
    # 928 / 536 is a float a little below, so the model's part of the way ends 8 pixels early
    (result,) = resize_pictures([noise(536, 8)], compact(), 928, 13, TILES, CpuRuntime())
    assert result.size == (928, 13)
    assert Enlarger(compact(), (536, 8), 928 / 536, 1, TILES, CpuRuntime()).size == (920, 8)


@pytest.mark.parametrize(
    ("resize", "crop", "max_side", "expected"),
    [
        ((512, 512), False, 0, (768, 512)),
        ((512, 512), True, 0, (512, 512)),
        (1.37, True, 0, (408, 272)),
        (1.0, True, 0, (296, 200)),
        (4.0, True, 1000, (1000, 664)),
        (2.0, True, 1000, (600, 400)),
    ],
)
def test_extras_sizes_of_a_picture_of_300x200(
    resize: float | tuple, crop: bool, max_side: int, expected: tuple
) -> None:
    plan = extras_size((300, 200), resize, crop, max_side)
    (result,) = upscale_extras([noise(300, 200)], plan, CLASSICAL["Nearest"], None, 0, TILES, CpuRuntime())
    assert result.size == expected


def test_a_crop_to_odd_sides_leaves_a_black_edge() -> None:
    plan = extras_size((300, 200), (1001, 501), True)
    white = Image.new("RGB", (300, 200), "white")
    result = np.asarray(upscale_extras([white], plan, CLASSICAL["Lanczos"], None, 0, TILES, CpuRuntime())[0])
    assert result.shape == (501, 1001, 3)
    assert result[:, -1].max() == 0
    assert result[:, :-1].min() == 255


@pytest.mark.parametrize("resize", [0.0, -1.0, (0, 8), (8, 1_000_001), 0.01, 30000.0])
def test_sizes_that_no_picture_can_have_are_refused(resize: float | tuple) -> None:
    with pytest.raises(InputError, match=r"pixels|above 0"):
        upscale_extras(
            [noise(40, 24)], extras_size((40, 24), resize, False), CLASSICAL["Lanczos"], None, 0, TILES, CpuRuntime()
        )


def test_extras_are_longer_than_what_is_sampled() -> None:
    """The Extras tab has no limit of its own; the hires fix keeps the host's, also on the way to its size."""
    picture = noise(1030, 2)
    plan = extras_size(picture.size, 16.0, True)
    (result,) = upscale_extras([picture], plan, CLASSICAL["Nearest"], None, 0, TILES, CpuRuntime())
    assert result.size == enlarged_size(picture.size, plan) == (16480, 32)
    assert np.array_equal(result, np.asarray(picture).repeat(16, 0).repeat(16, 1))
    with pytest.raises(SizeError, match=r"16480x32 .* 8 to 16384"):
        Enlarger(CLASSICAL["Nearest"], picture.size, 16.0, 1, TILES, CpuRuntime())
    with pytest.raises(SizeError, match=r"32x16480 .* 8 to 16384"):
        resize_pictures([noise(2, 1030)], CLASSICAL["Nearest"], 32, 32, TILES, CpuRuntime())


# ---- Extras ---------------------------------------------------------------------------------------------------------


def test_none_leaves_the_picture_alone_whatever_else_is_asked() -> None:
    picture = noise(40, 24, 4)
    plan = extras_size(picture.size, (100, 100), True)
    (result,) = upscale_extras([picture], plan, CLASSICAL["None"], CLASSICAL["Nearest"], 0.5, TILES, CpuRuntime())
    assert np.array_equal(result, picture)


def test_the_second_upscaler_starts_from_the_original_and_is_laid_over() -> None:
    plan = extras_size((2, 2), 4.0, True)
    grey, picture = Image.new("RGB", (2, 2), (100, 100, 100)), noise(2, 2)
    first, second = (
        np.asarray(upscale_extras([picture], plan, CLASSICAL[name], None, 0, TILES, CpuRuntime())[0]).astype(float)
        for name in ("Lanczos", "Nearest")
    )
    (result,) = upscale_extras([picture], plan, CLASSICAL["Lanczos"], CLASSICAL["Nearest"], 0.25, TILES, CpuRuntime())
    assert np.abs(np.asarray(result) - (0.75 * first + 0.25 * second)).max() <= 1
    (result,) = upscale_extras([grey], plan, CLASSICAL["Lanczos"], CLASSICAL["None"], 1, TILES, CpuRuntime())
    assert np.asarray(result).min() == np.asarray(result).max() == 100


@pytest.mark.parametrize(("channels", "expected"), [(1, "RGB"), (2, "RGB"), (3, "RGB"), (4, "RGBA")])
def test_modes_of_classical_upscalers(channels: int, expected: str) -> None:
    plan = extras_size((16, 16), 2.0, True)
    picture = noise(16, 16, channels)
    assert upscale_extras([picture], plan, CLASSICAL["Lanczos"], None, 0, TILES, CpuRuntime())[0].mode == expected
    assert upscale_extras([picture], plan, compact(), None, 0, TILES, CpuRuntime())[0].mode == "RGB"


# ---- models and tiles -----------------------------------------------------------------------------------------------


def test_tiles_are_spread_as_a1111_spreads_them() -> None:
    assert even_starts(768, 192, 8) == [0, 144, 288, 432, 576]
    assert even_starts(512, 192, 8) == [0, 160, 320]
    assert even_starts(64, 192, 8) == [-128]
    assert sliding_starts(20, 8, 2) == [0, 6, 12]
    assert sliding_starts(21, 8, 2) == [0, 6, 12, 13]
    assert sliding_starts(5, 8, 2) == [0]


@pytest.mark.parametrize("tile", [32, 48, 4096])
def test_tiles_of_a_model_that_repeats_pixels_do_not_show(tile: int) -> None:
    picture, tiles = noise(100, 70), TileSettings(tile, 8)
    plan = extras_size(picture.size, (200, 140), False)
    result = Enlarger(compact(), picture.size, plan.factor, 1, tiles, CpuRuntime())(picture)
    repeated = picture.resize((200, 140), Image.Resampling.NEAREST)
    assert np.array_equal(result, lanczos_8_bit(repeated, *result.size))


def test_models_see_blue_before_red() -> None:
    grey = Image.new("RGB", (200, 200), (50, 50, 50))
    result = Enlarger(brighter(0), grey.size, 1, 1, TILES, CpuRuntime())(grey)
    assert result.getpixel((100, 100)) == (50, 50, 101)


def test_a_ramp_fades_neighbouring_tiles_into_each_other() -> None:
    # a model that makes the left half of every tile black and the right half white
    class Sides(Network):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([torch.zeros_like(x[..., : x.shape[-1] // 2]), torch.ones_like(x[..., 1::2])], dim=-1)

    upscaler = compact(1)
    upscaler.descriptor._model = Sides()
    result = Enlarger(upscaler, (24, 8), 1, 1, TileSettings(16, 8), CpuRuntime())(noise(24, 8))
    row = np.asarray(result)[0, :, 0].tolist()
    # tiles at 0 and 8: the first's bright half lies under the second's dark one, which fades in over 8 pixels
    assert row[:8] == [0] * 8
    assert row[8:16] == [255 - int(i * 255 / 8) for i in range(8)]
    assert row[16:] == [255] * 8


def test_tiles_of_swinir_are_averaged() -> None:
    torch.manual_seed(3)
    network = SwinIR(
        img_size=16, depths=[1], embed_dim=12, num_heads=[2], window_size=8, mlp_ratio=2, upscale=2,
        upsampler="pixelshuffledirect",
    )  # fmt: skip
    upscaler, picture = from_state_dict("swinir", network.state_dict()), noise(24, 16)
    result = Enlarger(upscaler, picture.size, 2, 1, TileSettings(16, 8), CpuRuntime())(picture)
    planes = from_8_bit([picture]).movedim(-1, 1).flip(1)
    with torch.no_grad():
        left, right = (upscaler.descriptor(planes[..., x : x + 16]) for x in (0, 8))
    expected = torch.cat([left[..., :16], (left[..., 16:] + right[..., :16]) / 2, right[..., 16:]], dim=-1)
    levels = (expected[0].flip(0).movedim(0, -1) * 255).round()
    assert (torch.tensor(np.array(result)).float() - levels).abs().max() <= 1


def test_progress_counts_every_tile_of_every_run_and_picture() -> None:
    calls: list[tuple[int, int]] = []
    runtime = CpuRuntime(lambda *call: calls.append(call))
    resize_pictures([noise(40, 24), noise(40, 24)], compact(), 136, 80, TileSettings(32, 8), runtime)
    # 40x24 in 2x1 tiles, 80x48 in 3x2 tiles, for two pictures
    assert calls == [(done, 16) for done in range(1, 17)]


def test_cancelling_stops_between_tiles() -> None:
    def cancel(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        resize_pictures([noise(40, 24)], compact(), 80, 48, TILES, CpuRuntime(cancel))


def test_out_of_memory_says_what_to_change() -> None:
    class Full(Network):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise MemoryError

    upscaler = compact()
    upscaler.descriptor._model = Full()
    with pytest.raises(UpscalerMemoryError, match=r"192x192.*tile_size.*exact"):
        resize_pictures([noise(40, 24)], upscaler, 80, 48, TILES, CpuRuntime())


def test_an_overlap_as_large_as_the_tile_is_refused() -> None:
    with pytest.raises(InputError, match="tile_overlap is 32, tile_size 32"):
        resize_pictures([noise(40, 24)], compact(), 80, 48, TileSettings(32, 32), CpuRuntime())

"""The shipped weights: what spandrel alone makes of them, what they may not do to a picture, and damage."""

import hashlib
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hires_pack.dev.training.photographs import PHOTOGRAPHS, licence_table
from hires_pack.dev.training.procedural import line_art
from hires_pack.dev.training.upscalers import DRAWINGS, RECIPES
from hires_pack.upscale_models import TileSettings, from_state_dict, shipped, upscale_to
from PIL import Image, ImageFilter
from safetensors import safe_open
from safetensors.torch import load_file
from spandrel import ModelLoader

ROOT = Path(__file__).resolve().parents[3]
WEIGHTS = ROOT / "upscale_models" / "weights"
SCALES = {"hires-fix-2x": 2, "hires-fix-4x": 4, "hires-fix-4x-soft": 4}
LARGEST_FILE = 2_500_000
LEVELS = (0, 1, 64, 128, 200, 254, 255)
"""Of 255."""

RINGING = 12
"""Levels of 255; those of Lanczos are 28."""


@pytest.fixture(scope="module", params=list(SCALES))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def model(name):
    """The network as spandrel loads it, without any code of the pack."""
    return ModelLoader().load_from_file(WEIGHTS / f"{name}.safetensors")


@pytest.fixture(scope="module")
def upscaler(name):
    return from_state_dict(name, load_file(WEIGHTS / f"{name}.safetensors"))


def enlarged(model, pixels):
    with torch.no_grad():
        return model(pixels)


def checkerboard(height, width, cell, first, second):
    ys, xs = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    odd = (ys // cell + xs // cell) % 2 == 1
    return torch.where(odd, torch.tensor(second)[:, None, None], torch.tensor(first)[:, None, None])[None]


# ---- the files ------------------------------------------------------------------------------------------------------


def test_the_folder_holds_exactly_what_is_listed():
    lines = (WEIGHTS / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    listed = {line[66:]: line[:64] for line in lines}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in WEIGHTS.glob("*.safetensors")}
    assert listed == found == shipped.checksums()
    assert {path.name for path in WEIGHTS.iterdir()} == {*found, "LICENSES.md", "SHA256SUMS"}
    assert set(found) == {f"{name}.safetensors" for name in SCALES}


def test_size_and_number_format(name):
    path = WEIGHTS / f"{name}.safetensors"
    assert path.stat().st_size <= LARGEST_FILE
    assert {value.dtype for value in load_file(path).values()} == {torch.float16}


def test_the_file_says_where_it_comes_from(name):
    with safe_open(WEIGHTS / f"{name}.safetensors", "pt") as file:
        said = file.metadata()
    assert said["name"] == name
    assert said["scale"] == str(SCALES[name])
    assert said["licence"] == "CC0-1.0"
    assert said["script"] == f"python -m training.upscalers {name}"
    assert float(said["minutes"].split()[0]) > 0
    assert all(said[key] for key in ("architecture", "data", "seed", "steps", "torch", "numpy", "Pillow"))
    minutes = f"{said['minutes'].split()[0]} min"
    text = (WEIGHTS / "LICENSES.md").read_text(encoding="utf-8")
    (row,) = [line for line in text.splitlines() if line.startswith(f"| `{name}.safetensors` |")]
    cells = {cell.strip() for cell in row.split("|")}
    assert {said["architecture"], said["scale"], said["steps"], minutes, said["seed"], said["start"]} <= cells
    assert all(f"{library} {said[library]}" in text for library in ("torch", "numpy", "Pillow"))


def test_the_script_makes_the_file_as_it_is(name):
    """Steps, layers and data that the file tells of are those of a run today."""
    with safe_open(WEIGHTS / f"{name}.safetensors", "pt") as file:
        said = file.metadata()
    recipe = RECIPES[name]
    layers = f"{recipe.features} features, {recipe.convolutions} convolutions"
    assert (said["steps"], said["scale"], said["start"]) == (
        str(recipe.steps),
        str(recipe.scale),
        recipe.start or "random",
    )
    assert layers in said["architecture"]
    photographs = sum(it.split == "training" for it in PHOTOGRAPHS)
    assert said["data"].startswith(f"{photographs} photographs (see LICENSES.md), {DRAWINGS} procedural pictures")


def test_every_photograph_is_listed_with_its_licence():
    text = (WEIGHTS / "LICENSES.md").read_text(encoding="utf-8")
    assert len(licence_table().splitlines()) == 2 + len(PHOTOGRAPHS)
    assert licence_table() in text


def test_spandrel_alone_knows_the_architecture(name, model):
    assert model.architecture.id == "Compact"
    assert model.scale == SCALES[name]
    assert (model.input_channels, model.output_channels, model.purpose) == (3, 3, "SR")
    assert model.size_requirements.none  # any size
    assert enlarged(model, torch.rand(1, 3, 5, 9)).shape == (1, 3, 5 * model.scale, 9 * model.scale)


# ---- pictures it may not spoil --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("size", "most"), [((16, 40), 1), ((1, 1), 3), ((3, 40), 3)])
def test_flat_colours_stay_flat_up_to_the_border(model, size, most):
    levels = torch.tensor(LEVELS) / 255
    colours = torch.cartesian_prod(levels, levels, levels)[:, :, None, None]
    result = enlarged(model, colours.expand(-1, -1, *size))
    assert (result - colours).abs().max() * 255 <= most


@pytest.mark.parametrize("cell", [1, 2, 3, 8])
@pytest.mark.parametrize(
    ("first", "second"),
    [((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), ((0.2, 0.3, 0.4), (0.8, 0.6, 0.5))],
    ids=["black", "colour"],
)
def test_checkerboards_keep_their_mean_colour(model, cell, first, second):
    board = checkerboard(48, 48, cell, first, second)
    gap = enlarged(model, board).mean((2, 3)) - board.mean((2, 3))
    assert gap.abs().max() * 255 <= 0.5


def test_edges_of_a_checkerboard_do_not_ring(model):
    """Beyond the two colours, in cells large enough to have an inside; black and white would be clamped."""
    first, second = (0.25, 0.3, 0.35), (0.75, 0.7, 0.65)
    result = enlarged(model, checkerboard(64, 64, 8, first, second))[0]
    low, high = (torch.tensor(colour)[:, None, None] for colour in (first, second))
    beyond = torch.maximum(low - result, result - high).clamp(min=0)
    assert beyond.max() * 255 <= RINGING
    assert beyond.mean() * 255 <= 1


def gain_over_lanczos(model, small, large):
    """In dB of the lightness."""
    given = torch.from_numpy(np.array(small)).movedim(-1, 0)[None] / 255
    ours = enlarged(model, given)[0].movedim(0, -1).numpy() * 255
    theirs = small.resize(large.size, Image.Resampling.LANCZOS)
    gaps = [(np.asarray(it, np.float64) - np.asarray(large)) @ (0.299, 0.587, 0.114) for it in (ours, theirs)]
    return 10 * np.log10(np.square(gaps[1]).mean() / np.square(gaps[0]).mean())


@pytest.mark.parametrize("box", [(64, 16, 256, 144), (176, 112, 368, 240)])
@pytest.mark.parametrize("name", ["hires-fix-2x", "hires-fix-4x"], indirect=True)
def test_better_than_lanczos_on_a_photograph_not_learnt_from(name, model, box):
    """Two pieces of a cat's picture: fur, the hardest thing to guess."""
    large = Image.open(ROOT / "workflows" / "input" / "hires-fix-cat.jpg").convert("RGB").crop(box)
    small = large.resize((large.width // model.scale, large.height // model.scale), Image.Resampling.BICUBIC)
    assert gain_over_lanczos(model, small, large) >= 0.2


@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize("name", ["hires-fix-4x-soft"], indirect=True)
def test_better_than_lanczos_on_a_bad_picture_not_learnt_from(name, model, seed):
    """Blurred, noisy and a JPEG."""
    rng = np.random.default_rng(seed)
    drawing = line_art(rng, 512).reshape(256, 2, 256, 2, 3).mean((1, 3))
    large = Image.fromarray(drawing.astype(np.uint8))
    small = large.filter(ImageFilter.GaussianBlur(1.5)).resize((64, 64), Image.Resampling.BICUBIC)
    noisy = np.clip(np.asarray(small) + rng.normal(0, 4, (64, 64, 3)), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(noisy).save(file, "JPEG", quality=60)
    assert gain_over_lanczos(model, Image.open(file).convert("RGB"), large) >= 0.5


# ---- through the pack's engine --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("tile", [48, 61])
def test_tiles_give_the_whole_picture(upscaler, tile):
    pixels = torch.rand(1, 90, 131, 3, generator=torch.Generator().manual_seed(1))
    size = (131 * upscaler.scale, 90 * upscaler.scale)
    tiled = upscale_to(pixels, upscaler, *size, TileSettings(tile, precision="float32"))
    whole = enlarged(upscaler.descriptor, pixels.movedim(-1, 1)).movedim(1, -1)
    error = float((tiled.double() - whole).square().mean())
    assert error <= 10 ** (-120 / 10)  # 120 dB


# ---- damage ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """The folder of weights, somewhere else."""
    folder = shutil.copytree(WEIGHTS, tmp_path / "weights")
    monkeypatch.setattr(shipped, "WEIGHTS", folder)
    return folder


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1
    path.write_bytes(data)


def test_one_flipped_bit_of_a_shipped_file_is_seen(name, copies):
    path = copies / f"{name}.safetensors"
    assert not shipped.is_damaged(path)
    flip_a_bit(path)
    assert shipped.is_damaged(path)


def test_files_of_other_folders_and_other_names_are_the_users_own(name, copies, tmp_path):
    own = tmp_path / f"{name}.safetensors"
    shutil.copy(copies / own.name, own)
    flip_a_bit(own)
    assert not shipped.is_damaged(own)
    assert not shipped.is_damaged(shutil.copy(own, copies / "another.safetensors"))

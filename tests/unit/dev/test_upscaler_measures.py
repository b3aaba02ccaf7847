"""What the table of upscalers measures with, against closed forms and sums written out."""

import math

import numpy as np
import pytest
from hires_pack.dev.quality import upscaler_measures as measures
from hires_pack.dev.quality.quality_upscalers import WEIGHTS
from PIL import Image
from safetensors.numpy import load_file

GENERATOR = np.random.default_rng(5)


def flat(colour, size=(40, 30)):
    return Image.new("RGB", size, colour)


def noise(size=(40, 30)):
    return Image.fromarray(GENERATOR.integers(0, 256, (size[1], size[0], 3), np.uint8))


def nearest(scale):
    return lambda picture: picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)


def lanczos(picture):
    return picture.resize((picture.width * 2, picture.height * 2), Image.Resampling.LANCZOS)


# ---- lightness, PSNR, SSIM ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("colour", "expected"),
    [((0, 0, 0), 16), ((255, 255, 255), 235), ((255, 0, 0), 81.481), ((0, 255, 0), 144.553), ((0, 0, 255), 40.966)],
)
def test_lightness_is_the_y_of_bt601_in_its_studio_range(colour, expected):
    found = measures.lightness(flat(colour))
    assert found.shape == (30, 40)
    assert np.allclose(found, expected)


@pytest.mark.parametrize("step", [1, 155])
def test_one_level_of_grey_is_less_than_one_level_of_lightness(step):
    found, _ = measures.likeness(flat((100, 100, 100)), flat((100 + step,) * 3), 2)
    assert found == pytest.approx(20 * math.log10(255 / (step * 219 / 255)))


def test_ssim_is_the_sum_over_windows_that_the_paper_writes():
    one, other = (GENERATOR.uniform(16, 235, (13, 14)) for _ in range(2))
    other = 0.6 * one + 0.4 * other
    across = [math.exp(-((i - 5) ** 2) / (2 * 1.5**2)) for i in range(11)]
    window = np.array([[a * b for a in across] for b in across])
    window /= window.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    expected = []
    for y in range(3):
        for x in range(4):
            a, b = one[y : y + 11, x : x + 11], other[y : y + 11, x : x + 11]
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            var_a, var_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
            cov = (window * (a - mean_a) * (b - mean_b)).sum()
            numerator = (2 * mean_a * mean_b + c1) * (2 * cov + c2)
            expected.append(numerator / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)))
    assert measures.ssim(one, other) == pytest.approx(np.mean(expected), abs=1e-9)


def test_what_lies_in_the_border_does_not_count():
    wanted = noise()
    made = np.array(wanted)
    made[:4], made[-4:], made[:, :4], made[:, -4:] = 0, 0, 0, 0
    assert measures.likeness(Image.fromarray(made), wanted, 4) == (200, pytest.approx(1))
    assert measures.likeness(Image.fromarray(made), wanted, 3)[0] < 30


# ---- small pictures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scale", "size"), [(2, (40, 30)), (3, (39, 30)), (4, (40, 28)), (7, (35, 28))])
def test_a_photograph_is_cut_to_whole_pixels_of_the_small_one(scale, size):
    picture = noise((41, 31))
    found = measures.cut(picture, scale)
    assert found.size == size
    assert np.array_equal(np.asarray(found), np.asarray(picture)[: size[1], : size[0]])
    assert measures.reduced(found, scale).size == (size[0] // scale, size[1] // scale)


def test_degraded_input_is_the_same_for_a_name_and_worse_than_clean_input(monkeypatch):
    picture = Image.fromarray(np.kron(GENERATOR.integers(0, 256, (8, 8, 3)), np.ones((16, 16, 1))).astype(np.uint8))
    one, again, other = (measures.degraded(picture, 4, name) for name in ("one", "one", "other"))
    assert one.size == (32, 32)
    assert np.array_equal(np.asarray(one), np.asarray(again))
    assert not np.array_equal(np.asarray(one), np.asarray(other))
    clean = measures.reduced(picture, 4)
    assert 15 < measures.likeness(one, clean, 1)[0] < 35
    monkeypatch.setattr(measures, "NOISE", 20.0)
    grey = measures.lightness(measures.degraded(flat((128, 128, 128), (256, 256)), 4, "one"))
    assert 4 < grey.std() < 20  # JPEG takes some of the noise away
    assert abs(grey.mean() - 125.9) < 1


# ---- patterns -------------------------------------------------------------------------------------------------------


def one_corner_off(picture):
    made = np.array(nearest(2)(picture), int)
    made[-1, -1, 2] += 3 if made[-1, -1, 2] < 128 else -3
    return Image.fromarray(made.astype(np.uint8))


def test_a_flat_colour_is_judged_by_its_worst_pixel():
    assert measures.flat_errors(nearest(2)) == (0, 0)
    assert measures.flat_errors(lanczos) == (0, 0)
    assert measures.flat_errors(one_corner_off) == (3, 0)
    darker = measures.flat_errors(lambda picture: nearest(4)(picture).point(lambda value: max(0, value - 2)))
    assert darker == (2, 2)


@pytest.mark.parametrize("file", sorted(WEIGHTS.glob("*.safetensors")), ids=lambda file: file.stem)
def test_inside_is_where_the_shipped_networks_do_not_see_the_border(file):
    """A convolution of 3 x 3 sees one pixel further than the one before."""
    convolutions = [value for value in load_file(file).values() if value.ndim == 4]
    assert {value.shape[2:] for value in convolutions} == {(3, 3)}
    assert len(convolutions) <= measures.INSIDE < measures.PATTERN_SIDE // 2


def test_checkerboards_show_shifts_and_ringing():
    assert measures.checkerboard_errors(nearest(2)) == (0, (0, 0, 0, 0))
    shift, outside = measures.checkerboard_errors(lanczos)
    assert shift < 0.1
    assert min(outside) > 20
    brighter = measures.checkerboard_errors(lambda picture: nearest(2)(picture).point(lambda value: value + 2))
    assert brighter == (pytest.approx(2), (2, 2, 2, 2))

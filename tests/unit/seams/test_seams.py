"""The seam measure: closed forms of each figure, and what steps of known size it finds in a change without seams."""

import math

import pytest
import torch
from hires_pack.hires.errors import InputError
from hires_pack.hires.seams.colours import tile_offset
from hires_pack.hires.seams.lines import SCALES, line_excess, line_steps
from hires_pack.hires.seams.meetings import meetings, placed
from hires_pack.hires.seams.report import Report, change_of, measure
from hires_pack.hires.seams.waves import periodicity, repetition
from scipy.stats import kstest

TILE, SIDE = 64, 576
"""Eight lines along an axis."""


def side_by_side(size, tile):
    return meetings(size, [(start, min(size, start + tile)) for start in range(0, size, tile)])


def field(seed, size=SIDE, mean=9.0):
    """A change without seams: noise whose amplitude falls as 1/f, as in photographs, `(1, size, size, 3)`."""
    generator = torch.Generator().manual_seed(seed)
    spectrum = torch.fft.rfft2(torch.randn(3, size, size, generator=generator))
    frequency = torch.hypot(torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size))
    values = torch.fft.irfft2(spectrum / frequency.clamp(min=1 / size), (size, size))
    values -= values.mean()
    return (values * mean / values.abs().mean()).movedim(0, -1)[None]


def checker(step, blur=0, size=SIDE, tile=TILE):
    """Every other tile brighter by `step`, with Gaussian borders of `blur` pixels: `(1, size, size, 1)`."""
    places = torch.arange(size) // tile
    values = ((places[:, None] + places) % 2).float()[None, None] * step
    if blur:
        kernel = torch.exp(-((torch.arange(-3 * blur, 3 * blur + 1) / blur) ** 2) / 2)
        kernel /= kernel.sum()
        values = torch.nn.functional.pad(values, (3 * blur,) * 4, mode="replicate")
        values = torch.nn.functional.conv2d(values, kernel[None, None, None])
        values = torch.nn.functional.conv2d(values, kernel[None, None, :, None])
    return values.movedim(1, -1)


# ---- where tiles meet -----------------------------------------------------------------------------------------------


def test_tiles_side_by_side_have_borders():
    found = side_by_side(300, 128)
    assert found.lines == {"tile borders": (128, 256)}
    assert found.cores == ((0, 128), (128, 256), (256, 300))
    assert (found.period, found.tile) == (128, 128)


def test_windows_that_overlap_have_starts_ends_and_middles():
    found = meetings(320, [(0, 128), (96, 224), (192, 320)])
    assert found.lines == {
        "window starts": (96, 192), "window ends": (128, 224), "overlap middles": (112, 208),
    }  # fmt: skip
    assert found.cores == ((0, 96), (128, 192), (224, 320))
    assert found.period == 96
    assert found.all_lines == (96, 112, 128, 192, 208, 224)


def test_windows_that_overlap_by_more_than_half_have_no_core():
    found = meetings(160, [(0, 96), (32, 128), (64, 160)])
    low, high = found.cores[1]
    assert low == high
    assert tile_offset(field(0, 160), found, found) is None


def test_one_tile_has_no_lines():
    found = meetings(100, [(0, 100)])
    assert (found.lines, found.period, found.all_lines) == ({}, 0, ())


def test_tiles_are_placed_side_by_side_or_evenly_with_an_overlap():
    assert placed(300, 128, 0) == side_by_side(300, 128)
    assert placed(320, 128, 32) == meetings(320, [(0, 128), (96, 224), (192, 320)])
    assert placed(100, 128, 32) == meetings(100, [(0, 100)])
    assert placed(300, 128, 120).lines["window starts"][:2] == (7, 15), "22 tiles, one every 172 / 21 pixels"
    with pytest.raises(InputError, match="tiles of 64 pixels cannot share 64"):
        placed(300, 64, 64)


@pytest.mark.parametrize("spans", [[(0, 40), (50, 100)], [(0, 60), (40, 90)], [(10, 100)], [(0, 60), (0, 100)]])
def test_tiles_that_do_not_cover_are_refused(spans):
    with pytest.raises(ValueError, match="do not cover 100"):
        meetings(100, spans)


# ---- lines ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [1, 2])
def test_a_step_across_a_line_is_found_at_every_scale_by_its_height(axis):
    change = torch.zeros(1, 300, 50, 2)
    change[:, 40:] = 6.0
    steps = line_steps(change if axis == 1 else change.transpose(1, 2), axis)
    for index, s in enumerate(SCALES):
        assert steps[index, 40] == pytest.approx(6.0)
        assert steps[index, 40 + s // 2] == pytest.approx(6.0 * (s - s // 2) / s), "half of one side is behind the step"
        assert steps[index, 40 + s] == pytest.approx(0, abs=1e-9)
        assert steps[index].isnan().sum() == 2 * s, "lines whose sides leave the picture"


def test_excess_and_rank_follow_from_the_steps():
    # columns 0, 1, 0, 1, …: every line has a step of 1; those at 16 and 32 have one of 4
    change = (torch.arange(48) % 2).float().repeat(8, 1)
    change[:, 16:32] += 3
    assert change[0, 16] - change[0, 15] == 2
    found, *_ = line_excess(change[None, ..., None], (16, 32), (), 16)
    # at 16 from 1 to 3, at 32 from 4 to 0: 3 on average; 1 at the other 15 places from -7 to 8
    assert found is not None
    assert found.excess == pytest.approx(3)
    assert found.p == pytest.approx(1 / 16)


def test_lines_that_cannot_be_moved_are_not_measured():
    found = line_excess(field(1, 64), (16, 32, 48), (16, 32, 48), 16)
    assert found[0] is not None
    assert found[2] is None, "no move by more than 16 pixels within half of a period of 16"
    assert line_excess(field(1, 64), (), (), 0) == [None] * len(SCALES)


def test_a_change_that_is_the_same_everywhere_has_no_excess():
    found = line_excess(torch.ones(1, 64, 64, 3), (32,), (32,), 32)
    assert [(value.excess, value.p) for value in found[:2]] == [(1, 1), (1, 1)]


# ---- the measure's own test: steps of known size in a change without seams ------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_hard_steps_are_found_from_2_of_255_on_and_the_more_the_higher_they_are(seed):
    lines = side_by_side(SIDE, TILE).all_lines
    steps = (0, 1, 2, 4, 8)
    found = [line_excess(field(seed) + checker(step), lines, lines, TILE) for step in steps]
    for scale in range(len(SCALES)):
        excesses = [values[scale].excess for values in found]
        assert excesses == sorted(excesses)
        assert excesses[-1] > 1.4
    assert [values[0].p < 0.05 for values in found] == [step >= 2 for step in steps]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_a_step_hidden_by_blurring_is_found_by_the_offset_of_tiles(seed):
    side, tile = 1152, 128
    axis, change = side_by_side(side, tile), field(seed, side)
    hard, soft, softer = (change + checker(8, blur, side, tile) for blur in (0, 8, 16))
    assert line_excess(soft, axis.all_lines, axis.all_lines, tile)[0].excess < 1.05, "no line is left"
    plain, *found = (tile_offset(values, axis, axis) for values in (change, softer, soft, hard))
    assert plain.p > 0.05
    assert all(value.p < 0.05 for value in found)
    assert plain.excess < found[0].excess < found[1].excess < found[2].excess


@pytest.mark.slow
def test_without_seams_every_rank_is_as_likely():
    axis = side_by_side(384, 48)
    changes = [field(seed, 384) for seed in range(20)]
    found = [line_excess(change, axis.all_lines, axis.all_lines, 48) for change in changes]
    for scale in range(len(SCALES)):
        assert kstest([values[scale].p for values in found], "uniform").pvalue > 0.02
        assert sum(values[scale].excess for values in found) / 20 == pytest.approx(1, abs=0.02)
    assert kstest([tile_offset(change, axis, axis).p for change in changes], "uniform").pvalue > 0.02


# ---- what comes back from tile to tile ------------------------------------------------------------------------------


@pytest.mark.parametrize(("axis", "harmonic"), [(2, 1), (1, 2), (2, 3)])
def test_a_soft_wave_that_no_line_shows_is_found_at_its_harmonic(axis, harmonic):
    across = torch.cos(torch.arange(SIDE) * 2 * math.pi * harmonic / TILE)
    wave = across[None, :, None] if axis == 2 else across[:, None, None]
    change = field(3) + 2.0 * wave
    found = periodicity(change, axis, TILE)
    assert found[harmonic - 1] > 30
    assert all(found[other - 1] < 15 for other in (1, 2, 3) if other != harmonic)
    assert all(value < 15 for value in periodicity(change, 3 - axis, TILE))
    lines = side_by_side(SIDE, TILE).all_lines
    if harmonic == 1:
        assert line_excess(change, lines, lines, TILE)[0].excess < 1.05


def test_a_period_that_a_picture_has_hardly_twice_cannot_be_told():
    first, *others = periodicity(field(0, 96), 2, 64)
    assert first is None
    assert None not in others


def test_the_same_noise_in_every_tile_is_a_repetition():
    generator = torch.Generator().manual_seed(5)
    same = torch.randn(1, 64, 64, 3, generator=generator).tile(1, 9, 9, 1)
    other = torch.randn(1, SIDE, SIDE, 3, generator=generator)
    for axis in (1, 2):
        assert repetition(same, axis, 128) == pytest.approx(1, abs=0.05)
        assert repetition(same + other, axis, 128) == pytest.approx(0.5, abs=0.05)
        assert repetition(other, axis, 128) == pytest.approx(0, abs=0.01)
        assert repetition(other, axis, SIDE) is None


# ---- all figures ----------------------------------------------------------------------------------------------------


def test_a_batch_counts_as_one_larger_picture():
    axis = side_by_side(192, 64)
    both = torch.cat([field(1, 192), field(2, 192)])
    found = measure(both, axis, axis)
    steps = torch.stack([line_steps(field(seed, 192), 2) for seed in (1, 2)]).mean(0)
    assert torch.allclose(line_steps(both, 2), steps, equal_nan=True)
    assert found.change == pytest.approx(9, abs=1e-3)


def test_the_change_leaves_transparency_out_and_counts_levels():
    before = torch.rand(2, 8, 6, 4)
    after = before + torch.tensor([0.1, 0.1, 0.1, 0.9])
    assert torch.allclose(change_of(after, before), torch.full((2, 8, 6, 3), 25.5), atol=1e-4)
    assert change_of(torch.rand(1, 4, 4, 2), torch.rand(1, 4, 4, 2)).shape == (1, 4, 4, 1)
    with pytest.raises(InputError, match=r"2 picture.s. of 6x8 pixels cannot be compared with 1 of 8x6"):
        change_of(after, torch.rand(1, 6, 8, 4))


def test_the_text_tells_every_figure_beside_the_untiled_one_and_what_they_come_to():
    axis = side_by_side(SIDE, TILE)
    stepped, plain = (measure(field(0) + checker(step), axis, axis) for step in (8, 0))
    told = Report(axis, axis, 1, stepped, plain, 3.25).text().split("\n")
    assert told[0] == "9 x 9 tiles, 8 lines across and 8 down"
    own, control = (figures.seam[0] for figures in (stepped, plain))
    assert told[1].startswith(f"Lines at 1, 4, 16 px: {own.excess:.2f} (p {own.p:.2f}), ")
    assert f"; untiled {control.excess:.2f} (p {control.p:.2f}), " in told[1]
    assert [line.split(":")[0] for line in told[2:-1]] == [
        "Tile offset", "Repetition", "Waves every 64 px across", "Waves every 64 px down", "Change",
        "Distance to untiled",
    ]  # fmt: skip
    assert told[-2] == "Distance to untiled: 3.2 of 255"
    assert told[-1].startswith("Seams: lines at 1 px, lines at 4 px, lines at 16 px")
    assert "the colour of tiles" in told[-1]
    assert Report(axis, axis, 1, plain).text().endswith("\nNo seam found.")
    assert Report(axis, axis, 1, stepped, stepped).verdict() == "No seam found.", "the untiled one has it, too"


def test_few_lines_are_said_to_be_few_and_one_tile_to_have_none():
    axis, one = side_by_side(192, 64), meetings(192, [(0, 192)])
    assert (
        "2 lines of a kind along an axis say little" in Report(axis, axis, 1, measure(field(0, 192), axis, axis)).text()
    )
    assert "say little" not in Report(axis, axis, 4, measure(field(0, 192), axis, axis)).text()
    assert Report(one, one, 1, measure(field(0, 192), one, one)).text().startswith("One tile: no lines to look at.\n")


def test_each_kind_of_line_is_told_apart():
    # a step where windows start, none where they end: the middles of 8-pixel overlaps see it within 16 pixels only
    spans = [(max(0, start - 8), min(SIDE, start + 64)) for start in range(0, SIDE, 64)]
    axis = meetings(SIDE, spans)
    change = field(4)
    for index, start in enumerate(axis.lines["window starts"]):
        change[:, :, start:] += 6.0 * (-1) ** index
    figures = measure(change, axis, side_by_side(SIDE, SIDE))
    assert figures.kinds["window starts"][0].excess > 1.3
    assert figures.kinds["window ends"][0].excess < 1.1
    assert "window starts at 1 px" in Report(axis, side_by_side(SIDE, SIDE), 1, figures).verdict()

"""The values of a sheet, and pictures of several kinds and sizes on it."""

import re

import pytest
import torch
from hires_pack.hires.errors import InputError
from hires_pack.hires.sheet.axes import axes, read_axis
from hires_pack.hires.sheet.drawing import check_pictures, draw_sheet, sheet_size


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1, 2,3", (1, 2, 3)),
        ("0.2\n0.4", (0.2, 0.4)),
        ("1-3, 7", (1, 2, 3, 7)),
        ("1-9 (+4)", (1, 5, 9)),
        ("3-1", (3, 2, 1)),
        ("0.2-0.6 [3]", (0.2, 0.4, 0.6)),
        ("-1, 1e-3", (-1, 0.001)),
        ("4x-one.pth, Lanczos", ("4x-one.pth", "Lanczos")),
        ('"a, b", 2', ("a, b", "2")),
        ("True, false", (True, False)),
        (" , ", ()),
    ],
)
def test_values(text, values):
    found = read_axis("", text, "x_values").values
    assert found == values
    assert list(map(type, found)) == list(map(type, values))


@pytest.mark.parametrize("text", ["1-1000", "1-2 (+0)", "1-5 [0]", "0-1 [101]"])
def test_ranges_that_are_none(text):
    with pytest.raises(InputError, match="it may be 1 to 100"):
        read_axis("", text, "x_values")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1-" + "9" * 400, "a number or range of 402 characters, '1-9999999999'..., is too long; it may have 60."),
        ("1-2 [" + "9" * 5000 + "]", "a number or range of 5006 characters"),
        ("1" * 450 + "-" + "1" * 450, "a number or range of 901 characters"),
        ("1-" + "9" * 50, "stands for 1e+50 values; it may be 1 to 100"),
        ("a" * 200_000, "the values cannot be read (field larger than field limit"),
        ("0.1-99.1," * 5000, "there are more than 100 values"),
        ("a," * 101, "there are more than 100 values"),
    ],
)
def test_what_is_too_long_is_told_in_short(text, said):
    with pytest.raises(InputError) as error:
        read_axis("", text, "y_values")
    assert said in str(error.value)
    assert len(str(error.value)) < 120
    assert error.value.input_name == "y_values"


@pytest.mark.parametrize("word", ["O.4", "0.4 0.6", "0..4", "1-5 (+2", "0.4x"])
def test_a_slip_among_numbers_is_named(word):
    with pytest.raises(InputError, match=re.escape(f"{word!r} is no number, and other values are")):
        read_axis("", f"0.2, {word}, 0.8", "x_values")


@pytest.mark.parametrize("words", [("4x", "v1.5"), ("1990", "Film"), ("4x-one.pth", "2")])
def test_names_may_be_like_numbers(words):
    assert read_axis("", ", ".join(words), "x_values").values == words


def test_a_long_name_is_a_text_that_is_never_taken_for_a_range():
    name = "1" * 20_000 + "-" + "1" * 20_000 + "x"  # took a time by the third power
    assert read_axis("", f"{name}, Lanczos", "x_values").values == (name, "Lanczos")


def test_pairs_are_row_by_row_and_labels_are_short():
    both = axes("Strength", "0.2, 0.5", "", "x/4x-one.pth, Lanczos")
    assert both.pairs == [(0.2, "x/4x-one.pth"), (0.5, "x/4x-one.pth"), (0.2, "Lanczos"), (0.5, "Lanczos")]
    assert (both.x.labels, both.y.labels) == (["Strength: 0.2", "Strength: 0.5"], ["4x-one", "Lanczos"])
    assert axes("", "1", "name", "").y.labels == [""]
    assert axes("", "12345678901234, 0.25", "", "true").x.labels == ["12345678901234", "0.25"]
    assert axes("", "true, false", "", "").x.labels == ["True", "False"]


@pytest.mark.parametrize("name", ["", "s", "a long name of many words " * 9, "n" * 300])
def test_a_sheet_has_the_size_that_is_said_and_every_pixel_of_its_pictures(name):
    both = axes(name, "1, 2", name, "3, 4, 5")
    pictures = [torch.full((2, 40, 60, 3), index / 8) for index in range(6)]
    sheet = draw_sheet(pictures, both)
    assert sheet.shape == (2, *sheet_size(both, (60, 40))[::-1], 3)
    for index in range(6):
        # as many pixels as the picture has; labels and paper are of other greys
        near = (sheet[0] - index / 8).abs().amax(-1) < 1e-6
        assert int(near.sum()) >= 40 * 60


def test_smaller_grey_and_transparent_pictures():
    both = axes("", "1, 2, 3", "", "")
    kinds = [torch.zeros(1, 40, 60, 3), torch.full((1, 20, 30, 1), 0.5), torch.zeros(1, 40, 60, 4)]
    sheet = draw_sheet(kinds, both)
    right = sheet[0, -40:, -60:]
    assert torch.equal(right, torch.ones_like(right))  # transparent: the white below
    middle = sheet[0, -40:, -128:-68]
    assert torch.equal(middle[10:30, 15:45], torch.full((20, 30, 3), 0.5))
    assert torch.equal(middle[:10], torch.ones(10, 60, 3))


def test_one_batch_of_all_pictures_is_taken_apart():
    both = axes("", "1, 2", "", "")
    assert [len(one) for one in check_pictures([torch.zeros(2, 8, 8, 3)], both)] == [1, 1]
    with pytest.raises(InputError, match="the batches have 1 to 2 pictures"):
        check_pictures([torch.zeros(2, 8, 8, 3), torch.zeros(1, 8, 8, 3)], both)

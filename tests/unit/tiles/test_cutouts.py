"""Regions are found where the mask or the boxes are, cut out with what surrounds them, and put back exactly."""

import numpy as np
import pytest
import torch
from hires_pack.hires.errors import InputError
from hires_pack.hires.tiles.boxes import Box
from hires_pack.hires.tiles.cutouts import MOST, Cutouts, Edges, cut_out, put_back, regions_of_boxes, regions_of_mask

ONE = (1, 200, 300)
PLAIN = Edges(context=0, grow=0, fade=0, size=0)


def mask(*boxes, size=(200, 300), value=1.0):
    drawn = torch.zeros(1, *size)
    for x0, y0, x1, y1 in boxes:
        drawn[0, y0:y1, x0:x1] = value
    return drawn


def test_each_connected_area_is_a_region():
    two = mask((10, 20, 90, 100), (150, 50, 250, 130))
    parts = regions_of_mask(two, ONE, True, PLAIN).parts
    assert [part.window for part in parts] == [Box(10, 20, 90, 100), Box(150, 50, 250, 130)]
    (whole,) = regions_of_mask(two, ONE, False, PLAIN).parts
    assert whole.window == Box(10, 20, 250, 130)
    assert not whole.alpha[:, 80:140].any()  # the gap between them is not redrawn


def test_areas_that_touch_by_a_corner_are_one():
    assert len(regions_of_mask(mask((0, 0, 80, 80), (80, 80, 160, 160)), ONE, True, PLAIN).parts) == 1


def test_context_is_a_share_of_the_longer_side_and_ends_at_the_picture():
    edges = Edges(context=0.5, grow=0, fade=0, size=0)
    (part,) = regions_of_mask(mask((20, 60, 120, 140)), ONE, True, edges).parts
    assert part.window == Box(0, 10, 170, 190)


def test_small_regions_get_surroundings():
    (part,) = regions_of_mask(mask((100, 100, 101, 101)), ONE, True, PLAIN).parts
    assert part.window.width >= 64 <= part.window.height
    assert part.alpha.sum() == 1


@pytest.mark.parametrize(("size", "drawn"), [(512, (512, 512)), (0, (96, 96)), (300, (288, 288))])
def test_a_region_has_as_many_pixels_as_a_square_of_that_side(size, drawn):
    (part,) = regions_of_mask(mask((10, 20, 90, 100)), ONE, True, Edges(0, 0, 0, size)).parts
    assert part.size == drawn


def test_a_wide_region_keeps_its_shape():
    (part,) = regions_of_mask(mask((0, 0, 256, 64)), ONE, True, Edges(0, 0, 0, 512)).parts
    assert part.size == (1024, 256)


def test_growing_and_fading():
    (part,) = regions_of_mask(mask((100, 100, 140, 140)), ONE, True, Edges(1, grow=10, fade=4, size=0)).parts
    place = Box(90, 90, 150, 150).within(part.window)  # grown by ten
    row = part.alpha[(place.y0 + place.y1) // 2]
    assert not row[: place.x0].any()
    assert not row[place.x1 :].any()
    np.testing.assert_allclose(row[place.x0 : place.x0 + 6], [0.2, 0.4, 0.6, 0.8, 1, 1], rtol=1e-6)
    np.testing.assert_allclose(row[place.x0 : place.x1], row[place.x0 : place.x1][::-1])


def test_no_fade_at_the_picture_s_own_edge():
    (part,) = regions_of_mask(mask((0, 0, 50, 200)), ONE, True, Edges(0, 0, fade=8, size=0)).parts
    assert (part.alpha[:, 0] == 1).all()
    assert part.alpha[100, 49] == pytest.approx(1 / 9)
    (everything,) = regions_of_mask(mask((0, 0, 300, 200)), ONE, True, Edges(0, 0, fade=8, size=0)).parts
    assert (everything.alpha == 1).all()


def test_a_region_thinner_than_its_fade_is_seen_in_full_along_its_middle():
    (part,) = regions_of_mask(mask((100, 50, 107, 150)), ONE, True, Edges(1, 0, fade=50, size=0)).parts
    assert part.alpha.max() == 1


def test_grey_masks_are_laid_over_in_part():
    (part,) = regions_of_mask(mask((10, 10, 100, 100), value=0.25), ONE, True, PLAIN).parts
    assert set(np.unique(part.alpha)) == {0.25}


def test_one_mask_serves_all_pictures_and_many_serve_each_its_own():
    pictures = (2, 200, 300)
    one = mask((10, 10, 90, 90))
    assert [part.picture for part in regions_of_mask(one, pictures, True, PLAIN).parts] == [0, 1]
    each = torch.cat([torch.zeros_like(one), one])
    assert [part.picture for part in regions_of_mask(each, pictures, True, PLAIN).parts] == [1]


@pytest.mark.parametrize(
    ("boxes", "found"),
    [
        ({"x": 10, "y": 20, "width": 80, "height": 90}, [(0, Box(10, 20, 90, 110)), (1, Box(10, 20, 90, 110))]),
        ([{"x": -20, "y": 20.4, "width": 100.2, "height": 90}], [(0, Box(0, 20, 81, 111)), (1, Box(0, 20, 81, 111))]),
        ([[], [{"x": 10, "y": 20, "width": 80, "height": 90, "label": "face"}]], [(1, Box(10, 20, 90, 110))]),
        ([[], []], []),
        ([], []),
        ([{"x": 400, "y": 20, "width": 80, "height": 90}], []),  # outside
    ],
)
def test_boxes_of_core(boxes, found):
    parts = regions_of_boxes(boxes, (2, 200, 300), PLAIN).parts
    assert [(part.picture, part.window) for part in parts] == found


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ("face", "bounding box output"),
        ([[], [], []], "for 2 pictures"),
        ([{"x": 1, "y": 2}], "x, y, width and height"),
        ([{"x": 1, "y": 2, "width": float("nan"), "height": 3}], "x, y, width and height"),
        ([{"x": 1, "y": 2, "width": 3, "height": 3}] * (MOST + 1), f"{MOST} are the most"),
    ],
)
def test_what_is_no_box_is_refused(boxes, words):
    with pytest.raises(InputError, match=words):
        regions_of_boxes(boxes, (2, 200, 300), PLAIN)


@pytest.mark.parametrize(
    ("drawn", "words"),
    [
        (torch.ones(1, 100, 300), "one mask of that size"),
        (torch.ones(3, 200, 300), "one for each picture"),
        (torch.full((1, 200, 300), float("nan")), "NaN"),
        (
            (torch.arange(200 * 300).reshape(1, 200, 300) % 4 == 0).float() * (torch.arange(200) % 4 == 0)[:, None],
            "specks",
        ),
    ],
    ids=["size", "number", "nan", "specks"],
)
def test_masks_that_do_not_fit_are_refused(drawn, words):
    with pytest.raises(InputError, match=words):
        regions_of_mask(drawn, ONE, True, PLAIN)


def test_an_empty_mask_of_any_size_has_no_region():
    found = regions_of_mask(torch.zeros(1, 64, 64), ONE, True, PLAIN)
    assert found == Cutouts(ONE, ())
    assert found.text == "nothing to redraw"


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_what_comes_back_unchanged_changes_nothing(channels):
    """At the picture's own scale a region goes there and back bit by bit."""
    image = torch.rand(2, 200, 304, channels)
    found = regions_of_mask(mask((0, 24, 96, 120), (160, 40, 256, 136), size=(200, 304)), (2, 200, 304), True, PLAIN)
    cut = [cut_out(image, part) for part in found.parts]
    assert all(picture.shape[1:3] == taken.shape[1:] for picture, taken in cut)
    back = put_back(image, found, [picture for picture, _ in cut])
    if channels > 2:
        assert torch.equal(back, image)
    else:  # grey has become RGB
        assert torch.equal(back[..., :3], image[..., :1].expand(-1, -1, -1, 3))
        assert torch.equal(back[..., 3:], image[..., 1:])


def test_only_the_region_changes_and_it_changes_by_its_alpha():
    image = torch.rand(1, 200, 300, 4)
    image[0, 0, 0] = float("inf")  # what lies outside need not even be a number
    found = regions_of_mask(mask((100, 60, 180, 140)), ONE, True, Edges(0.5, grow=4, fade=6, size=256))
    (part,) = found.parts
    back = put_back(image, found, [torch.ones(1, 77, 55, 3)])  # of any size
    window = part.window
    alpha = torch.zeros(200, 300)
    alpha[window.y0 : window.y1, window.x0 : window.x1] = torch.from_numpy(part.alpha)
    outside = alpha == 0
    assert torch.equal(back[0][outside], image[0][outside])
    expected = image[0, ..., :3] + alpha[..., None] * (1 - image[0, ..., :3])
    torch.testing.assert_close(back[0, ..., :3][~outside], expected[~outside])
    assert torch.equal(back[..., 3], image[..., 3])


@pytest.mark.parametrize(
    ("image", "redrawn", "words"),
    [
        (torch.rand(1, 200, 301, 3), [torch.rand(1, 80, 80, 3)], "300x200 pixels, but these are 1 of 301x200"),
        (torch.rand(1, 200, 300, 3), [], "1 regions, but 0"),
        (torch.rand(1, 200, 300, 3), [torch.rand(2, 80, 80, 3)], "one RGB picture"),
    ],
)
def test_what_cannot_be_put_back_is_refused(image, redrawn, words):
    found = regions_of_mask(mask((10, 20, 90, 100)), ONE, True, PLAIN)
    with pytest.raises(InputError, match=words):
        put_back(image, found, redrawn)

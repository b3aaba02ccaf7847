"""Alignment, resampling and pasting of faces, against closed forms."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hires_pack.hires.errors import InputError
from hires_pack.hires.tiles.boxes import Box
from hires_pack.tests.tolerances import FLOAT32, ROUNDED
from hires_pack.upscale_models.faces import (
    FACE_SIZE,
    Placement,
    Similarity,
    place,
    points_of_landmarks,
    restore_faces,
    whole_picture,
)
from hires_pack.upscale_models.faces.alignment import TEMPLATE, fit_similarity
from hires_pack.upscale_models.faces.restore import AROUND, FEATHER
from hires_pack.upscale_models.faces.warp import warp

FACE = Box(0, 0, FACE_SIZE, FACE_SIZE)


def turned(degrees, scale, shift):
    return Similarity(scale * np.exp(1j * np.radians(degrees)), shift)


def smooth(height, width, channels=3):
    """Waves of 60 pixels and more."""
    y = torch.arange(height, dtype=torch.float64)[:, None, None]
    x = torch.arange(width, dtype=torch.float64)[None, :, None]
    phase = torch.arange(channels, dtype=torch.float64)
    return (0.5 + 0.2 * torch.sin(x / 10 + phase) + 0.2 * torch.cos(y / 13 - phase)).float()[None]


# ---- alignment ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("degrees", "scale", "shift"), [(0, 1, 0), (30, 0.4, 200 + 90j), (-170, 7.5, -3e3 + 5e3j)])
def test_a_moved_face_is_found_exactly(degrees, scale, shift):
    move = turned(degrees, scale, shift)
    back = fit_similarity(move(TEMPLATE), TEMPLATE)
    assert back.turn == pytest.approx(1 / move.turn, rel=1e-12)
    assert np.abs(back(move(TEMPLATE)) - TEMPLATE).max() < 1e-9
    assert back.scale == pytest.approx(1 / scale)
    assert np.abs(move.inverse()(move(TEMPLATE)) - TEMPLATE).max() < 1e-9


def test_a_face_that_does_not_fit_gets_the_least_squared_error():
    """Against numpy's solution of the same four unknowns as a plain linear system."""
    rng = np.random.default_rng(3)
    points = TEMPLATE * 0.3 + rng.normal(0, 6, 5) + 1j * rng.normal(0, 6, 5)
    rows = []
    for z in points:
        rows += [[z.real, -z.imag, 1, 0], [z.imag, z.real, 0, 1]]
    expected, *_ = np.linalg.lstsq(np.array(rows), np.array([[z.real, z.imag] for z in TEMPLATE]).ravel(), rcond=None)
    found = fit_similarity(points, TEMPLATE)
    assert [found.turn.real, found.turn.imag, found.shift.real, found.shift.imag] == pytest.approx(expected, rel=1e-9)


def test_a_mirrored_face_is_not_mirrored_back():
    found = fit_similarity(np.conj(TEMPLATE), TEMPLATE)
    assert np.abs(found(np.conj(TEMPLATE)) - TEMPLATE).max() > 10  # a reflection would reach 0


@pytest.mark.parametrize(("distance", "large_enough"), [(4.99, False), (5.0, True)])
def test_faces_with_eyes_closer_than_five_pixels_are_left_out(distance, large_enough):
    points = TEMPLATE * (distance / abs(TEMPLATE[1] - TEMPLATE[0]) * (1 + 1e-12))
    assert (place(points) is not None) == large_enough
    assert place(np.full(5, 40 + 40j)) is None


def test_points_that_are_no_face_are_left_out():
    """A profile is one: all points nearly on one line. Upside down in a mirror is none, nor is a cross."""
    assert place(TEMPLATE.real * 0.1 + 1j * TEMPLATE.imag) is not None
    assert place(np.conj(TEMPLATE)) is None
    assert place(np.array([0, 90, 45 + 0j, 45 - 45j, 45 + 45j])) is None


# ---- resampling -----------------------------------------------------------------------------------------------------


def test_unmoved_and_shifted_pixels_are_exact():
    picture = torch.rand(40, 60, 3)
    assert (warp(picture, Similarity(1, 0), Box(0, 0, 60, 40)) - picture).abs().max() < FLOAT32
    part = warp(picture, Similarity(1, 7 + 5j), Box(2, 3, 20, 30))
    assert (part - picture[8:35, 9:27]).abs().max() < FLOAT32


def test_a_quarter_turn():
    picture = torch.rand(30, 50, 1)
    # (x, y) of the result comes from (y, 30 - x): the left column was the bottom row
    turned_round = warp(picture, Similarity(-1j, 30j), Box(0, 0, 30, 50))
    assert (turned_round - torch.rot90(picture, -1)).abs().max() < FLOAT32


@pytest.mark.parametrize("factor", [2, 5])
def test_shrinking_takes_the_mean_of_all_pixels(factor):
    picture = torch.rand(16 * factor, 24 * factor, 3)
    small = warp(picture, Similarity(factor, 0), Box(0, 0, 24, 16))
    expected = F.avg_pool2d(picture.permute(2, 0, 1), factor).permute(1, 2, 0)
    assert (small - expected).abs().max() < FLOAT32


@pytest.mark.parametrize("scale", [0.13, 0.8, 1.7, 6.3])
def test_a_ramp_stays_a_ramp(scale):
    """Any turn and factor: the bicubic filter and the means keep what is linear. Large ones are made in bands."""
    size = 400 if scale < 1 else int(800 * scale)
    y, x = torch.meshgrid(torch.arange(size) + 0.5, torch.arange(size) + 0.5, indexing="ij")
    ramp = ((0.7 * x + 0.3 * y) / size)[..., None]
    move = turned(17, scale, size / 2 * (1 + 1j))
    move = Similarity(move.turn, move.shift - move.turn * (256 + 256j))
    found = warp(ramp, move, FACE)[..., 0]
    yy, xx = np.mgrid[0:FACE_SIZE, 0:FACE_SIZE] + 0.5
    source = move(xx + 1j * yy)
    inside = (np.abs(source.real - size / 2) < size / 2 - 10) & (np.abs(source.imag - size / 2) < size / 2 - 10)
    assert inside.sum() > 1000
    expected = (0.7 * source.real + 0.3 * source.imag) / size
    assert np.abs(found.numpy() - expected)[inside].max() < 2e-4


def test_beyond_the_picture_there_is_one_colour_or_its_edge():
    picture = torch.rand(8, 8, 3)
    around = warp(picture, Similarity(1, -100), Box(0, 0, 8, 8), (0.25, 0.5, 0.75))
    assert (around - torch.tensor([0.25, 0.5, 0.75])).abs().max() < ROUNDED
    edge = warp(picture, Similarity(1, -100), Box(0, 0, 8, 8))
    assert (edge - picture[:, :1]).abs().max() < FLOAT32


# ---- restoring ------------------------------------------------------------------------------------------------------


def unchanged(face):
    return face


def white(face):
    return torch.ones_like(face)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("degrees", "scale", "tolerance"), [(0, 1.0, 1e-5), (25, 2.5, 0.002), (-140, 0.9, 0.004), (10, 4.7, 0.01)]
)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_model_that_does_nothing_gives_the_picture_back(channels, degrees, scale, tolerance):
    """`scale` is that of the picture to the face. Exactly outside of it, else within the error of two resamplings."""
    image = smooth(480, 400, channels)
    before = image.clone()
    to_face = turned(degrees, scale, 0)
    to_face = Similarity(to_face.turn, 256 + 256j - to_face.turn * (210 + 230j))
    result, [[box]] = restore_faces(image, [[Placement(to_face)]], unchanged)
    assert torch.equal(image, before)
    assert (result - image).abs().max() < tolerance
    assert result.shape == image.shape
    outside = torch.ones(480, 400, dtype=torch.bool)
    outside[box.y0 : box.y1, box.x0 : box.x1] = False
    assert torch.equal(result[0][outside], image[0][outside])
    if channels in (2, 4):
        assert torch.equal(result[..., -1], image[..., -1])


def test_the_model_sees_the_face_upright():
    """A picture made by turning a known face: the model gets that face back."""
    face = smooth(FACE_SIZE, FACE_SIZE)[0]
    to_face = turned(40, 1.6, 0)
    to_face = Similarity(to_face.turn, 256 + 256j - to_face.turn * (320 + 300j))
    picture = warp(face, to_face, Box(0, 0, 640, 600), AROUND)[None]
    seen = []
    restore_faces(picture, [[Placement(to_face)]], lambda given: seen.append(given.clone()) or given)
    middle = slice(60, -60)
    assert seen[0].shape == (1, 3, FACE_SIZE, FACE_SIZE)
    assert (seen[0][0].permute(1, 2, 0) - face)[middle, middle].abs().max() < 0.01


def test_the_soft_edge():
    """A white face on black, upright and pixel for pixel: the mask itself."""
    image = torch.zeros(1, 600, 600, 1)
    face = Placement(Similarity(1, -20 - 40j))
    result, [[box]] = restore_faces(image, [[face]], white)
    assert box == (20, 40, 20 + FACE_SIZE, 40 + FACE_SIZE)
    mask = result[0, 40:552, 20:532, 0]
    t = ((torch.arange(FACE_SIZE) + 0.5) / FEATHER).clamp(0, 1)
    rising = 3 * t**2 - 2 * t**3
    assert (mask[256] - torch.minimum(rising, rising.flip(0))).abs().max() < FLOAT32
    assert torch.allclose(mask, mask.T, atol=FLOAT32)
    assert (mask[:, 256:257] * mask[256:257] - mask).abs().max() < FLOAT32
    steepest = 1.5 / FEATHER  # of 3t^2 - 2t^3, in the middle
    assert mask.diff(dim=0).abs().max() <= steepest + 1e-5
    assert mask[0].max() < 0.001
    assert (mask[60:-60, 60:-60] == 1).all()


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("visibility", [0.3, 0.85])
def test_visibility_blends_the_whole_results(visibility, channels):
    image = torch.rand(2, 200, 300, channels)
    faces = [[Placement(turned(20, 3, 60 - 40j))], [Placement(turned(-8, 4, -99j)), Placement(turned(5, 5, -200))]]
    full, boxes = restore_faces(image, faces, white)
    half, same = restore_faces(image, faces, white, visibility)
    assert same == boxes
    assert (half - (image + visibility * (full - image))).abs().max() < ROUNDED
    assert torch.equal(half[full == image], image[full == image])


def test_at_visibility_0_nothing_is_computed():
    image = torch.rand(1, 64, 64, 3)
    result, boxes = restore_faces(image, [[whole_picture(64, 64)]], lambda face: pytest.fail("ran"), 0.0)
    assert torch.equal(result, image)
    assert boxes == [[(0, 0, 64, 64)]]


def test_faces_that_overlap_are_cut_out_of_the_original():
    image = smooth(300, 300)
    face = Placement(turned(0, 2, -40 - 40j))
    once, _ = restore_faces(image, [[face]], lambda given: 1 - given)
    twice, _ = restore_faces(image, [[face, face]], lambda given: 1 - given)
    middle = slice(80, 220)
    assert (once + image - 1)[:, middle, middle].abs().max() < 0.002
    assert (twice - once)[:, middle, middle].abs().max() < ROUNDED


def test_a_face_at_the_edge_shows_grey_beyond_the_picture_and_keeps_its_rest():
    image = smooth(200, 200)
    seen = []
    face = Placement(Similarity(2, 256 + 100j))  # half of it lies left of the picture
    result, [[box]] = restore_faces(image, [[face]], lambda given: seen.append(given) or given)
    assert box == (0, 0, 128, 200)
    assert (seen[0][0, :, 256, :250] - torch.tensor(AROUND)[:, None]).abs().max() < FLOAT32
    assert (result - image).abs().max() < 0.01


@pytest.mark.parametrize("shift", [-9000, 9000, -9000j, 9000j])
def test_a_face_outside_is_left_out(shift):
    image = torch.rand(1, 90, 70, 3)
    result, boxes = restore_faces(image, [[Placement(Similarity(1, shift))]], white)
    assert boxes == [[]]
    assert torch.equal(result, image)


def test_without_faces_the_picture_comes_back():
    image = torch.rand(2, 9, 7, 4)
    result, boxes = restore_faces(image, [[], []], white)
    assert torch.equal(result, image)
    assert boxes == [[], []]


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(512, 512), (96, 96), (90, 120), (1, 1), (1200, 700)])
def test_the_whole_picture_as_a_face(width, height):
    image = smooth(height, width)
    result, boxes = restore_faces(image, [[whole_picture(width, height)]], unchanged)
    assert boxes == [[(0, 0, width, height)]]
    assert (result - image).abs()[:, 3:-3, 3:-3].sum() == pytest.approx(0, abs=0.003 * image.numel())
    covered, _ = restore_faces(image, [[whole_picture(width, height)]], white)
    assert covered.min() > 1 - 1e-6


def test_half_precision_outside_is_untouched():
    image = torch.rand(1, 100, 100, 3).half()
    result, _ = restore_faces(image, [[Placement(turned(0, 8, -200 - 200j))]], white)
    changed = (result != image).any(-1)[0]
    assert result.dtype == torch.float16
    assert changed[30:80, 30:80].all()
    assert not changed[:25].any()


def test_progress_and_cancel():
    image, heard = torch.rand(2, 60, 60, 3), []
    faces = [[whole_picture(60, 60)] * 2, [whole_picture(60, 60)]]
    restore_faces(image, faces, unchanged, on_face=lambda done, total: heard.append((done, total)))
    assert heard == [(1, 3), (2, 3), (3, 3)]

    class CancelError(Exception):
        pass

    def cancel(done, total):
        heard.append(done)
        raise CancelError

    heard.clear()
    with pytest.raises(CancelError):
        restore_faces(image, faces, unchanged, on_face=cancel)
    assert heard == [1]


# ---- landmarks ------------------------------------------------------------------------------------------------------


def mesh(points, count=478):
    """A mesh whose five points are these, in the places that MediaPipe gives them; eyes by their two corners."""
    landmarks = np.random.default_rng(1).uniform(0, 9, (count, 2)).astype(np.float32)
    for index, point, offset in (
        (33, 0, -8), (133, 0, 8), (362, 1, -8), (263, 1, 8), (1, 2, 0), (61, 3, 0), (291, 4, 0)
    ):  # fmt: skip
        landmarks[index] = points[point].real + offset, points[point].imag
    return landmarks


@pytest.mark.parametrize("count", [468, 478])
def test_five_points_of_a_mesh(count):
    face = {"landmarks_xy": mesh(TEMPLATE, count)}
    landmarks = {"frames": [[], [face, face]], "image_size": (600, 500)}
    none, two = points_of_landmarks(landmarks, 500, 600, 2)
    assert (none, len(two)) == ([], 2)
    assert np.abs(two[0] - TEMPLATE).max() < 1e-4


def test_landmarks_of_another_size_move_along():
    landmarks = {"frames": [[{"landmarks_xy": mesh(TEMPLATE)}]], "image_size": (600, 500)}
    [[points]] = points_of_landmarks(landmarks, 2000, 1200, 1)
    assert np.abs(points - (TEMPLATE.real * 4 + 2j * TEMPLATE.imag)).max() < 1e-3


@pytest.mark.parametrize(
    ("landmarks", "words"),
    [
        (None, "found NoneType"),
        ({"frames": []}, "found dict"),
        ({"frames": [[], []], "image_size": (8, 8)}, "of 2 pictures, but there are 1"),
        ({"frames": [[{"landmarks_xy": np.zeros((5, 2))}]], "image_size": (8, 8)}, r"shape \(5, 2\)"),
        ({"frames": [[{"landmarks_xy": np.full((478, 2), np.nan)}]], "image_size": (8, 8)}, "not numbers"),
    ],
)
def test_other_landmarks_are_refused(landmarks, words):
    with pytest.raises(InputError, match=words) as error:
        points_of_landmarks(landmarks, 8, 8, 1)
    assert error.value.input_name == "face_landmarks"

"""Places in prompts that count pixels move with the picture."""

import pytest
from hires_pack.hires.sizes.regions import FIRST_PASS, FirstPass, Move, enlarged, places


class Latent:
    """Samples as far as `enlarged` looks at them."""

    def __init__(self, *shape):
        self.shape = shape


def test_an_area_doubles_with_the_picture():
    move = Move(16, 16).then((32, 32), 0, 0, (32, 32))
    assert move.extra({"area": (16, 8, 0, 8), "strength": 1.0}) == {"area": (32, 16, 0, 16), "strength": 1.0}


def test_neighbours_still_touch_at_odd_factors():
    move = Move(10, 10).then((17, 17), 0, 0, (17, 17))
    halves = [move.extra({"area": (10, 5, 0, x)})["area"] for x in (0, 5)]
    assert halves == [(17, 8, 0, 0), (17, 9, 0, 8)]  # 5 cells reach to 8.5, which rounds to 8 for both


def test_a_crop_shifts_and_cuts():
    # 16x16 covers 32 wide, 20 high: enlarged to 32x32, six rows off the top and the bottom
    move = Move(16, 16).then((32, 32), 6, 0, (20, 32))
    assert move.extra({"area": (16, 16, 0, 0)})["area"] == (20, 32, 0, 0)
    assert move.extra({"area": (4, 8, 8, 0)})["area"] == (8, 16, 10, 0)
    height, _, y, _ = move.extra({"area": (2, 8, 0, 0)})["area"]  # cut away: one cell within the picture is left
    assert 0 <= y <= y + height <= 20
    assert height >= 1


def test_steps_add_up():
    twice = Move(8, 8).then((16, 16), 2, 0, (12, 16)).then((36, 48), 0, 4, (36, 40))
    at_once = Move(8, 8).then((48, 48), 6, 4, (36, 40))
    assert twice == at_once
    assert Move(8, 8).fitted(8, 8) == Move(8, 8)


def test_gligen_boxes_move_and_percentages_and_masks_do_not():
    move = Move(16, 16).then((24, 32), 0, 0, (24, 32))
    extra = {"gligen": ("position", "model", [("words", 4, 8, 0, 2)]), "mask": "mask"}
    assert move.extra(extra) == {"gligen": ("position", "model", [("words", 6, 16, 0, 4)]), "mask": "mask"}
    for untouched in ({"area": ("percentage", 0.5, 1.0, 0.0, 0.0)}, {"mask": "mask", "set_area_to_bounds": True}, {}):
        assert move.extra(untouched) is untouched


def test_only_the_first_pass_s_places_move():
    move = Move(16, 16).then((32, 32), 0, 0, (32, 32))
    first = FirstPass(places([{"area": (16, 8, 0, 0)}]), move)
    own = {"area": (20, 20, 4, 4)}
    assert move.extra(own, first.places) is own
    assert move.extra({"area": (16, 8, 0, 0)}, first.places)["area"] == (32, 16, 0, 0)


def test_a_latent_keeps_count_of_what_was_done_to_it():
    latent = {"samples": Latent(1, 4, 20, 32), FIRST_PASS: FirstPass(frozenset(), Move(16, 16))}
    move = enlarged(latent, (32, 32), 6, 0)[FIRST_PASS].move
    assert (move.down, move.across, move.top, move.left) == (2.0, 2.0, 6.0, 0.0)
    assert (move.height, move.width) == (20, 32)
    plain = {"samples": Latent(1, 4, 20, 32)}
    assert enlarged(plain, (32, 32), 6, 0) is plain


@pytest.mark.parametrize("area", [(1, 1, 15, 15), (64, 64, 0, 0), (8, 8, 40, 40)])
def test_an_area_stays_within_the_picture(area):
    height, width, y, x = Move(16, 16).then((8, 8), 0, 0, (8, 8)).extra({"area": area})["area"]
    assert 0 <= y < y + height <= 8
    assert 0 <= x < x + width <= 8

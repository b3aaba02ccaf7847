"""Plans as data and as text: what acts where, and that a text says the same again."""

import pytest
import torch
from hires_pack.hires.errors import InputError
from hires_pack.hires.tile_plan.drawing import draw_plan
from hires_pack.hires.tile_plan.flat import detail, flat_tiles
from hires_pack.hires.tile_plan.plan import Rule, TilePlan, Words, less_work
from hires_pack.hires.tile_plan.text import Places, read_plan, write_plan
from hires_pack.hires.tiles.boxes import Box
from hypothesis import given, settings
from hypothesis import strategies as st

SIZE = (640, 480)
TILES = tuple(Box(x, y, x + 160, y + 160) for y in range(0, 480, 160) for x in range(0, 640, 160))
PLACES = Places(SIZE, TILES, 4, 2)


def read(text):
    return read_plan(text, PLACES)


TEXTS = {
    "tile 6 | skip": [Rule(TILES[5], 0.0)],
    "tiles 1-2, 7|strength=12.5%": [Rule(TILES[n], 0.125) for n in (0, 1, 6)],
    "Row 2 | STRENGTH 50% | prompt: a [b|c], | d": [Rule(Box(0, 160, 640, 320), 0.5, "a [b|c], | d")],
    "columns 3-4 | add: birds": [Rule(Box(x, 0, x + 160, 480), None, "birds", True) for x in (320, 480)],
    "mask | skip": [Rule(0, 0.0)],
    "mask 2 | add: x": [Rule(1, None, "x", True)],
    "all | strength 0% # ?": None,
    "all | strength 100%": [Rule(Box(0, 0, *SIZE), 1.0)],
    "50% 0% 50% 25% | skip": [Rule(Box(320, 0, 640, 120), 0.0)],
    "-10, -10, 30, 1000 | skip | # my box": [Rule(Box(0, 0, 20, 480), 0.0)],
    "0.5 0.5 0.1 0.1 | skip": [Rule(Box(0, 0, 1, 1), 0.0)],
    "": [],
    "# tile 1 | skip\n\n   \t\r\n": [],
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_line_is_read_or_refused(text):
    expected = TEXTS[text]
    if expected is None:
        with pytest.raises(InputError, match="line 1 of the plan"):
            read(text)
    else:
        assert list(read(text)) == expected
        assert read(write_plan(read(text), PLACES, ["a note"])) == tuple(expected)


REFUSED = {
    "tile | skip": "does not say which tile",
    "tile 0 | skip": "there are tiles 1 to 12",
    "tile 3-2 | skip": "is not there",
    "tiles 1-9999999 | skip": "there are tiles 1 to 12",
    "row 4 | skip": "there are rows 1 to 3",
    "mask 3 | skip": "there are masks 1 to 2",
    "0 0 10 | skip": "is no place",
    "0 0 nan 10 | skip": "is no place",
    "0 0 1e9 10 | skip": "is no place",
    "٠ 0 10 10 | skip": "is no place",
    "0 0 0 10 | skip": "both must be above 0",
    "0 0 -5 10 | skip": "both must be above 0",
    "9000 0 10 10 | skip": "outside of the picture of 640x480 pixels",
    "tile 1": "does not say what to do",
    "tile 1 | |": "does not say what to do",
    "tile 1 | strength 0.5": "must be a share of the pass's strength, such as 50%",
    "tile 1 | strength 101%": "0% to 100%",
    "tile 1 | strength -1%": "0% to 100%",
    "tile 1 | skip | strength 10%": "two strengths",
    "tile 1 | prompt:   ": "no words",
    "tile 1 | blue sky": "neither 'skip'",
    "skip": "does not say what to do",
    "skip | skip": "is no place",
    "\0\0 | skip": "is no place",
    "\n" * 1001: "1000 are the most",
    "x" * 100_001: "100000 are the most",
    "tiles 1-12 | skip\n" * 900: "more than 10000 tiles",
}


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_plan_is_refused_in_a_sentence(text):
    with pytest.raises(InputError, match=REFUSED[text].replace("(", r"\(")) as error:
        read(text)
    assert error.value.input_name == "plan"
    assert len(str(error.value)) < 500


def test_a_mask_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="no mask is connected"):
        read_plan("mask | skip", Places(SIZE, TILES, 4))


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet="0123456789 .,%-|:#tileskprowmadnghcuf\n\té", max_size=80))
def test_any_text_is_a_plan_or_a_sentence_and_comes_back_the_same(text):
    try:
        rules = read(text)
    except InputError:
        return
    assert read(write_plan(rules, PLACES)) == rules


# ---- places -----------------------------------------------------------------------------------------------------


def plan_of(text, fade=0, masks=None):
    return TilePlan(SIZE, read(text), masks, fade)


def test_later_lines_go_over_earlier_ones():
    strength = plan_of("row 1 | skip\ntile 2 | strength 25%\n0 160 640 1 | strength 75%").strength(40, 30)
    expected = torch.ones(30, 40)
    expected[:10], expected[:10, 10:20], expected[10] = 0, 0.25, 0.75
    assert torch.equal(strength, expected)


def test_a_box_smaller_than_a_cell_still_acts():
    assert int((plan_of("3 3 2 2 | skip").strength(40, 30) == 0).sum()) == 1


def test_what_is_skipped_stays_whole_and_the_rest_fades_into_it():
    """From the edge on, 64 pixels or 4 cells: 5 values between 0 and 1 in steps of a fifth, for an odd mean."""
    strength = plan_of("0 0 320 480 | skip", fade=64).strength(40, 30)
    row = strength[0]
    assert bool((row[:20] == 0).all())
    assert torch.allclose(row[20:25], torch.tensor([1, 2, 3, 4, 5]) / 5)
    assert bool((row[25:] == 1).all())
    assert torch.equal(strength, row.expand(30, 40))


def test_two_skipped_tiles_have_nothing_between_them():
    strength = plan_of("tiles 1-2 | skip", fade=64).strength(40, 30)
    assert bool((strength[:10, :20] == 0).all())


def test_a_mask_acts_by_its_values_at_any_size():
    mask = torch.zeros(2, 48, 64)
    mask[1, :, :32], mask[1, :, 32:48] = 1, 0.5
    strength = plan_of("mask 2 | skip", masks=mask).strength(64, 48)
    assert torch.allclose(strength, 1 - mask[1])
    assert float(plan_of("mask 2 | skip", masks=mask).strength(32, 24)[:, :15].max()) == 0


def weights(plan, columns=40, rows=30):
    return {one.words: one.weights for one in plan.words(columns, rows)}


@pytest.mark.parametrize("fade", [0, 80])
def test_words_lie_over_each_other_and_sum_to_one(fade):
    plan = plan_of("row 1 | prompt: sky\ncolumn 1 | add: tree\ntile 1 | add: bird\nrow 3 | prompt: sea", fade)
    found = weights(plan)
    assert set(found) == {
        Words(None, ()), Words("sky", ()), Words("sky", ("tree", "bird")), Words(None, ("tree",)), Words("sea", ()),
    }  # fmt: skip
    assert torch.allclose(sum(found.values()), torch.ones(30, 40), atol=1e-6)
    assert float(found["sea", ()][25].min()) == 1.0
    assert float(found["sky", ("tree", "bird")][3, 3]) == 1.0


def test_words_that_are_covered_are_gone():
    assert set(weights(plan_of("tile 1 | add: a\nall | prompt: b"))) == {Words("b", ())}


def test_too_many_overlapping_words_are_refused():
    text = "\n".join(f"{n * 10}  0 {300 - n} 480 | add: {n}" for n in range(30))
    soft = "\n".join(f"mask | add: {n}" for n in range(8))
    assert len(plan_of(text).words(64, 48)) <= 64
    with pytest.raises(InputError, match="more than 64 different prompts"):
        plan_of(soft, masks=torch.full((1, 8, 8), 0.5)).words(64, 48)


@pytest.mark.parametrize("fade", [0, 100])
def test_a_cut_plan_is_the_part_of_the_whole(fade):
    """At twice the size: a part in its own cells is what the whole has there, faded edges and masks included."""
    masks = torch.rand(1, 60, 80, generator=torch.Generator().manual_seed(1))
    plan = plan_of("tile 6 | skip\nmask | strength 30%\nrow 1 | prompt: a\n100 50 90 200 | add: b", fade, masks)
    whole, words = plan.strength(160, 120), weights(plan, 160, 120)
    for box in (Box(0, 0, 320, 240), Box(320, 160, 640, 960), Box(1000, 640, 1280, 960)):
        part = plan.cut(box, (1280, 960))
        x0, y0, x1, y1 = (side // 8 for side in box)
        assert torch.allclose(part.strength(x1 - x0, y1 - y0), whole[y0:y1, x0:x1], atol=1e-5)
        for key, own in weights(part, x1 - x0, y1 - y0).items():
            assert torch.allclose(own, words[key][y0:y1, x0:x1], atol=1e-5)


def test_a_tile_as_a_whole():
    plan = plan_of("row 1 | skip\ntile 1 | prompt: sky\ntile 8 | strength 40%\ntile 7 | strength 20%")
    assert plan.at(TILES[0], SIZE) == (0.0, ((Words("sky", ()), 1.0),))
    assert plan.at(TILES[0].times(2), (1280, 960)).skip
    assert plan.at(TILES[7], SIZE).strength == pytest.approx(0.4)
    both = plan.at(Box(0, 0, 320, 320), SIZE)
    assert both.strength == 1.0
    assert [share for _, share in both.words] == pytest.approx([0.75, 0.25])


def test_an_empty_plan_asks_for_nothing():
    plan = plan_of("")
    assert plan.is_empty
    assert not plan.changes_strength
    assert bool((plan.strength(5, 3) == 1).all())
    assert weights(plan, 5, 3).keys() == {Words(None, ())}


def test_the_saving_is_that_of_whole_windows():
    """Two of four quarters skipped, one at a quarter of the strength: 1.25 of 4 is done."""
    strength = torch.tensor([[0.0, 0.0], [0.25, 1.0]])
    parts = [(Box(x, y, x + 1, y + 1), 100) for y in (0, 1) for x in (0, 1)]
    assert less_work(parts, strength) == pytest.approx(1 - 1.25 / 4)


# ---- flat -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_detail_is_the_deviation_within_a_block(channels):
    """A checker of +-a has the deviation a; a slope of s a pixel s * sqrt(255 / 12); a step anywhere is found."""
    x = torch.arange(64)
    box = Box(0, 0, 64, 64)

    def picture(luma):
        return luma.expand(64, 64)[None, ..., None].repeat(1, 1, 1, channels)

    checker = picture(0.5 + (((x[:, None] + x) % 2) * 2 - 1) * 4 / 255)
    slope, step = picture(0.2 + x * 0.5 / 255), picture(0.3 + 0.2 * (x >= 48))
    assert detail(picture(torch.tensor(0.7)), box) == pytest.approx(0, abs=1e-3)
    assert detail(checker, box) == pytest.approx(4, rel=1e-3)
    assert detail(slope, box) == pytest.approx(0.5 * (255 / 12) ** 0.5, rel=1e-3)
    assert detail(step, box) == pytest.approx(0.1 * 255, rel=1e-3)
    tiny = torch.rand(1, 3, 5, channels, generator=torch.Generator().manual_seed(0))
    assert detail(tiny, Box(0, 0, 5, 3)) > 10


def test_the_picture_with_most_detail_counts_and_one_bird_is_enough():
    sky = torch.full((2, 160, 320, 3), 0.6)
    sky[1, 90:94, 200:206] = 0.1
    boxes = [Box(0, 0, 160, 160), Box(160, 0, 320, 160)]
    assert [number for number, _ in flat_tiles(sky, boxes, 3.0)] == [0]
    assert flat_tiles(sky, boxes, 0.0) == []


# ---- drawn ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "channels"), [((640, 480), 3), ((4096, 16), 1), ((1, 1), 4)])
def test_a_plan_is_drawn_over_its_picture(size, channels):
    image = torch.full((1, size[1], size[0], channels), 0.5)
    tiles = [Box(0, 0, *size)]
    rules = (Rule(Box(0, 0, *size), 0.0), Rule(Box(0, 0, max(1, size[0] // 2), size[1]), None, "ein Schloß \n 🏰"))
    drawn = draw_plan(image, TilePlan(size, rules), tiles)
    assert max(drawn.shape[1:3]) <= 1024
    assert drawn.shape[-1] == 3
    if size == SIZE:
        assert float(drawn[0, 400, 600].mean()) == pytest.approx(0.15, abs=0.01)

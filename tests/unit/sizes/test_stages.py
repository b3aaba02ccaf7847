"""Sizes and strengths of a way up in stages: tables, and what holds for every size."""

from itertools import pairwise

import pytest
from hires_pack.hires.errors import InputError
from hires_pack.hires.sizes.stages import redraw_strengths, stage_sizes
from hypothesis import given, settings
from hypothesis import strategies as st

SIDES = st.integers(1, 16384)


@pytest.mark.parametrize(
    ("source", "target", "factor", "sizes"),
    [
        ((100, 60), (400, 240), 4, [(400, 240)]),
        ((100, 60), (300, 180), 4, [(300, 180)]),  # one run does, shrunk
        ((100, 60), (401, 241), 4, [(401, 241)]),  # short by a pixel: no second run
        ((100, 60), (408, 245), 4, [(400, 240), (408, 245)]),  # short by whole 8 pixels
        ((100, 60), (1600, 960), 4, [(400, 240), (1600, 960)]),
        ((100, 60), (800, 480), 2, [(200, 120), (400, 240), (800, 480)]),
        ((100, 60), (500, 300), 2, [(200, 120), (400, 240), (500, 300)]),
        ((100, 60), (1600, 960), 1, [(1600, 960)]),  # Lanczos lands anywhere
        ((100, 60), (100, 60), 4, [(100, 60)]),
        ((100, 60), (50, 30), 4, [(50, 30)]),
        ((1, 1), (7, 7), 2, [(2, 2), (4, 4), (7, 7)]),
    ],
)
def test_fewest_stages(source, target, factor, sizes):
    assert stage_sizes(source, target, 0, factor) == sizes


@pytest.mark.parametrize(
    ("source", "target", "stages", "sizes"),
    [
        ((512, 512), (2048, 2048), 1, [(2048, 2048)]),
        ((512, 512), (2048, 2048), 2, [(1024, 1024), (2048, 2048)]),
        ((512, 384), (4096, 3072), 3, [(1024, 768), (2048, 1536), (4096, 3072)]),
        ((100, 60), (300, 180), 2, [(173, 104), (300, 180)]),  # 100 and 60 times the root of 3
        ((10, 6), (12, 7), 6, [(11, 6), (11, 7), (12, 7)]),  # five of them round to three sizes
        ((10, 6), (10, 6), 3, [(10, 6)]),
        ((100, 60), (50, 30), 3, [(50, 30)]),
    ],
)
def test_asked_number_of_stages(source, target, stages, sizes):
    assert stage_sizes(source, target, stages, 4) == sizes
    assert stage_sizes(source, target, stages, 1) == sizes  # the upscaler has no say


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES), st.integers(0, 6), st.integers(1, 8))
def test_every_way_only_grows_and_ends_on_the_target(source, target, stages, factor):
    sizes = stage_sizes(source, target, stages, factor)
    assert sizes[-1] == target
    assert 1 <= len(sizes) <= (stages or 14)
    if len(sizes) > 1:
        for before, after in pairwise([source, *sizes]):
            assert before != after
            assert before[0] <= after[0]
            assert before[1] <= after[1]


@settings(max_examples=100, deadline=None)
@given(st.integers(64, 1000), st.integers(2, 16), st.integers(2, 6))
def test_asked_stages_enlarge_alike(side, growth, stages):
    sizes = [side, *(width for width, _ in stage_sizes((side, side), (side * growth, side * growth), stages, 4))]
    assert len(sizes) == stages + 1
    for before, after in pairwise(sizes):
        assert after / before == pytest.approx(growth ** (1 / stages), rel=1.5 / side)


@pytest.mark.parametrize(
    ("stages", "falloff", "last", "strengths"),
    [
        (1, 0.5, True, [0.4]),
        (3, 1.0, True, [0.4, 0.4, 0.4]),
        (3, 0.5, True, [0.4, 0.2, 0.1]),
        (3, 0.5, False, [0.4, 0.2, 0.0]),
        (3, 0.0, True, [0.4, 0.0, 0.0]),
    ],
)
def test_strengths(stages, falloff, last, strengths):
    assert redraw_strengths(stages, 0.4, falloff, last) == pytest.approx(strengths)


def test_redrawing_nothing_is_refused():
    with pytest.raises(InputError, match="one stage and redraw_last is off") as found:
        redraw_strengths(1, 0.4, 1.0, False)
    assert found.value.input_name == "redraw_last"

"""Links turn in the space between columns: none runs through a node, and all of one socket share their way."""

import itertools

from hires_pack.hires.graph.layout import TITLE_BAR, Box
from hires_pack.hires.graph.routes import Columns, Way, route
from hypothesis import given, settings
from hypothesis import strategies as st

GAP = 46


def columns_of(*heights: list[int]) -> tuple[Columns, list[list[Box]]]:
    """Stacks of nodes of these heights, side by side."""
    stacks = []
    for place, column in enumerate(heights):
        y, stack = 0, []
        for height in column:
            stack.append(Box(place * (200 + GAP), y + TITLE_BAR, 200, height))
            y += TITLE_BAR + height + 26
        stacks.append(stack)
    return Columns([box for stack in stacks for box in stack]), stacks


def corners_of(columns: Columns, *ways: Way):
    """The corners of each link in order, by its id, as (x, y)."""
    corners, last = route(columns, ways)
    by_id = {corner.id: corner for corner in corners}
    found = {way.link: [] for way in ways}
    for link, number in last.items():
        while number is not None:
            found[link].insert(0, (by_id[number].x, by_id[number].y))
            number = by_id[number].parent
    return found


def test_a_link_to_the_next_column_goes_straight():
    columns, _ = columns_of([100, 100], [100])
    assert corners_of(columns, Way(1, (1, 0), 0, 60, 1, 80)) == {1: []}


def test_a_link_past_a_column_goes_through_the_gap_between_its_nodes():
    columns, stacks = columns_of([100], [100, 400], [100])
    (first, second) = corners_of(columns, Way(1, (1, 0), 0, 120, 2, 120))[1]
    upper, lower = stacks[1]
    assert upper.y + upper.height < first[1] == second[1] < lower.y - TITLE_BAR
    assert 200 < first[0] < upper.x
    assert upper.x + upper.width < second[0] < stacks[2][0].x


def test_a_link_down_its_own_column_goes_around_the_node():
    columns, stacks = columns_of([100, 100], [100])
    (first, second) = corners_of(columns, Way(1, (1, 0), 0, 60, 0, 200))[1]
    assert first[0] > 200
    assert second[0] < 0
    assert stacks[0][0].y + 100 < first[1] == second[1] < stacks[0][1].y - TITLE_BAR


def test_more_links_than_there_are_ways_are_no_error():
    columns, _ = columns_of([100], [100], [100])
    found = corners_of(columns, *(Way(number, (number, 0), 0, 60, 2, 60) for number in range(99)))
    assert found[0]
    assert not found[98]


def test_links_of_one_socket_share_their_way_and_those_of_two_do_not():
    columns, _ = columns_of([100], [100, 300], [100, 100])
    ways = Way(1, (1, 0), 0, 60, 2, 60), Way(2, (1, 0), 0, 60, 2, 100), Way(3, (1, 1), 0, 80, 2, 80)
    found = corners_of(columns, *ways)
    assert found[1] == found[2]
    assert {y for _, y in found[1]}.isdisjoint({y for _, y in found[3]})


heights = st.lists(st.integers(0, 400), min_size=1, max_size=4)


@settings(deadline=None, max_examples=40)
@given(st.lists(heights, min_size=2, max_size=6), st.data())
def test_no_link_runs_through_a_node(stacks, data):
    columns, boxes = columns_of(*stacks)
    ends = [
        (place, box.y + data.draw(st.integers(0, box.height))) for place, column in enumerate(boxes) for box in column
    ]
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(ends), st.sampled_from(ends)), max_size=8))
    ways = [Way(number, (number, 0), *start, *end) for number, (start, end) in enumerate(pairs)]
    for turns in corners_of(columns, *ways).values():
        for (x, y), (next_x, next_y) in itertools.pairwise(turns):
            for box in itertools.chain(*boxes):
                left, right = sorted((x, next_x))
                top, bottom = sorted((y, next_y))
                assert (
                    right <= box.x
                    or left >= box.x + box.width
                    or bottom <= box.y - TITLE_BAR
                    or top >= box.y + box.height
                )

"""Reading graphs that are odd: nothing fails, what is not understood is unknown."""

import json

import pytest
from hires_pack.hires.graph import reader
from hires_pack.hires.graph.reader import MOST_SEED, ApiGraph, Node, link_of
from hypothesis import given
from hypothesis import strategies as st


def node(**inputs):
    return {"class_type": "Any", "inputs": inputs}


def order(prompt):
    return [found.id for found in ApiGraph(prompt, {}).in_order()]


def reading(value, known=None):
    return Node("1", "Any", {"value": value}, known or {})


def test_a_node_comes_after_those_it_is_linked_to():
    prompt = {"1": node(a=["3", 0]), "2": node(a=["1", 0], b=["3", 1]), "3": node(a=7)}
    assert order(prompt) == ["3", "1", "2"]


def test_a_cycle_and_what_follows_it_never_come():
    prompt = {"1": node(a=["2", 0]), "2": node(a=["1", 0]), "3": node(a=["2", 0]), "4": node(), "5": node(a=["5", 0])}
    assert order(prompt) == ["4"]


def test_a_link_to_a_node_that_is_not_there_is_no_reason_to_wait():
    assert order({"1": node(a=["99", 0])}) == ["1"]


def test_a_chain_of_twenty_thousand_nodes_is_read():
    prompt = {str(index): node(a=[str(index - 1), 0]) for index in range(20_000, 0, -1)}
    assert order(prompt) == [str(index) for index in range(1, 20_001)]


@pytest.mark.parametrize("fan", [1, 50])
def test_every_input_is_looked_at_once(fan, monkeypatch):
    """However the nodes are linked."""
    looks = []
    monkeypatch.setattr(reader, "link_of", lambda value: looks.append(value) or link_of(value))
    sources = {str(index): node() for index in range(fan)}
    prompt = sources | {f"n{index}": node(**{f"i{name}": [name, 0] for name in sources}) for index in range(100)}
    assert len(order(prompt)) == len(prompt)
    assert len(looks) == 100 * fan


@pytest.mark.parametrize("prompt", [None, [], "text", 5, {"1": None, "2": [], "3": "x", "4": 5}])
def test_what_is_no_graph_has_no_nodes(prompt):
    assert order(prompt) == []


def test_nodes_of_another_form_have_no_kind_and_no_inputs():
    found = ApiGraph({"1": {"class_type": ["x"], "inputs": [1]}})["1"]
    assert (found.kind, dict(found.inputs)) == ("", {})


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        (512, 512),
        (512.9, 512),
        ("512", 512),
        ("512.5", 512),
        (" 512 ", 512),
        ("abc", None),
        ("", None),
        (True, None),
        (None, None),
        ({"__value__": [1]}, None),
        (float("nan"), None),
        ("inf", None),
        (10**400, None),
        ("1e999", None),
        (2**31 + 1, None),
    ],
)
def test_whole_numbers(value, whole):
    assert reading(value).whole("value") == whole


def test_a_linked_number_is_that_of_the_other_node():
    assert reading(["7", 1], {("7", 1): 640}).whole("value") == 640
    assert reading(["7", 0], {("7", 1): 640}).whole("value") is None
    assert reading(["7", 1, 2], {("7", 1): 640}).whole("value") is None


def test_a_missing_widget_has_its_default_and_a_linked_one_has_none():
    empty = Node("1", "Any", {}, {})
    assert empty.text("numbers", "exact") == "exact"
    assert reading(["7", 0]).text("value", "exact") is None


@pytest.mark.parametrize(
    ("value", "seed"),
    [(5, 5), (2**64 - 1, 2**64 - 1), (MOST_SEED + 1, None), (-(2**65), None), ("7", 7), (True, None), ("x", None)],
)
def test_seeds_are_exact(value, seed):
    assert reading(value).seed("value") == seed


def test_a_node_of_one_value_gives_it_to_those_behind_it_unless_the_caller_knows_better():
    prompt = {"1": node(value=640), "2": node(value=3, more=4), "3": node(a=["1", 0], b=["2", 0], c=["1", 1])}
    found = ApiGraph(prompt)["3"]
    assert (found.whole("a"), found.whole("b"), found.whole("c")) == (640, None, 640)
    assert ApiGraph(prompt, {})["3"].whole("a") is None


def test_a_walk_comes_by_each_node_once_the_nearest_first():
    """In a ring, too; a node that is not there is the end of its way."""
    ring = {
        "1": node(a=["2", 0], b=["3", 0]),
        "2": node(a=["4", 0]),
        "3": node(a=["4", 1]),
        "4": node(a=["1", 0], b=["9", 0]),
    }
    graph = ApiGraph(ring)
    assert list(graph.upstream("1", lambda _, name: True)) == ["1", "2", "3", "4", "9"]
    assert list(graph.upstream("1", lambda node, name: (node, name) != ("1", "a"))) == ["1", "3", "4", "9"]
    assert list(graph.upstream(None, lambda _, name: True)) == []
    assert (graph["9"].kind, graph["9"].inputs, graph[None].has("a")) == ("", {}, False)


def test_links_are_lists_of_a_node_and_an_output():
    assert link_of(["1", 0]) == ("1", 0)
    assert link_of([1, 0]) == ("1", 0)
    for odd in (["1"], ["1", "0"], ["1", True], [None, 0], [["1"], 0], ("1", 0), "1", None):
        assert link_of(odd) is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(ANYTHING)
def test_anything_in_json_can_be_read(prompt):
    graph = ApiGraph(json.loads(json.dumps(prompt)))
    for found in graph.in_order():
        assert next(graph.upstream(found.id, lambda _, name: True)) == found.id
        for name in found.inputs:
            found.number(name)
            found.flag(name)
            found.incoming(name, str)

"""Graphs that become one box: what may feed what, and what is written of it."""

import pytest
from hires_pack.hires.graph import definitions
from hires_pack.hires.graph.builder import FIRST_CHOICE, Graph, GraphError
from hires_pack.hires.graph.to_api import to_api
from hires_pack.hires.graph.to_blueprint import Blueprint, to_blueprint
from hires_pack.hires.graph.to_ui import to_ui
from hires_pack.recipes.library import BLUEPRINTS

RECORDED = {
    "packs": {"hires-fix": "2.0.0"},
    "nodes": {
        "Load": {
            "display_name": "Load It",
            "pack": "hires-fix",
            "inputs": [{"name": "file", "type": "COMBO", "files": True, "options": []}],
            "outputs": [{"name": "model", "type": "MODEL"}],
        },
        "Use": {
            "display_name": "Use",
            "pack": "hires-fix",
            "inputs": [
                {"name": "image", "type": "IMAGE"},
                {"name": "steps", "type": "INT", "default": 20, "min": 1, "max": 99},
                {"name": "strength", "type": "FLOAT", "default": 0.5, "min": 0.0, "max": 1.0},
                {"name": "text", "type": "STRING", "default": "", "multiline": True},
            ],
            "outputs": [{"name": "image", "type": "IMAGE"}],
        },
    },
}


@pytest.fixture
def graph() -> Graph:
    graph = Graph("Box", definitions.parse(RECORDED))
    graph.stage("Only stage")
    return graph


def blueprint(graph: Graph) -> dict:
    return to_blueprint(Blueprint(graph, "somewhere", "What it does.", ("other name",)))


def test_one_field_feeds_several_nodes(graph):
    image, steps = graph.box_input("image", "Image"), graph.box_input("steps", "Steps", 7)
    first = graph.node("Use", image=image, steps=steps)
    second = graph.node("Use", image=first.out(), steps=steps, strength=graph.box_input("how", "How much", 1))
    graph.box_output("IMAGE", second.out())
    file = blueprint(graph)
    (box,) = file["definitions"]["subgraphs"]
    assert [(entry["name"], entry["type"], entry["label"]) for entry in box["inputs"]] == [
        ("image", "IMAGE", "Image"),
        ("steps", "INT", "Steps"),
        ("how", "FLOAT", "How much"),
    ]
    # behind them: the point that leads a link
    ends = [tuple(link.values())[:6] for link in box["links"]]
    assert ends == [
        (1, -10, 0, 1, 0, "IMAGE"),
        (2, -10, 1, 1, 1, "INT"),
        (3, 1, 0, 2, 0, "IMAGE"),
        (4, -10, 1, 2, 1, "INT"),
        (5, -10, 2, 2, 2, "FLOAT"),
        (6, 2, 0, -20, 0, "IMAGE"),
    ]
    assert [entry["linkIds"] for entry in box["inputs"]] == [[1], [2, 4], [5]]
    assert [output["linkIds"] for output in box["outputs"]] == [[6]]
    assert [node["widgets_values"] for node in box["nodes"]] == [[7, 0.5, ""], [7, 1.0, ""]]
    (node,) = file["nodes"]
    assert (node["type"], node["id"]) == (box["id"], 3)
    assert [slot.get("widget") for slot in node["inputs"]] == [None, {"name": "steps"}, {"name": "how"}]
    assert file["extra"] == {"BlueprintSearchAliases": ["other name"]}


def test_the_first_choice_is_left_to_the_editor(graph):
    graph.node("Load", file=graph.box_input("file", "File", FIRST_CHOICE))
    loaded = graph.node("Load", file="a.safetensors")
    graph.box_output("MODEL", loaded.out())
    (box,) = blueprint(graph)["definitions"]["subgraphs"]
    assert [node["widgets_values"] for node in box["nodes"]] == [[], ["a.safetensors"]]


@pytest.mark.parametrize(
    ("name", "start", "wanted"),
    [
        ("steps", 100, r"Use.steps is 100, but the largest allowed value is 99"),
        ("steps", 1.5, r"Use.steps is 1.5 \(float\)"),
        ("steps", None, r"Use.steps is None"),
        ("steps", FIRST_CHOICE, r"Use.steps lists no files"),
        ("image", 3, r"Use.image can only be linked, but 'in' has the start value 3"),
    ],
)
def test_start_values_are_judged_where_they_go(graph, name, start, wanted):
    given = {"image": graph.box_input("other", "Other"), name: graph.box_input("in", "In", start)}
    with pytest.raises(GraphError, match=wanted):
        graph.node("Use", **given)


def test_a_field_has_one_type(graph):
    field = graph.box_input("number", "Number", 1)
    image = graph.box_input("image", "Image")
    graph.node("Use", image=image, steps=field)
    with pytest.raises(GraphError, match=r"Use.text needs STRING, but 'number' also feeds steps of type INT"):
        graph.node("Use", image=image, text=field)


def test_a_field_of_another_box(graph):
    other = Graph("Other", definitions.parse(RECORDED)).box_input("image", "Image")
    with pytest.raises(GraphError, match=r"'image', which is no input of the box 'Box'"):
        graph.node("Use", image=other)


def test_names_are_unique(graph):
    graph.box_input("image", "Image")
    with pytest.raises(GraphError, match=r"already has an input 'image'"):
        graph.box_input("image", "Another image")


def test_a_box_without_output_or_with_a_loose_input(graph):
    node = graph.node("Use", image=graph.box_input("image", "Image"))
    with pytest.raises(GraphError, match=r"gives nothing"):
        blueprint(graph)
    graph.box_output("IMAGE", node.out())
    graph.box_input("loose", "Loose", 1)
    with pytest.raises(GraphError, match=r"'loose' that feeds nothing"):
        blueprint(graph)


def test_a_box_is_no_workflow(graph):
    graph.box_output("MODEL", graph.node("Load", file="a.safetensors").out())
    for write in (to_api, to_ui):
        with pytest.raises(GraphError, match=r"Box is a box"):
            write(graph)


def test_same_box_same_file_and_other_name_other_identity():
    files = [to_blueprint(build()) for build in BLUEPRINTS.values()]
    assert files == [to_blueprint(build()) for build in BLUEPRINTS.values()]
    assert len({file["definitions"]["subgraphs"][0]["id"] for file in files}) == len(files)

"""The graph builder refuses what the host would refuse, and says why."""

import json
import re

import pytest
from hires_pack.dev.mount import ROOT
from hires_pack.hires.graph import definitions
from hires_pack.hires.graph.builder import Graph, GraphError
from hires_pack.hires.graph.layout import NODE_WIDTH, NOTE_LINE_CHARACTERS, item_size, layout
from hires_pack.hires.graph.to_api import to_api
from hires_pack.hires.graph.to_ui import to_ui
from hires_pack.hires.infotext.to_graph.workflow import hires_workflow
from hires_pack.hires.sampling.same import SAME_CFG, SAME_SAMPLER, SAME_SCHEDULER, SAME_STEPS
from hires_pack.recipes import gallery, gallery_upscale, library

SAME = {"steps": SAME_STEPS, "sampler_name": SAME_SAMPLER, "scheduler": SAME_SCHEDULER}

RECORDED = {
    "packs": {"comfy-core": "1.0.0", "hires-fix": "2.0.0"},
    "nodes": {
        "Load": {
            "display_name": "Load It",
            "pack": "comfy-core",
            "inputs": [
                {"name": "file", "type": "COMBO", "files": True, "default": "None", "options": ["None"]},
                {"name": "seed", "type": "INT", "default": 5, "min": 0, "max": 9, "companion": "fixed"},
                {"name": "mode", "type": "COMBO", "options": ["a", "b"]},
            ],
            "outputs": [
                {"name": "model", "type": "MODEL"},
                {"name": "vae", "type": "VAE"},
                {"name": "count", "type": "INT"},
            ],
        },
        "Use": {
            "display_name": "Use",
            "pack": "hires-fix",
            "is_output": True,
            "inputs": [
                {"name": "strength", "type": "FLOAT", "default": 0.5, "min": 0.0, "max": 1.0},
                {"name": "model", "type": "OWN_MODEL,MODEL"},
                {"name": "vae", "type": "VAE", "optional": True},
                {"name": "steps", "type": "INT", "default": 20, "min": 1, "max": 99},
                {"name": "crop", "type": "BOOLEAN", "default": True},
                {"name": "text", "type": "STRING", "default": "", "multiline": True},
            ],
            "outputs": [],
        },
    },
}


@pytest.fixture
def graph() -> Graph:
    graph = Graph("example", definitions.parse(RECORDED))
    graph.stage("Only stage")
    return graph


def load(graph: Graph, **inputs):
    return graph.node("Load", **{"mode": "a", **inputs})


def test_left_out_widgets_get_the_schema_default_in_schema_order(graph):
    node = load(graph)
    assert node.inputs == {"file": "None", "seed": 5, "mode": "a"}
    assert list(node.inputs) == ["file", "seed", "mode"]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("Laod", r"no node type 'Laod'.*record_node_defs"),
        ("Load", r"Load needs mode \(COMBO\)"),
        ("Use", r"Use needs model \(OWN_MODEL,MODEL\)"),
    ],
)
def test_unknown_node_types_and_missing_inputs_are_named(kind, text, graph):
    with pytest.raises(GraphError, match=text):
        graph.node(kind)


def test_unknown_input_names_the_known_ones(graph):
    with pytest.raises(GraphError, match=r"Load has no input 'sede'; it has file, seed, mode"):
        load(graph, sede=1)


def test_optional_link_may_be_left_out(graph):
    node = graph.node("Use", model=load(graph).out("model"))
    assert "vae" not in node.inputs


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"mode": "c"}, r"Load.mode is 'c', which is not among 'a', 'b'$"),
        ({"file": "Some"}, r"Load.file is 'Some'.*or a file name"),
        ({"seed": 10}, r"Load.seed is 10, but the largest allowed value is 9"),
        ({"seed": -1}, r"Load.seed is -1, but the smallest allowed value is 0"),
        ({"seed": 1.0}, r"Load.seed is 1.0 \(float\), but INT needs a whole number"),
        ({"seed": True}, r"Load.seed is True \(bool\)"),
        ({"mode": 3}, r"Load.mode is 3 \(int\), but COMBO needs text"),
    ],
)
def test_value_the_host_would_refuse(graph, wrong, text):
    with pytest.raises(GraphError, match=text):
        load(graph, **wrong)


def test_wrong_values_of_the_other_widget_types(graph):
    model = load(graph).out("model")
    with pytest.raises(GraphError, match=r"Use.crop is 1 \(int\), but BOOLEAN needs True or False"):
        graph.node("Use", model=model, crop=1)
    with pytest.raises(GraphError, match=r"Use.strength is '1' \(str\), but FLOAT needs a number"):
        graph.node("Use", model=model, strength="1")
    with pytest.raises(GraphError, match=r"Use.strength is nan"):
        graph.node("Use", model=model, strength=float("nan"))


def test_file_combo_takes_any_file_name(graph):
    assert load(graph, file="sub/4x model.pth").inputs["file"] == "sub/4x model.pth"


def test_whole_number_for_a_float_becomes_a_float(graph):
    value = graph.node("Use", model=load(graph).out(), strength=1).inputs["strength"]
    assert (value, type(value)) == (1.0, float)


def test_link_of_another_type(graph):
    with pytest.raises(GraphError, match=r"Use.model needs OWN_MODEL,MODEL, but 'Load It' gives VAE"):
        graph.node("Use", model=load(graph).out("vae"))


def test_link_into_a_widget_is_judged_by_type_too(graph):
    loaded = load(graph)
    assert graph.node("Use", model=loaded.out(), steps=loaded.out("count")).inputs["steps"] == loaded.out(2)
    with pytest.raises(GraphError, match=r"Use.strength needs FLOAT, but 'Load It' gives INT"):
        graph.node("Use", model=loaded.out(), strength=loaded.out("count"))


def test_plain_value_for_a_socket(graph):
    with pytest.raises(GraphError, match=r"Use.model is 'x', but OWN_MODEL,MODEL can only be linked"):
        graph.node("Use", model="x")


def test_node_in_place_of_its_output(graph):
    with pytest.raises(GraphError, match=r"whole node"):
        graph.node("Use", model=load(graph))


def test_output_of_another_graph(graph):
    other = Graph("other", definitions.parse(RECORDED))
    other.stage("Stage")
    with pytest.raises(GraphError, match=r"'Load It', which is not in the graph 'example'"):
        graph.node("Use", model=load(other).out("model"))


@pytest.mark.parametrize("which", [3, -1, "VAE"])
def test_output_that_does_not_exist(graph, which):
    with pytest.raises(GraphError, match=r"its outputs are 0: model, 1: vae, 2: count"):
        load(graph).out(which)


def test_a_refused_node_leaves_the_graph_as_it_was(graph):
    with pytest.raises(GraphError):
        load(graph, seed=99)
    assert graph.items == []
    assert load(graph).id == 1


def test_nodes_need_a_stage_and_stage_names_are_unique():
    graph = Graph("example", definitions.parse(RECORDED))
    with pytest.raises(GraphError, match=r"no stage yet"):
        load(graph)
    graph.stage("One")
    with pytest.raises(GraphError, match=r"already has a stage 'One'"):
        graph.stage("One")


def test_api_needs_an_output_node(graph):
    load(graph)
    with pytest.raises(GraphError, match=r"SaveImage or PreviewImage"):
        to_api(graph)


def test_api_lists_every_widget_and_leaves_notes_out(graph):
    graph.note("hello")
    loaded = load(graph)
    graph.node("Use", title="Mine", model=loaded.out("model"), steps=loaded.out("count"))
    assert to_api(graph) == {
        "2": {"class_type": "Load", "inputs": {"file": "None", "seed": 5, "mode": "a"}, "_meta": {"title": "Load It"}},
        "3": {
            "class_type": "Use",
            "inputs": {"strength": 0.5, "model": ["2", 0], "steps": ["2", 2], "crop": True, "text": ""},
            "_meta": {"title": "Mine"},
        },
    }


def test_editor_values_keep_the_places_of_companions_and_linked_widgets(graph):
    loaded = load(graph)
    graph.node("Use", title="Mine", model=loaded.out("model"), steps=loaded.out("count"))
    first, second = to_ui(graph)["nodes"]
    assert first["widgets_values"] == ["None", 5, "fixed", "a"]
    assert "title" not in first
    assert second["widgets_values"] == [0.5, 20, True, ""]
    assert second["title"] == "Mine"
    assert [(slot["name"], slot["link"]) for slot in second["inputs"]] == [("model", 1), ("vae", None), ("steps", 2)]
    assert second["inputs"][2]["widget"] == {"name": "steps"}
    assert second["properties"] == {"Node name for S&R": "Use", "cnr_id": "hires-fix", "ver": "2.0.0"}
    assert to_ui(graph)["links"] == [[1, 1, 0, 2, 0, "MODEL"], [2, 1, 2, 2, 2, "INT"]]


def test_a_linked_widget_shows_the_number_of_the_int_node_behind_it():
    nodes = {node["id"]: node for node in to_ui(gallery.hires_fix_latent(width=640, height=384))["nodes"]}
    empty = next(node for node in nodes.values() if node["type"] == "EmptyLatentImage")
    assert empty["widgets_values"] == [640, 384, 1]


def test_the_button_that_uploads_a_picture_stands_behind_all_widgets():
    graph = Graph("example")
    graph.stage("Only stage")
    graph.node("HiresFixLoadImage", image="a.png", channels="as in the file")
    assert to_ui(graph)["nodes"][0]["widgets_values"] == ["a.png", "as in the file", "image"]


def test_a_text_that_can_only_be_linked_is_no_widget():
    graph = Graph("example")
    graph.stage("Only stage")
    picture = graph.node("HiresFixLoadImage", image="a.png").out("image")
    with pytest.raises(GraphError, match=r"HiresFixSaveImage.parameters is 'x', but STRING can only be linked"):
        graph.node("HiresFixSaveImage", images=picture, parameters="x")
    save = graph.node("HiresFixSaveImage", images=picture)
    assert "parameters" not in save.inputs
    (entry,) = (node for node in to_ui(graph)["nodes"] if node["type"] == "HiresFixSaveImage")
    assert [(slot["name"], "widget" in slot) for slot in entry["inputs"]] == [
        ("images", False),
        ("file_info", False),
        ("parameters", False),
    ]
    assert entry["widgets_values"][:4] == ["ComfyUI", "png", "auto", 95]


def test_same_graph_same_files_and_other_name_other_identity():
    assert to_ui(gallery.hires_fix_latent()) == to_ui(gallery.hires_fix_latent())
    identities = {to_ui(workflow.build())["id"] for workflow in library.WORKFLOWS.values()}
    assert len(identities) == len(library.WORKFLOWS)


def test_longer_notes_are_taller(graph):
    short = item_size(graph.note("x"))
    assert item_size(graph.note("x" * 3 * NOTE_LINE_CHARACTERS))[1] > short[1]


def test_a_node_is_wide_enough_for_a_long_file_name(graph):
    short, long = (item_size(load(graph, file="x" * letters + ".pth")) for letters in (3, 40))
    assert short[0] == NODE_WIDTH
    assert long[0] > NODE_WIDTH
    assert long[1] == short[1]


def test_columns_and_stages_run_from_left_to_right(graph):
    first = load(graph)
    below = load(graph)
    graph.column()
    beside = load(graph)
    graph.stage("Next stage")
    last = load(graph)
    boxes = layout(graph).items
    assert boxes[first.id].x == boxes[below.id].x < boxes[beside.id].x < boxes[last.id].x
    assert boxes[first.id].y < boxes[below.id].y


@pytest.mark.parametrize(
    ("build", "arguments", "found"),
    [
        (
            gallery.hires_fix_latent,
            {"mode": "Latent (bicubic)"},
            {"HiresFixLatentUpscale": {"mode": "Latent (bicubic)"}},
        ),
        (gallery.hires_fix_pixel, {"upscaler": "4x.pth"}, {"HiresFixUpscalerLoader": {"upscaler_name": "4x.pth"}}),
        (
            gallery.hires_fix_image,
            {"image": "a.jpg", "seed": 7},
            {"HiresFixLoadImage": {"image": "a.jpg"}, "HiresFixNoise": {"seed": 7}},
        ),
        (
            gallery_upscale.standalone_upscale,
            {"resize_mode": "scale to", "upscaling_resize_w": 640, "upscaling_crop": False},
            {"HiresFixUpscaleImage": {"resize_mode": "scale to", "upscaling_resize_w": 640, "upscaling_crop": False}},
        ),
        (
            gallery.hires_fix_latent,
            {"steps": 6, "sampler": "Euler", "scheduler": "Karras", "cfg": 5, "denoising_strength": 0.3},
            {
                "HiresFixBaseSampling": {"steps": 6, "sampler_name": "Euler", "scheduler": "Karras", "cfg": 5.0},
                "HiresFixRenoise": {**SAME, "denoising_strength": 0.3},
                "HiresFixSecondSampling": {"sampler_name": SAME_SAMPLER, "cfg": SAME_CFG},
            },
        ),
        (
            gallery.hires_fix_image,  # there is no first pass to take them from
            {"steps": 6, "sampler": "Euler", "scheduler": "Karras", "cfg": 5},
            {
                "HiresFixRenoise": {"steps": 6, "sampler_name": "Euler", "scheduler": "Karras"},
                "HiresFixSecondSampling": {"sampler_name": SAME_SAMPLER, "cfg": 5.0},
            },
        ),
    ],
)
def test_recipe_arguments_reach_their_nodes(build, arguments, found):
    nodes = to_api(build(**arguments)).values()
    for node_type, inputs in found.items():
        (node,) = (node for node in nodes if node["class_type"] == node_type)
        assert {name: node["inputs"][name] for name in inputs} == inputs


def test_one_round_a_strength_in_the_multi_stage_upscale():
    nodes = to_api(gallery_upscale.multi_stage_upscale(denoising_strengths=(0.5, 0.4, 0.2))).values()
    strengths = [n["inputs"]["denoising_strength"] for n in nodes if n["class_type"] == "HiresFixRenoise"]
    assert strengths == [0.5, 0.4, 0.2]
    assert sum(n["class_type"] == "HiresFixPixelUpscale" for n in nodes) == 3


def test_recipes_refuse_wrong_arguments():
    with pytest.raises(GraphError, match=r"HiresFixLatentUpscale.mode is 'Lanczos'"):
        gallery.hires_fix_latent(mode="Lanczos")
    with pytest.raises(GraphError, match=r"denoising_strength is 1.5"):
        gallery.hires_fix_pixel(denoising_strength=1.5)


def test_recording_holds_no_file_of_the_recording_machine():
    recorded = json.loads(definitions.PATH.read_text(encoding="utf-8"))
    suffix = re.compile(r"\.(safetensors|ckpt|pth?|bin|png|jpe?g|webp)$", re.IGNORECASE)
    for name, node in recorded["nodes"].items():
        for entry in node["inputs"]:
            found = [o for o in [*entry.get("options", []), entry.get("default", "")] if suffix.search(str(o))]
            assert not found, f"{name}.{entry['name']}"


def test_recording_holds_exactly_the_core_nodes_that_recipes_and_the_api_use():
    graphs = [workflow.build() for workflow in library.WORKFLOWS.values()]
    graphs += [build().graph for build in library.BLUEPRINTS.values()]
    without_forms = _kinds(graphs)
    graphs += [app.build().graph for app in library.APPS.values()]
    graphs.append(hires_workflow("a <lora:b:1>\nSteps: 20, Model: c, VAE: d").graph)
    graphs.append(hires_workflow("a\nSteps: 20, Distilled CFG Scale: 3.5, Module 1: clip_l, Module 2: t5xxl").graph)
    used = _kinds(graphs)
    known = definitions.load()
    assert used <= set(known)
    files = (ROOT / "sdapi").rglob("*.py")
    named = {name for file in files for name in re.findall(r'"([A-Z]\w+)"', file.read_text(encoding="utf-8"))}
    assert {name for name, node in known.items() if node.pack == "comfy-core"} <= used | named
    # it makes grey pictures up to one level too dark, but forms have a place to drop a picture for this one only
    assert "LoadImage" not in without_forms


def _kinds(graphs):
    """Types of all nodes, also inside of boxes."""
    nodes = [node for graph in graphs for node in graph.nodes]
    inside = [node.inside for node in nodes if node.inside]
    return {node.definition.type for node in nodes if not node.inside} | (_kinds(inside) if inside else set())

"""A1111's text of its Extras tab: the recorded ones, from the nodes that do the same."""

import pytest
from hires_pack.hires.graph.to_api import to_api
from hires_pack.hires.infotext.from_graph.extras import extras_of_graph, extras_text, upscale_parameters
from hires_pack.hires.infotext.text import Parameter, parse
from hires_pack.recipes import gallery
from hires_pack.tests.plain_numbers import pairs

TO = {"resize_mode": "scale to", "upscaling_resize_w": 160, "upscaling_resize_h": 160}

RECORDED = [
    ({"upscaling_resize": 2}, "Lanczos", None, "Postprocess upscale by: 2.0, Postprocess upscaler: Lanczos"),
    ({"upscaling_resize": 1.3}, "Lanczos", None, "Postprocess upscale by: 1.3, Postprocess upscaler: Lanczos"),
    (
        {"upscaling_resize": 2, "extras_upscaler_2_visibility": 0.4},
        "Lanczos",
        "tiny_rrdb_x4.safetensors",
        "Postprocess upscale by: 2.0, Postprocess upscaler: Lanczos, Postprocess upscaler 2: tiny_rrdb_x4",
    ),
    (
        {**TO, "upscaling_crop": True},
        "Lanczos",
        None,
        "Postprocess upscale to: 160x160, Postprocess crop to: 160x160, Postprocess upscaler: Lanczos",
    ),
    (
        {**TO, "upscaling_crop": False},
        "Lanczos",
        None,
        "Postprocess upscale to: 160x160, Postprocess upscaler: Lanczos",
    ),
    (
        {"upscaling_resize": 2, "max_side": 120},
        "Lanczos",
        None,
        "Postprocess upscale by: 2.0, Max side length: 120, Postprocess upscaler: Lanczos",
    ),
    (
        {"upscaling_resize": 3},
        "x/tiny_compact_x2.pth",
        None,
        "Postprocess upscale by: 3.0, Postprocess upscaler: tiny_compact_x2",
    ),
    ({"upscaling_resize": 2, "numbers": "A1111"}, "None", None, ""),
]
"""Settings of Upscale Image, both upscalers, and what A1111 v1.10.1 wrote for them over its API."""


def upscaling(first="Lanczos", second=None, **values):
    """A graph of Load Image, Upscale Image and Save Image; returns it and the id of the last."""
    given = {"resize_mode": "scale by", "upscaling_resize": 2.0, "upscaling_resize_w": 64, "upscaling_resize_h": 64}
    api = {
        "load": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
        "first": {"class_type": "HiresFixUpscalerLoader", "inputs": {"upscaler_name": first}},
        "large": {"class_type": "HiresFixUpscaleImage", "inputs": {
            "image": ["load", 0], "upscaler": ["first", 0], "upscaling_crop": True, "tile_size": 0, **given, **values}},
        "save": {"class_type": "HiresFixSaveImage", "inputs": {"images": ["large", 0]}},
    }  # fmt: skip
    if second:
        api["second"] = {"class_type": "UpscaleModelLoader", "inputs": {"model_name": second}}
        api["large"]["inputs"]["upscaler_2"] = ["second", 0]
    return api


def faces(api, model, **values):
    """Restored faces behind what the graph saves."""
    api["model"] = {"class_type": "HiresFixFaceModelLoader", "inputs": {"face_model_name": model}}
    given = {"visibility": 1.0, "codeformer_weight": 0.5, "detection": "whole picture", **values}
    source = api["save"]["inputs"]["images"]
    api["faces"] = {
        "class_type": "HiresFixRestoreFaces",
        "inputs": {"image": source, "face_model": ["model", 0], **given},
    }
    api["save"]["inputs"]["images"] = ["faces", 0]
    return api


def text(api, node="save"):
    return extras_text(extras_of_graph(api, node))


def parameters(written):
    return pairs(parse(f"Steps: 1, {written}").parameters[1:])


@pytest.mark.parametrize(("values", "first", "second", "recorded"), RECORDED)
def test_the_recorded_texts(values, first, second, recorded):
    assert parameters(text(upscaling(first, second, **values))) == parameters(recorded)


def test_numbers_are_written_as_by_the_page():
    assert text(upscaling()) == "Postprocess upscale by: 2, Postprocess upscaler: Lanczos"


@pytest.mark.parametrize(
    ("model", "values", "words"),
    [
        ("GFPGANv1.4.pth", {"visibility": 0.5}, "GFPGAN visibility: 0.5"),
        ("codeformer-v0.1.0.pth", {"codeformer_weight": 0.25}, "CodeFormer visibility: 1, CodeFormer weight: 0.25"),
        ("GFPGANv1.4.pth", {"visibility": 0.0}, ""),
        ("RestoreFormer.pth", {}, "Not in this text: HiresFixRestoreFaces"),  # which A1111 does not have
    ],
)
def test_restored_faces(model, values, words):
    upscaled = "Postprocess upscale by: 2, Postprocess upscaler: Lanczos"
    assert text(faces(upscaling(), model, **values)) == ", ".join(filter(None, [upscaled, words]))


def test_the_limit_is_written_where_it_has_an_effect():
    keys = [
        [one.key for one in upscale_parameters("Lanczos", 2.0, True, 200, None, source)]
        for source in ((100, 90), (101, 90), None)
    ]
    assert ["Max side length" in found for found in keys] == [False, True, True]


@pytest.mark.parametrize("visibility", [0.0, ["dice", 0]])
def test_a_second_upscaler_is_written_where_it_is_seen(visibility):
    api = upscaling(second="two.pth", extras_upscaler_2_visibility=visibility)
    api["dice"] = {"class_type": "Dice", "inputs": {"a": 1, "b": 2}}
    assert text(api) == ("" if visibility else "Postprocess upscale by: 2, Postprocess upscaler: Lanczos")


def test_what_a1111_has_no_words_for_is_named():
    api = upscaling()
    for name, kind in (("again", "HiresFixUpscaleImage"), ("sharper", "ImageSharpen")):
        source = api["save"]["inputs"]["images"]
        api[name] = {"class_type": kind, "inputs": {**api["large"]["inputs"], "image": source}}
        api["save"]["inputs"]["images"] = [name, 0]
    named = ', Not in this text: "ImageSharpen, HiresFixUpscaleImage"'
    assert text(api) == f"Postprocess upscale by: 2, Postprocess upscaler: Lanczos{named}"


@pytest.mark.parametrize(("kind", "name"), [
    ("HiresFixDiffusionUpscaler", "Diffusion Upscaler"), ("HiresFixSeedVR2Upscaler", "SeedVR2"),
])  # fmt: skip
def test_an_upscaler_that_a_node_makes_has_its_name_and_is_named(kind, name):
    api = upscaling()
    before = {"upscaler": ["first", 0], "positive": ["text", 0]}
    api["made"] = {"class_type": kind, "inputs": before}
    api["large"]["inputs"]["upscaler"] = ["made", 0]
    assert text(api) == f"Postprocess upscale by: 2, Postprocess upscaler: {name}, Not in this text: {kind}"


def test_a_sampled_picture_has_the_words_of_what_came_after():
    api = to_api(gallery.hires_fix_latent())
    save = next(name for name, node in api.items() if node["class_type"] == "SaveImage")
    assert extras_of_graph(api, save) == []
    extra = upscaling()
    extra["large"]["inputs"]["image"] = api[save]["inputs"]["images"]
    api |= {name: extra[name] for name in ("first", "large")}
    api[save]["inputs"]["images"] = ["large", 0]
    assert extras_of_graph(api, save) == [
        Parameter("Postprocess upscale by", "2"),
        Parameter("Postprocess upscaler", "Lanczos"),
    ]


def test_an_upscale_between_the_passes_is_no_postprocessing():
    api = to_api(gallery.hires_fix_image())
    save = next(name for name, node in api.items() if node["class_type"] == "SaveImage")
    assert extras_of_graph(api, save) == []


@pytest.mark.parametrize("prompt", [None, [], {"save": None}, {"save": {"inputs": {"images": ["save", 0]}}}])
def test_what_is_no_graph_has_no_text(prompt):
    assert extras_of_graph(prompt, "save") == []

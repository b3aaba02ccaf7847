"""No generation text looks complete that is not: ControlNets are said, all else is named, or there is no text."""

import json
from contextlib import suppress

import pytest
from hires_pack.hires.graph.to_api import to_api
from hires_pack.hires.infotext.from_graph.controls import ControlUnit, control_parameters
from hires_pack.hires.infotext.from_graph.not_in_text import NOT_IN_TEXT, parameters_not_in_text
from hires_pack.hires.infotext.from_graph.passes import NoWordsError, OtherSamplerError
from hires_pack.hires.infotext.from_graph.read import read_graph
from hires_pack.hires.infotext.text import Infotext, parse, write
from hires_pack.recipes import gallery, gallery_models, gallery_upscale
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

FIRST, SECOND = "HiresFixBaseSampling", "HiresFixSecondSampling"


def graph(**job):
    api = to_api(gallery.hires_fix_latent(**job))
    for name in [name for name, node in api.items() if node["class_type"] == "HiresFixCompare"]:
        del api[api.pop(name)["inputs"]["image_a"][0]]  # the base picture
    return api


def of_kind(api, kind):
    return next(name for name, node in api.items() if node["class_type"] == kind)


def inputs(api, kind):
    return api[of_kind(api, kind)]["inputs"]


def read(api):
    return read_graph(api, of_kind(api, "SaveImage"))


def insert(api, kind, name, on=(FIRST, SECOND), output=0, **values):
    """Put one node of this type on an input of nodes of these types."""
    api["new"] = {"class_type": kind, "inputs": {name: inputs(api, on[0])[name], **values}}
    for other in on:
        inputs(api, other)[name] = ["new", output]


def control(api, name, passes, file="control_v11f1e_sd15_tile.pth", kind="ControlNetApplyAdvanced", **values):
    """Put a ControlNet on both prompts of these passes, behind those that are there."""
    api[f"{name} file"] = {"class_type": "ControlNetLoader", "inputs": {"control_net_name": file}}
    api[f"{name} picture"] = {"class_type": "Canny", "inputs": {"image": ["photo", 0], "low_threshold": 0.4}}
    api["photo"] = {"class_type": "LoadImage", "inputs": {"image": "a.png"}}
    before = inputs(api, passes[0])
    sides = {"positive": before["positive"], "negative": before["negative"]}
    one = kind == "ControlNetApply"
    share = {} if one else {"start_percent": 0.0, "end_percent": 1.0}
    given = {"control_net": [f"{name} file", 0], "image": [f"{name} picture", 0], "strength": 1.0, **share, **values}
    api[name] = {"class_type": kind, "inputs": {**({"conditioning": sides["positive"]} if one else sides), **given}}
    for sampling in passes:
        inputs(api, sampling)["positive"] = [name, 0]
        if not one:
            inputs(api, sampling)["negative"] = [name, 1]


@pytest.mark.parametrize(
    "kind",
    [
        *("VAEDecode", "VAEDecodeTiled", "VAEEncode", "VAEEncodeTiled", "Reroute"),
        *("HiresFixEncodeAnySize", "HiresFixDecodeToSize"),
    ],
)
@pytest.mark.parametrize("on", ["HiresFixLatentUpscale", "SaveImage"])
def test_the_text_is_complete_with_nodes_between_that_change_nothing(kind, on):
    api = graph()
    insert(api, kind, "latent" if on != "SaveImage" else "images", (on,))
    assert read(api) == read(graph())
    assert not read(api).not_in_text


@pytest.mark.parametrize("on", ["model", "positive"])
def test_a_tile_plan_is_named_and_what_goes_through_it_is_read(on):
    api = graph()
    given = {name: inputs(api, SECOND)[name] for name in ("model", "positive")}
    values = {"image": ["photo", 0], "plan": "tile 1 | skip", "skip_flat": 0.0, "fade": 32, "tile_size": 512}
    api["photo"] = {"class_type": "LoadImage", "inputs": {"image": "a.png"}}
    api["plan"] = {"class_type": "HiresFixTilePlan", "inputs": {**given, **values}}
    inputs(api, SECOND)[on] = ["plan", ("model", "positive").index(on)]
    said, plain = read(api), read(graph())
    assert set(said.not_in_text) == {"HiresFixTilePlan"}
    assert (said.settings.prompt, said.settings.checkpoint) == (plain.settings.prompt, plain.settings.checkpoint)


# ---- ControlNet -----------------------------------------------------------------------------------------------------

TILE = "control_v11f1e_sd15_tile.pth"


@pytest.mark.parametrize("kind", ["ControlNetApply", "ControlNetApplyAdvanced", "ControlNetApplySD3"])
@pytest.mark.parametrize(
    ("passes", "option"), [((FIRST, SECOND), "Both"), ((FIRST,), "Low res only"), ((SECOND,), "High res only")]
)
def test_a_control_net_is_said_with_its_passes(kind, passes, option):
    api = graph()
    control(api, "tile", passes, kind=kind, strength=0.75)
    found = read(api)
    assert found.controls == [ControlUnit(TILE, 0.75, 0.0, 1.0, option)]
    assert found.not_in_text == []
    assert found.settings == read(graph()).settings


def test_the_words_are_those_of_the_extension():
    """As in texts that sd-webui-controlnet 1.1.455 wrote, with A1111 v1.9.3."""
    units = [ControlUnit(TILE, 1.0, 0.0, 1.0), ControlUnit("xl/canny.safetensors", 0.45, 0.25, 0.6, "High res only")]
    first, second = control_parameters(units, {TILE: "a371b31b"}.get)
    assert str(first) == (
        'ControlNet 0: "Module: none, Model: control_v11f1e_sd15_tile [a371b31b], Weight: 1.0, Resize Mode: Crop and '
        "Resize, Processor Res: 512, Threshold A: 0.5, Threshold B: 0.5, Guidance Start: 0.0, Guidance End: 1.0, "
        'Pixel Perfect: True, Control Mode: Balanced"'
    )
    assert second.key == "ControlNet 1"
    assert second.value.startswith("Module: none, Model: canny, Weight: 0.45, Resize")
    assert second.value.endswith("Start: 0.25, Guidance End: 0.6, Pixel Perfect: True, Control Mode: Balanced, "
                                 "Hr Option: High res only")  # fmt: skip


def test_several_are_said_in_the_order_that_they_are_applied():
    api = graph()
    control(api, "one", (FIRST, SECOND), "one.pth")
    control(api, "two", (SECOND,), "two.pth", start_percent=0.25, end_percent=0.5)
    control(api, "off", (SECOND,), "off.pth", strength=0)
    assert read(api).controls == [
        ControlUnit("one.pth", 1.0, 0.0, 1.0),
        ControlUnit("two.pth", 1.0, 0.25, 0.5, "High res only"),
    ]
    assert read(api).not_in_text == []


def test_equal_nodes_for_each_pass_are_one():
    api = graph()
    control(api, "first", (FIRST,))
    control(api, "second", (SECOND,))
    assert read(api).controls == [ControlUnit(TILE, 1.0, 0.0, 1.0, "Both")]


def test_without_a_second_pass_there_is_no_word_for_the_passes():
    api = graph()
    control(api, "tile", (FIRST,))
    assert read_graph(api, of_kind(api, FIRST)).controls == [ControlUnit(TILE, 1.0, 0.0, 1.0)]


@pytest.mark.parametrize(
    "change", [{"strength": ["dice", 0]}, {"start_percent": ["dice", 0]}, {"control_net": ["dice", 0]}]
)
def test_a_control_net_with_a_value_that_is_not_known_is_named(change):
    api = graph()
    control(api, "tile", (FIRST, SECOND))
    api["dice"] = {"class_type": "Dice", "inputs": {"a": 1, "b": 2}}
    api["tile"]["inputs"] |= change
    assert read(api).controls == []
    assert {"ControlNetApplyAdvanced", "Dice"} <= set(read(api).not_in_text)


def test_a_control_net_on_one_prompt_is_named():
    """A1111's works on both."""
    for side in ("positive", "negative"):
        api, plain = graph(), graph()
        control(api, "tile", (FIRST, SECOND))
        for sampling in (FIRST, SECOND):
            inputs(api, sampling)[side] = inputs(plain, sampling)[side]
        found = read(api)
        assert found.controls == []
        assert "ControlNetApplyAdvanced" in found.not_in_text


# ---- named ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((kind, "model") for kind in ("FreeU_V2", "RescaleCFG", "PerturbedAttentionGuidance", "IPAdapterAdvanced")),
        *((kind, "model") for kind in ("HypernetworkLoader", "ModelSamplingDiscrete", "ModelMergeSimple")),
        *((kind, "positive") for kind in ("ConditioningSetArea", "ConditioningSetMask", "GLIGENTextBoxApply")),
        *((kind, "positive") for kind in ("ConditioningSetTimestepRange", "unCLIPConditioning", "StyleModelApply")),
        *((kind, "noise") for kind in ("DisableNoise", "SomeOtherNoise")),
    ],
)
@pytest.mark.parametrize("on", [(FIRST,), (SECOND,), (FIRST, SECOND)])
def test_what_changes_the_picture_without_a_word_in_a1111_is_named(kind, name, on):
    api = graph()
    insert(api, kind, name, on, strength=0.5)
    found = read(api)
    assert kind in found.not_in_text
    assert set(found.not_in_text) <= {kind, "prompt", "Seed", "HiresFixNoise"}


@pytest.mark.parametrize("kind", ["SetLatentNoiseMask", "LatentComposite", "VAEEncode", "LatentFromBatch"])
def test_first_latents_that_are_not_empty_are_named(kind):
    api = graph()
    insert(api, kind, "latent", (FIRST,), width=8, height=8)
    assert kind in read(api).not_in_text


def test_what_is_done_to_the_finished_picture_is_named():
    api = graph()
    insert(api, "ImageSharpen", "images", ("SaveImage",), alpha=1.0)
    assert read(api).not_in_text == ["ImageSharpen"]


def test_a_graph_that_is_told_completely_names_nothing():
    assert read(graph()).not_in_text == []
    assert parameters_not_in_text([]) == []


def test_names_stand_in_the_text_and_come_back():
    written = write(Infotext("a cat", "", (parse("Steps: 1, Seed: 2, Size: 8x8").parameters + tuple(
        parameters_not_in_text(["FreeU_V2", "negative prompt"])))))  # fmt: skip
    assert written == f'a cat\nSteps: 1, Seed: 2, Size: 8x8, {NOT_IN_TEXT}: "FreeU_V2, negative prompt"'
    assert parse(written).get(NOT_IN_TEXT) == "FreeU_V2, negative prompt"


@pytest.mark.parametrize(
    ("kind", "name", "key"),
    [
        (FIRST, "steps", "Steps"),
        (FIRST, "cfg", "CFG scale"),
        (FIRST, "sampler_name", "Sampler"),
        (FIRST, "scheduler", "Schedule type"),
        ("HiresFixNoise", "seed", "Seed"),
        ("EmptyLatentImage", "width", "Size"),
        ("CheckpointLoaderSimple", "ckpt_name", "Model"),
        ("HiresFixRenoise", "denoising_strength", "Denoising strength"),
        (SECOND, "sampler_name", None),
        (SECOND, "cfg", None),
    ],
)
def test_values_that_other_nodes_work_out_are_named(kind, name, key):
    api = graph()
    api["dice"] = {"class_type": "Dice", "inputs": {"a": 1, "b": 2}}
    inputs(api, kind)[name] = ["dice", 0]
    assert set(read(api).not_in_text) >= {"Dice", *([key] if key else [])}


def test_a_layer_of_the_text_encoder_is_clip_skip():
    for node in (FIRST, SECOND):
        api = graph()
        clip = inputs(api, "CLIPTextEncode")["clip"]
        api["layer"] = {"class_type": "CLIPSetLastLayer", "inputs": {"clip": clip, "stop_at_clip_layer": -2}}
        for encoder in (entry["inputs"] for entry in api.values() if entry["class_type"] == "CLIPTextEncode"):
            encoder["clip"] = ["layer", 0]
        assert read(api).settings.clip_skip == 2
        assert read(api).not_in_text == []
        text = api[inputs(api, node)["negative"][0]]
        api["plain"] = {**text, "inputs": {**text["inputs"], "clip": clip}}
        inputs(api, node)["negative"] = ["plain", 0]
        assert read(api).not_in_text == ["Clip skip"]


def test_loaders_that_were_not_read_are_named():
    api = graph()
    api["other"] = {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "other.safetensors"}}
    inputs(api, "CLIPTextEncode")["clip"] = ["other", 1]
    assert "CheckpointLoaderSimple" in read(api).not_in_text
    api["other"]["inputs"] = dict(inputs(graph(), "CheckpointLoaderSimple"))
    assert read(api).not_in_text == []


def test_loras_that_no_tag_can_name_are_named():
    api = graph()
    values = {"lora_name": "a:b.safetensors", "strength_model": 1.0, "strength_clip": 1.0}
    insert(api, "LoraLoader", "model", **values)
    assert read(api).not_in_text == ["LoraLoader"]
    api["new"]["inputs"]["lora_name"] = "ab.safetensors"
    assert read(api).not_in_text == []


def test_a_second_seed_is_named():
    api = graph(seed=5)
    api["other"] = {"class_type": "HiresFixNoise", "inputs": {**inputs(api, "HiresFixNoise"), "seed": 6}}
    inputs(api, "HiresFixRenoise")["noise"] = ["other", 0]
    assert read(api).not_in_text == ["HiresFixNoise"]
    api["other"]["inputs"]["seed"] = 5
    assert read(api).not_in_text == []


def test_settings_of_one_pass_only_are_named():
    api = graph()
    api["set"] = {"class_type": "HiresFixA1111Settings", "inputs": {"eta_ancestral": 0.5}}
    inputs(api, FIRST)["settings"] = ["set", 0]
    assert read(api).not_in_text == []  # the second pass has them as well, with the sampler
    inputs(api, "HiresFixRenoise").update(sampler_name="Euler", scheduler="Karras")
    assert read(api).not_in_text == ["HiresFixA1111Settings"]
    inputs(api, SECOND)["settings"] = ["set", 0]
    assert read(api).not_in_text == []
    api["set"]["inputs"]["use_old_karras_scheduler_sigmas"] = True  # which A1111 does not write down
    assert read(api).not_in_text == ["use_old_karras_scheduler_sigmas"]


def test_flow_models_have_the_words_of_forge():
    api = to_api(gallery_models.hires_fix_flow())
    api["clips"] = {"class_type": "DualCLIPLoader", "inputs": {
        "clip_name1": "clip_l.safetensors", "clip_name2": "flux/t5xxl_fp16.safetensors", "type": "flux"}}  # fmt: skip
    for node in api.values():
        if node["class_type"] == "CLIPTextEncode":
            node["inputs"]["clip"] = ["clips", 0]
    found = read(api)
    assert [str(one) for one in found.further] == [
        "Distilled CFG Scale: 3.5",
        "Module 1: clip_l",
        "Module 2: t5xxl_fp16",
    ]
    assert found.not_in_text == []


# ---- no text, and why -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("api", "reason"),
    [
        (to_api(gallery_upscale.multi_stage_upscale()), "two second passes"),
        (to_api(gallery_upscale.multi_stage_upscale(denoising_strengths=(0.5, 0.4, 0.3))), "three second passes"),
        (to_api(gallery.hires_fix_image()), "it begins with another picture"),
    ],
)
def test_a_graph_without_a_text_has_a_reason(api, reason):
    with pytest.raises(NoWordsError) as caught:
        read(api)
    assert caught.value.reason == reason


def test_another_sampler_between_is_the_reason():
    api = graph()
    insert(api, "KSampler", "samples", ("VAEDecode",), positive=["p", 0])
    with pytest.raises(NoWordsError, match="the graph has KSampler besides") as caught:
        read(api)
    assert not isinstance(caught.value, OtherSamplerError)
    inputs(api, "KSampler").pop("samples")
    with pytest.raises(OtherSamplerError, match="but KSampler: settings are read off those two alone"):
        read(api)


# ---- graphs of hostile hands ----------------------------------------------------------------------------------------


class Counted(dict):
    """A graph that counts how often its nodes are looked at."""

    looks = 0

    def __getitem__(self, key):
        Counted.looks += 1
        return super().__getitem__(key)

    def get(self, key, default=None):
        Counted.looks += 1
        return super().get(key, default)


def looks_at(nodes):
    """How often the inputs of the nodes of a graph are looked at while it is read."""
    Counted.looks = 0
    api = {name: {**node, "inputs": Counted(node["inputs"])} for name, node in nodes.items()}
    with suppress(NoWordsError):
        read(api)
    return Counted.looks


def chain(length, kind, name, on):
    api = graph()
    start = inputs(api, on)[name]
    for index in range(length):
        api[f"link {index}"] = {"class_type": kind, "inputs": {name: start, f"{name}_2": start}}
        start = [f"link {index}", 0]
    inputs(api, on)[name] = start
    return api


@pytest.mark.parametrize(
    ("kind", "name", "on"),
    [
        ("FreeU", "model", FIRST),
        ("ConditioningCombine", "positive", SECOND),
        ("ControlNetApply", "positive", FIRST),
        ("LatentFlip", "latent", "HiresFixLatentUpscale"),
        ("ImageBlend", "images", "SaveImage"),
        ("KSampler", "images", "SaveImage"),
    ],
)
def test_work_grows_with_the_graph_and_no_faster(kind, name, on):
    """Each node is linked to the one before it twice: ways through the graph are 2 to the power of its nodes."""
    base = looks_at(graph())
    short, long = (looks_at(chain(length, kind, name, on)) - base for length in (400, 800))
    assert long <= 2.2 * short


def test_a_long_chain_and_a_ring_end():
    api = chain(5000, "ConditioningCombine", "positive", FIRST)
    assert "ConditioningCombine" in read(api).not_in_text
    for kind, name, on in (("FreeU", "model", FIRST), ("Blend", "positive", FIRST), ("Flip", "images", "SaveImage")):
        api = chain(2, kind, name, on)
        api["link 0"]["inputs"][name] = ["link 1", 0]
        try:
            read(api)
        except ValueError:
            assert name == "images"  # nothing draws it


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.sampled_from(["1", "2", "a", "euler"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)
NAMES = sorted({name for node in graph().values() for name in node["inputs"]})


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from([*NAMES, "class_type", "inputs"]), ANY), max_size=6))
def test_no_graph_raises_anything_else(changes):
    api = graph()
    ids = list(api)
    for index, name, value in changes:
        node = api[ids[index % len(ids)]]
        target = node if name in node or not isinstance(node.get("inputs"), dict) else node["inputs"]
        target[name] = value
    with suppress(ValueError):
        json.dumps(read_graph(api, ids[-1]).not_in_text)

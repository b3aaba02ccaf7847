"""Areas in pixels that cannot follow the picture are told of before a run."""

import pytest
from hires_pack.hires.plan.areas import area_warnings


def warned(graph):
    return set(area_warnings(graph, lambda: True))


def node(kind, **links):
    return {"class_type": kind, "inputs": {name: [source, 0] for name, source in links.items()}}


def two_passes(first="KSampler", between=(), area="ConditioningSetArea", second_prompt="area"):
    graph = {
        "text": node("CLIPTextEncode", clip="loader"),
        "loader": node("CheckpointLoaderSimple"),
        "area": node(area, conditioning="text"),
        "both": node("ConditioningCombine", conditioning_1="area", conditioning_2="text"),
        "first": node(first, model="loader", positive="both", negative="text", latent="empty"),
        "empty": node("EmptyLatentImage"),
    }
    before = "first"
    for number, (kind, name) in enumerate(between):
        graph[f"between{number}"] = node(kind, **{name: before})
        before = f"between{number}"
    graph["noised"] = node("HiresFixRenoise", latent=before)
    graph["second"] = node("HiresFixSecondSampling", positive=second_prompt, negative="text", latent="noised")
    return graph


UPSCALE = [("HiresFixLatentUpscale", "latent")]
BY_HAND = [("VAEDecode", "samples"), ("ImageScaleBy", "image"), ("VAEEncode", "pixels")]


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        (two_passes(between=UPSCALE), {"second"}),
        (two_passes("HiresFixBaseSampling", BY_HAND), {"second"}),
        (two_passes(between=UPSCALE, area="GLIGENTextBoxApply"), {"second"}),
        (two_passes("HiresFixBaseSampling", UPSCALE), set()),
        (two_passes("HiresFixBaseSampling", [*UPSCALE, ("LatentFromBatch", "samples")]), set()),
        (two_passes(between=UPSCALE, second_prompt="text"), set()),
        (two_passes(between=UPSCALE, area="ConditioningSetAreaPercentage"), set()),
        (
            two_passes(between=UPSCALE, second_prompt="own")
            | {"own": node("ConditioningSetArea", conditioning="text")},
            set(),
        ),
    ],
)
def test_areas_of_an_unknown_first_pass(graph, expected):
    assert warned(graph) == expected


@pytest.mark.parametrize("odd", [None, [], {"1": None}, {"1": {"class_type": "HiresFixSecondSampling", "inputs": 3}}])
def test_odd_graphs_and_rings_are_nothing_to_warn_of(odd):
    assert warned(odd) == set()
    ring = two_passes(between=UPSCALE)
    ring["first"]["inputs"]["latent"] = ["noised", 0]
    assert warned(ring) == {"second"}

"""Second passes that do as the first does: what a graph says of them before it runs."""

import pytest
from hires_pack.hires.graph.reader import ApiGraph, Node
from hires_pack.hires.graph.same import settings_of, told_by
from hires_pack.hires.plan.graph import plan
from hires_pack.hires.sampling.same import SAME_CFG, SAME_SAMPLER, SAME_SCHEDULER, misfit
from hires_pack.tests.unit.plan.test_plan import Known

SAME = {"steps": 0, "sampler_name": SAME_SAMPLER, "scheduler": SAME_SCHEDULER}
BASE = {"steps": 12, "cfg": 5.5, "sampler_name": "Euler a", "scheduler": "Karras"}
RENOISE = {**SAME, "denoising_strength": 0.5, "hr_second_pass_steps": 0}
SECOND = {"cfg": SAME_CFG, "sampler_name": SAME_SAMPLER}


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def graph(base=None, renoise=None, second=None, between=("LatentUpscaleBy", "samples"), start="base"):
    """Base Sampling, a node in between, Re-noise and Second Sampling; `start`: what the node in between takes."""
    return {
        "empty": node("EmptyLatentImage", width=512, height=512, batch_size=1),
        "steps": node("PrimitiveInt", value=12),
        "base": node("HiresFixBaseSampling", latent=["empty", 0], **{**BASE, **(base or {})}),
        "core": node("KSampler", latent_image=["empty", 0]),
        "picture": node("VAEEncode", pixels=["file", 0]),
        "between": node(between[0], **{between[1]: [start, 0]}),
        "renoise": node("HiresFixRenoise", latent=["between", 0], **{**RENOISE, **(renoise or {})}),
        "second": node(
            "HiresFixSecondSampling",
            latent=["renoise", 0],
            sigmas=["renoise", 1],
            **{**SECOND, **(second or {})},
        ),
    }


def said(of="renoise", **changes):
    return plan(graph(**changes), Known()).get(of) or {"text": "", "warning": None}


def test_the_steps_of_the_first_pass_count():
    assert said()["text"] == "12 of 24 steps"
    assert said(base={"steps": ["steps", 0]})["text"] == "12 of 24 steps"
    assert said(renoise={"hr_second_pass_steps": 5})["text"] == "5 of 10 steps"
    assert said(between=("LatentFromBatch", "samples"))["text"] == "12 of 24 steps"


@pytest.mark.parametrize("is_ring", [False, True])
def test_looking_for_the_first_pass_grows_with_the_graph_and_no_faster(monkeypatch, is_ring):
    """Passes one after the other that all do as the first does; the links that are read are counted."""
    links, read = [0], Node.source

    def counted(self, name):
        links[0] += 1
        return read(self, name)

    monkeypatch.setattr(Node, "source", counted)

    def looked_at(count):
        passes, before = graph(), "second"
        for number in range(count):
            passes[f"r{number}"] = node("HiresFixRenoise", latent=[before, 0], **RENOISE)
            before = f"s{number}"
            passes[before] = node(
                "HiresFixSecondSampling", latent=[f"r{number}", 0], sigmas=[f"r{number}", 1], **SECOND
            )
        if is_ring:
            passes["between"]["inputs"]["samples"] = [before, 0]
        links[0], nodes = 0, ApiGraph(passes)
        told = {told_by(nodes[name], "scheduler").text("scheduler") for name in nodes if name.startswith("r")}
        assert told == ({None} if is_ring else {"Karras"})
        return links[0]

    assert looked_at(400) < 2.5 * looked_at(200)


def test_the_nodes_know_whose_values_they_have():
    nodes = ApiGraph(graph())
    assert told_by(nodes["second"], "sampler_name").text("sampler_name") == "Euler a"
    assert told_by(nodes["second"], "cfg").number("cfg") == 5.5
    assert told_by(nodes["renoise"], "scheduler").text("scheduler") == "Karras"
    own = ApiGraph(graph(renoise={"sampler_name": "Heun"}, second={"cfg": 2.0}))
    assert told_by(own["second"], "sampler_name").text("sampler_name") == "Heun"
    assert told_by(own["second"], "cfg").number("cfg") == 2.0


def test_settings_come_along_while_something_is_the_same():
    first = {"settings": ["options", 0]}
    assert settings_of(ApiGraph(graph(base=first))["second"]) == "options"
    spelt = {"sampler_name": "Euler a", "scheduler": "Karras"}
    assert settings_of(ApiGraph(graph(base=first, renoise=spelt))["second"]) is None
    assert settings_of(ApiGraph(graph(base=first, second={"sampler_name": "Euler a"}))["second"]) is None
    assert settings_of(ApiGraph(graph(base=first, renoise={"settings": ["own", 0]}))["second"]) == "own"


@pytest.mark.parametrize(
    "changes",
    [
        {"start": "core"},
        {"start": "picture"},
        {"between": ("RebatchLatents", "latents")},
        {"start": "picture", "renoise": {"sampler_name": "Euler", "hr_second_pass_steps": 4}},
        {"start": "picture", "renoise": {"sampler_name": "Euler", "scheduler": "Karras"}},
    ],
)
def test_without_a_first_pass_it_is_said_before_the_run(changes):
    badge = said(**changes)
    assert badge["text"] == "stops with an error"
    assert "comes from no Base Sampling" in badge["warning"]


def test_a_cfg_that_is_not_known_is_said_before_the_run():
    spelt = {"steps": 8, "sampler_name": "Euler", "scheduler": "Karras"}
    assert "'-1' means" in said("second", start="picture", renoise=spelt)["warning"]
    assert said("second", start="picture", renoise=spelt, second={"cfg": 4.0})["warning"] is None
    assert "has a cfg of its own" in said("second", base={"guider": ["perp", 0]})["warning"]
    assert said("second", base={"guider": ["perp", 0]}, second={"guider": ["perp", 0]})["warning"] is None


def test_what_is_behind_unknown_nodes_is_not_guessed():
    for changes in ({"start": "nowhere"}, {"between": ("Odd", "pipe")}):
        assert said(**changes)["text"] == ""
        assert said("second", **changes)["warning"] is None


def test_other_steps_than_the_first_pass_has_are_warned_of():
    assert "Base Sampling has 40 steps" in said(base={"steps": 40}, renoise={"steps": 12})["warning"]
    assert said(base={"steps": 40}, renoise={"steps": 12, "hr_second_pass_steps": 12})["warning"] is None
    assert said(renoise={"steps": 12})["warning"] is None


def test_another_sampler_of_the_second_pass_is_named():
    assert said(renoise={"sampler_name": "Heun"})["text"] == "12 of 24 steps with Heun"
    assert said(renoise={"sampler_name": "Euler a"})["text"] == "12 of 24 steps"


def test_sigmas_of_another_sampler_are_warned_of():
    warning = said("second", base={"sampler_name": "DDIM"}, second={"sampler_name": "Euler a"})["warning"]
    assert "Re-noise makes the sigmas for DDIM, and Euler a runs them" in warning
    assert said("second", second={"sampler_name": "Euler"})["warning"] is None  # which has the same of Karras


@pytest.mark.parametrize(
    ("made_for", "run_by", "scheduler", "differ"),
    [
        ("DPM++ 2M", "Euler a", "Automatic", True),
        ("DPM++ 2M", "Euler a", "Karras", False),
        ("DPM++ 2M", "DPM++ SDE", "Automatic", False),
        ("DDIM", "PLMS", "Automatic", False),
        ("Euler", "DDIM", "Karras", True),
        ("Euler", "LCM", "Uniform", True),
        ("DPM2", "Heun", "Karras", True),
        ("euler", "dpm_2", "normal", True),
        ("euler", "dpmpp_2m", "normal", False),
        ("DPM2", "dpm_2", "Karras", False),
    ],
)
def test_which_samplers_share_their_sigmas(made_for, run_by, scheduler, differ):
    assert bool(misfit(made_for, run_by, scheduler)) == differ


def test_rings_end():
    ring = graph()
    ring["between"]["inputs"]["samples"] = ["renoise", 0]
    plan(ring, Known())
    assert told_by(ApiGraph(ring)["second"], "cfg").number("cfg") is None

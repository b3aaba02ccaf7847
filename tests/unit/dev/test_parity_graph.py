"""Every setting of a recorded job reaches a node, or is reported."""

import pytest
import torch
from hires_pack.dev.parity import differences
from hires_pack.dev.parity import extras as parity_extras
from hires_pack.dev.parity import txt2img as parity_txt2img
from hires_pack.dev.parity.cases import Case
from hires_pack.dev.parity.graph import LooseGraph
from hires_pack.dev.parity.names import ModelNames
from hires_pack.dev.parity.settings import NotMappedError
from hires_pack.hires.graph.to_api import to_api
from hires_pack.hires.sampling.same import SAME_SAMPLER as SAME
from hires_pack.hires.sampling.settings import DEFAULTS
from safetensors.torch import save_file

NAMES = ModelNames(
    {"tiny_sd15": "tiny_sd15.safetensors", "tiny_sd15_b": "tiny_sd15_b.safetensors"},
    {"tiny_rrdb_x4": "tiny_rrdb_x4.safetensors"},
)
PASS = {
    "cond": [[{"weight": 1.0, "schedules": [{"end_at_step": 8, "embedding": "p"}]}]],
    "uncond": [[{"end_at_step": 8, "embedding": "n"}]],
    "prompts": ["a cat"],
    "negative_prompts": ["a dog"],
}
REQUEST = {
    "prompt": "a cat", "negative_prompt": "a dog", "seed": 5, "steps": 8, "width": 64, "height": 96,
    "sampler_name": "Euler a", "enable_hr": True, "hr_upscaler": "Latent", "denoising_strength": 0.7,
}  # fmt: skip


@pytest.fixture
def shelf(tmp_path):
    (tmp_path / "embeddings").mkdir()
    for name in "pnq":
        save_file({"embedding": torch.zeros(77, 8)}, tmp_path / "embeddings" / f"{name}.safetensors")
    return tmp_path


def case(shelf, request=None, options=None, first=None, hr=None, count=1, **effective):
    """A recorded job: REQUEST with changes."""
    full = {**REQUEST, **(request or {})}
    record = {"first": {**PASS, **(first or {})}}
    if full["enable_hr"]:
        record["hr"] = {**PASS, **(hr or {})}
    data = {
        "id": "made-up",
        "kind": "txt2img",
        "checkpoint": "tiny_sd15",
        "program": {"device": "cpu"},
        "request": full,
        "options": options or {},
        "effective": {"all_seeds": [5, 6, 7, 8], "all_subseeds": [50, 51, 52, 53], **effective},
        "iterations": [record] * count,
    }
    return Case(shelf, shelf, data)


def nodes(plan, class_type):
    """The inputs of all nodes of a type."""
    return [node["inputs"] for node in to_api(plan.graph).values() if node["class_type"] == class_type]


def node(plan, class_type):
    (found,) = nodes(plan, class_type)
    return found


def test_the_plain_job_uses_the_plain_nodes(shelf):
    plan = parity_txt2img.build(case(shelf), "injected", NAMES)
    assert node(plan, "HiresFixNoise") == {"seed": 5, "source": "CPU"}
    base = node(plan, "HiresFixBaseSampling")
    assert (base["steps"], base["cfg"], base["sampler_name"], base["scheduler"]) == (8, 7.0, "Euler a", "Automatic")
    assert "settings" not in base
    assert "refiner" not in base
    assert node(plan, "HiresFixRenoise")["denoising_strength"] == 0.7
    assert not nodes(plan, "HiresFixA1111Settings")
    stages = ("first.noise", "first.calls", "first.latent", "hr.init", "hr.noise", "hr.sigmas", "hr.calls", "hr.latent")
    assert set(plan.saves) == {f"it0.{stage}" for stage in (*stages, "image")}


@pytest.mark.parametrize("name", sorted(DEFAULTS))
def test_every_option_of_the_settings_node_reaches_all_samplers(name, shelf):
    default = DEFAULTS[name]
    value = {"uni_pc_variant": "bh2", "uni_pc_skip_type": "logSNR", "sd_noise_schedule": "Zero Terminal SNR"}.get(name)
    value = value or (not default if isinstance(default, bool) else default + 1)
    plan = parity_txt2img.build(case(shelf, options={name: value}), "injected", NAMES)
    assert node(plan, "HiresFixA1111Settings") == {**DEFAULTS, name: value}
    settings = node(plan, "HiresFixBaseSampling")["settings"]
    assert to_api(plan.graph)[settings[0]]["class_type"] == "HiresFixA1111Settings"
    # the second pass takes the first one's
    assert "settings" not in node(plan, "HiresFixRenoise")
    assert node(plan, "HiresFixSecondSampling")["sampler_name"] == node(plan, "HiresFixRenoise")["sampler_name"] == SAME


def test_fields_of_the_request_win_as_the_program_resolved_them(shelf):
    changed = case(shelf, {"s_churn": 3.0, "eta": 0.5}, s_churn=3.0, s_tmax="inf", s_noise=1.0, eta=0.5)
    plan = parity_txt2img.build(changed, "injected", NAMES)
    given = {"s_churn": 3.0, "eta_ancestral": 0.5, "eta_ddim": 0.5}
    assert node(plan, "HiresFixA1111Settings") == {**DEFAULTS, **given}


def test_an_option_in_the_request_wins_over_the_recorded_one(shelf):
    changed = case(shelf, {"override_settings": {"rho": 5.0}}, options={"rho": 0.0})
    assert node(parity_txt2img.build(changed, "injected", NAMES), "HiresFixA1111Settings")["rho"] == 5.0


@pytest.mark.parametrize(
    ("change", "reported"),
    [
        ({"request": {"restore_faces": True}}, "restore_faces=True"),
        ({"request": {"something_new": 3}}, "something_new=3"),
        ({"options": {"token_merging_ratio": 0.4}}, "token_merging_ratio=0.4"),
        ({"options": {"an_option_nobody_knows": "x"}}, "an_option_nobody_knows=x"),
        ({"options": {"tiling": True}}, "tiling=True"),
        ({"options": {"sd_vae": "other.pt"}}, "sd_vae=other.pt"),
        ({"request": {"hr_checkpoint_name": "missing"}}, "checkpoint=missing"),
        ({"request": {"hr_upscaler": "missing"}}, "upscaler=missing"),
        ({"request": {"enable_hr": False}, "options": {"use_old_scheduling": True}}, "use_old_scheduling=True"),
    ],
)
def test_what_no_node_has_is_reported(change, reported, shelf):
    with pytest.raises(NotMappedError) as problem:
        parity_txt2img.build(case(shelf, **change), "injected", NAMES)
    assert reported in problem.value.settings


def test_what_cannot_matter_is_not_reported(shelf):
    options = {"img2img_fix_steps": True, "add_version_to_infotext": False}
    parity_txt2img.build(case(shelf, {"save_images": True}, options), "injected", NAMES)
    without = {"enable_hr": False, "hr_scale": 3.0, "hr_checkpoint_name": "missing"}
    plan = parity_txt2img.build(case(shelf, without, {"ESRGAN_tile": 64}), "injected", NAMES)
    assert not nodes(plan, "HiresFixSecondSampling")


def test_batches_and_batch_counts_take_their_own_seeds(shelf):
    plan = parity_txt2img.build(case(shelf, {"batch_size": 2, "n_iter": 2}, count=2), "injected", NAMES)
    assert [found["seed"] for found in nodes(plan, "HiresFixNoise")] == [5, 7]
    assert node(plan, "EmptyLatentImage") == {"width": 64, "height": 96, "batch_size": 2}


def test_variation_seed_resize_and_seed_delta(shelf):
    request = {"subseed": 50, "subseed_strength": 0.3, "seed_resize_from_w": 96, "seed_resize_from_h": 80}
    changed = case(shelf, request, {"eta_noise_seed_delta": 31337, "randn_source": "NV"}, count=2)
    assert nodes(parity_txt2img.build(changed, "injected", NAMES), "HiresFixNoise")[1] == {
        "seed": 6, "source": "GPU", "subseed": 51, "subseed_strength": 0.3, "seed_resize_from_w": 96,
        "seed_resize_from_h": 80, "eta_noise_seed_delta": 31337,
    }  # fmt: skip


def test_the_second_pass_takes_its_own_sampler_schedule_checkpoint_and_prompt(shelf):
    request = {
        "hr_sampler_name": "DPM2",
        "hr_scheduler": "karras",
        "hr_checkpoint_name": "tiny_sd15_b [0123456789]",
        "hr_second_pass_steps": 5,
    }
    changed = case(shelf, request, hr={"prompts": ["a bird"]})
    plan = parity_txt2img.build(changed, "encoded", NAMES)
    second = node(plan, "HiresFixSecondSampling")
    renoise = node(plan, "HiresFixRenoise")
    assert (renoise["sampler_name"], renoise["scheduler"]) == ("DPM2", "Karras")
    assert (second["sampler_name"], second["cfg"], renoise["steps"]) == (SAME, -1.0, 0)
    prompt = to_api(plan.graph)[second["positive"][0]]["inputs"]
    assert (prompt["text"], prompt["for_pass"], prompt["hr_second_pass_steps"]) == ("a bird", "second pass", 5)
    assert (prompt["sampler_name"], prompt["hr_sampler_name"]) == ("Euler a", "DPM2")
    loader = to_api(plan.graph)[prompt["clip"][0]]["inputs"]
    assert loader == {"ckpt_name": "tiny_sd15_b.safetensors"}
    assert to_api(plan.graph)[second["negative"][0]]["inputs"]["negative_prompt"] is True


def test_pictures_are_coded_with_the_vae_that_a1111_has_at_that_moment(shelf):
    first = {"model_at_call": [[0, "tiny_sd15"], [3, "tiny_sd15_b"]]}
    changed = case(shelf, {"hr_upscaler": "Lanczos"}, first=first, hr={"model_at_call": [[0, "tiny_sd15"]]})
    plan = parity_txt2img.build(changed, "injected", NAMES)
    pixel = node(plan, "HiresFixPixelUpscale")
    decoder = to_api(plan.graph)[pixel["image"][0]]["inputs"]["vae"][0]
    assert to_api(plan.graph)[decoder]["inputs"] == {"ckpt_name": "tiny_sd15_b.safetensors"}
    assert to_api(plan.graph)[pixel["vae"][0]]["inputs"] == {"ckpt_name": "tiny_sd15.safetensors"}


@pytest.mark.parametrize(
    ("gate", "passes"), [("second pass", ["Second"]), ("first pass", ["Base"]), ("both passes", ["Base", "Second"])]
)
def test_the_refiner_goes_where_the_option_says(gate, passes, shelf):
    request = {"refiner_checkpoint": "tiny_sd15_b", "refiner_switch_at": 0.4}
    changed = case(shelf, request, {"hires_fix_refiner_pass": gate, "refiner_switch_by_sample_steps": True})
    plan = parity_txt2img.build(changed, "encoded", NAMES)
    assert [which for which in ("Base", "Second") if "refiner" in node(plan, f"HiresFix{which}Sampling")] == passes
    for refiner in nodes(plan, "HiresFixRefiner"):
        assert (refiner["switch_at"], refiner["by_steps"]) == (0.4, True)


def test_prompt_editing_and_weights_are_injected_as_recorded(shelf):
    schedule = [{"end_at_step": 3, "embedding": "p"}, {"end_at_step": 8, "embedding": "q"}]
    first = {"cond": [[{"weight": 0.5, "schedules": schedule}]]}
    plan = parity_txt2img.build(case(shelf, first=first), "injected", NAMES)
    parts = node(plan, "ProbePrompt")["parts"]
    assert '"key": "p", "group": 0, "weight": 0.5, "first": 0, "last": 3' in parts
    assert '"key": "q", "group": 0, "weight": 0.5, "first": 4, "last": 8' in parts
    assert set(plan.tensors) == {"p", "q", "n"}


def test_a_job_that_failed_in_a1111_before_its_second_pass_is_still_built(shelf):
    failed = case(shelf, {"hr_prompt": "a bird"})
    failed.data["error"] = {"type": "UnboundLocalError", "message": "h"}
    del failed.data["iterations"][0]["hr"]
    plan = parity_txt2img.build(failed, "injected", NAMES)
    assert sorted(found["text"] for found in nodes(plan, "HiresFixPrompt")) == ["a bird", "a dog"]


def test_pixel_upscalers_take_the_tile_options_and_a_given_picture_takes_the_place_of_the_first_pass(shelf):
    from PIL import Image

    (shelf / "images").mkdir()
    Image.new("RGB", (30, 20)).save(shelf / "images" / "e.png")
    request = {"hr_upscaler": "tiny_rrdb_x4", "firstpass_image": "@images/e.png"}
    plan = parity_txt2img.build(case(shelf, request, {"ESRGAN_tile": 0}), "injected", NAMES)
    pixel = node(plan, "HiresFixPixelUpscale")
    assert (pixel["tile_size"], pixel["tile_overlap"], pixel["numbers"]) == (4096, 8, "A1111")
    assert to_api(plan.graph)[pixel["image"][0]]["class_type"] == "HiresFixLoadImage"
    assert not nodes(plan, "HiresFixBaseSampling")
    with pytest.raises(NotMappedError, match="30x20"):
        parity_txt2img.build(case(shelf, {**request, "hr_upscaler": "Latent"}), "injected", NAMES)


def test_extras_settings(shelf):
    from PIL import Image

    (shelf / "images").mkdir()
    Image.new("RGBA", (30, 20)).save(shelf / "images" / "e.png")
    data = {
        "id": "made-up",
        "kind": "extras",
        "images": ["images/e.png"],
        "request": {"resize_mode": 1, "upscaling_resize_w": 160, "upscaler_1": "Lanczos", "upscale_first": True},
        "options": {"ESRGAN_tile": 48},
        "direct_arguments": {"max_side_length": 120},
    }
    plan = parity_extras.build(Case(shelf, shelf, data), NAMES)
    large = node(plan, "HiresFixUpscaleImage")
    assert (large["resize_mode"], large["upscaling_resize_w"], large["upscaling_resize_h"]) == ("scale to", 160, 512)
    assert (large["tile_size"], large["max_side"]) == (48, 120)
    assert to_api(plan.graph)[large["image"][0]]["class_type"] == "JoinImageWithAlpha"
    data["request"]["gfpgan_visibility"] = 0.5
    with pytest.raises(NotMappedError, match="gfpgan_visibility"):
        parity_extras.build(Case(shelf, shelf, data), NAMES)


def test_an_input_that_the_server_does_not_know_is_found():
    graph = LooseGraph()
    graph.node("Known", a=1, b=None)
    known = {"Known": {"input": {"required": {"a": []}, "optional": {}}}}
    assert graph.lacking(known) == ""
    graph.node("Known", c=1)
    assert "'c'" in graph.lacking(known)
    assert graph.lacking({}) == "there is no node Known"


def test_the_same_node_is_added_once():
    graph = LooseGraph()
    assert graph.node("A", x=1) == graph.node("A", x=1) != graph.node("A", x=2)
    assert len(graph.items) == 2


def test_refusals_are_covered_by_the_table_only_where_it_says_so():
    assert differences.refusal_of("tiling=True")
    assert differences.refusal_of("tiling=False") is None
    assert differences.refusal_of("restore_faces=True") is None
    assert [line.feature for line in differences.close_of(["hr_sampler_name=DPM adaptive"])] == ["DPM adaptive"]
    assert differences.close_of(["sampler_name=DPM fast", "hr_sampler_name=None"]) == []
    rows = [f"| {line.feature} | {line.reason} |" for line in differences.REFUSALS]
    assert differences.markdown().splitlines()[2:] == rows

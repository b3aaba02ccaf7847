"""The same checkpoint, settings and seed give A1111's numbers: noise, sizes, latents and sigmas, stage by stage.

Latents are compared as the relative L2 distance. Both passes run on another torch and another attention code than
the recording did; written to follow A1111 they came out within 3e-5, so 1e-4 leaves room for rounding only.
"""

import json
from pathlib import Path

import pytest
from hires_pack.tests.tolerances import ROUNDED, SAMPLED, relative
from safetensors.torch import load_file

from .graphs import Graph, give, saved

DATA = Path(__file__).resolve().parents[1] / "data" / "oracle"
CASES = json.loads((DATA / "cases.json").read_text(encoding="utf-8"))
FIRST_PASS = (
    "width", "height", "batch_size", "seed", "randn_source", "steps", "sampler_name", "scheduler", "cfg_scale",
)  # fmt: skip
IN_TURN = sorted(CASES, key=lambda case: [str(CASES[case]["request"].get(name)) for name in FIRST_PASS])
"""Cases with equal first passes follow each other: the host runs those once."""

WITHOUT_SECOND_PASS = [
    case for case in CASES if case.startswith(("sched-", "latent-")) and case not in ("latent", "latent-euler-a")
]
"""What these are about has shown itself before: in the first pass, the larger latent and the sigmas."""

SCALE = 0.18215  # the recorded latents are multiplied by the VAE's scale factor


@pytest.fixture(scope="module")
def recorded():
    return load_file(DATA / "tensors.safetensors")


@pytest.fixture(scope="module")
def embeddings(host):
    return give(host, **{key: value[None] for key, value in load_file(DATA / "embeddings.safetensors").items()})


def build(case, checkpoint, embeddings, second_pass):
    """The whole chain with the recorded text embeddings; returns the graph and the names of what it saves."""
    request = case["request"]
    g, names = Graph(), {}
    loader = g.add("CheckpointLoaderSimple", ckpt_name=checkpoint)
    prompts = {
        which: [g.add("ProbeConditioning", file=embeddings, key=key) for key in case[which]]
        for which in ("cond", "hr_cond")
    }
    empty = g.add(
        "EmptyLatentImage", width=request["width"], height=request["height"], batch_size=request.get("batch_size", 1)
    )
    source = {"NV": "GPU"}.get(request["randn_source"], request["randn_source"])
    noise = g.add("HiresFixNoise", seed=request["seed"], source=source)
    sampler, scheduler = request["sampler_name"], request.get("scheduler") or "Automatic"
    first = g.add(
        "HiresFixBaseSampling", model=loader, positive=prompts["cond"][0], negative=prompts["cond"][1], latent=empty,
        noise=noise, steps=request["steps"], cfg=request["cfg_scale"], sampler_name=sampler, scheduler=scheduler,
    )  # fmt: skip
    target = g.add(
        "HiresFixTargetSize",
        width=request["width"],
        height=request["height"],
        hr_scale=request.get("hr_scale", 2.0),
        hr_resize_x=request.get("hr_resize_x", 0),
        hr_resize_y=request.get("hr_resize_y", 0),
        vae=loader[2],
    )
    large = g.add("HiresFixLatentUpscale", latent=first, target=target, mode=request["hr_upscaler"])
    sampler = request.get("hr_sampler_name") or sampler
    scheduler = request.get("hr_scheduler") or scheduler
    noised = g.add(
        "HiresFixRenoise",
        model=loader,
        latent=large,
        noise=noise,
        steps=request["steps"],
        denoising_strength=request["denoising_strength"],
        hr_second_pass_steps=request.get("hr_second_pass_steps", 0),
        sampler_name=sampler,
        scheduler=scheduler,
    )
    second = g.add(
        "HiresFixSecondSampling", model=loader, positive=prompts["hr_cond"][0], negative=prompts["hr_cond"][1],
        latent=noised, sigmas=noised[1], noise=noise, cfg=request["cfg_scale"], sampler_name=sampler,
    )  # fmt: skip
    saves = {
        "first.noise": {"latent": g.add("ProbeNoise", noise=noise, latent=empty)},
        "first.latent": {"latent": first},
        "hr.init": {"latent": large},
        "hr.noise": {"latent": g.add("ProbeNoise", noise=noise, latent=large)},
        "hr.sigmas": {"sigmas": noised[1]},
    }
    if second_pass:
        saves["hr.latent"] = {"latent": second}
    for stage, tensors in saves.items():
        names[stage] = g.save(**tensors)[1]
    return g, names


@pytest.mark.parametrize("case_id", IN_TURN)
def test_recorded_case(case_id, host, client, models, recorded, embeddings):
    case = CASES[case_id]
    graph, names = build(case, models.oracle, embeddings, case_id not in WITHOUT_SECOND_PASS)
    client.queue(graph).require_success()
    got = {stage: saved(host, name) for stage, name in names.items()}

    for stage in ("first.noise", "hr.noise"):
        # both are drawn with the same seeds, for the shape that the recording has as well
        error = relative(got[stage]["latent"], recorded[f"{case_id}/{stage}"])
        assert error <= ROUNDED, f"{stage}: {error:.1e}"
    if case["request"]["denoising_strength"] == 0:
        assert got["hr.sigmas"]["sigmas"].numel() == 0
    else:
        error = relative(got["hr.sigmas"]["sigmas"], recorded[f"{case_id}/hr.sigmas"])
        assert error <= ROUNDED, f"hr.sigmas: {error:.1e}"
    for stage in got.keys() & {"first.latent", "hr.init", "hr.latent"}:
        error = relative(got[stage]["latent"] * SCALE, recorded[f"{case_id}/{stage}"])
        assert error <= SAMPLED, f"{stage}: {error:.1e}"

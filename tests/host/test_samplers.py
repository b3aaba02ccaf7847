"""Every A1111 sampler and schedule through both passes, and the choices that cannot work."""

import pytest
import torch
from hires_pack.hires.sampling.menus import SAMPLERS, SCHEDULES
from hires_pack.hires.sampling.settings import DEFAULTS
from hires_pack.tests.tolerances import BATCHED, FLOAT32, SAMPLED, assert_close

from .graphs import Graph, nodes_of, saved
from .test_bad_input import explained
from .test_families import hires_fix

DISCRETE = ["DPM fast", "DPM adaptive", "Restart", "DDIM", "DDIM CFG++", "PLMS", "UniPC", "LCM"]
"""Those that know no flow models."""

# DPM adaptive makes hundreds of model calls and decides them by the whole batch
PAIRS = [("sd1" if name in DISCRETE else "sd3", name) for name in SAMPLERS if name != "DPM adaptive"]
PAIRS += [("sd1", "Euler a"), ("sd1", "DPM++ SDE"), ("sdxl-v", "DPM++ 2M"), ("sdxl-v", "DDIM")]


def with_steps(graph, first, second=0):
    for node in graph.values():
        if node["class_type"] in ("HiresFixBaseSampling", "HiresFixRenoise"):
            node["inputs"]["steps"] = first
        if node["class_type"] == "HiresFixRenoise":
            node["inputs"]["hr_second_pass_steps"] = second
    return graph


@pytest.mark.parametrize(("family", "sampler"), PAIRS)
def test_a_picture_of_a_batch_equals_its_single_run(family, sampler, host, client, models):
    results = []
    for batch in (2, 1):
        graph, names = hires_fix(host, models, family, "latent", 0.6, sampler=sampler, batch=batch)
        client.queue(with_steps(graph, 4)).require_success()
        results.append(saved(host, names["final"])["latent"])
    batch, single = results
    assert bool(torch.isfinite(batch).all())
    assert_close(batch[:1], single, BATCHED)
    assert not torch.allclose(batch[:1], batch[1:], atol=0.1 * float(batch.std()))


@pytest.mark.parametrize("sampler", DISCRETE)
def test_samplers_that_flow_models_cannot_use_say_why(sampler, host, client, models):
    graph, _ = hires_fix(host, models, "sd3", "latent", 0.6, sampler=sampler)
    explained(client.queue(graph), "Base Sampling", "'sampler_name'", sampler, "eps or v model")


@pytest.mark.parametrize(
    ("family", "scheduler"),
    [*((family, name) for family in ("sd3", "flux") for name in SCHEDULES), ("sdxl", "Align Your Steps")],
)
def test_schedules_of_a1111_on_models_that_it_never_knew(family, scheduler, host, client, models):
    """On SD 1.x they are the recorded ones, see test_oracle.py."""
    graph, names = hires_fix(host, models, family, "latent", 0.6, sampler="Euler", scheduler=scheduler)
    run = client.queue(graph)
    if scheduler == "Align Your Steps" and family != "sdxl":  # its sigmas are those of SD1 and SDXL
        explained(run, "Base Sampling", "'scheduler'", "14.6", "the largest of this", "is 1.")
        return
    run.require_success()
    assert bool(torch.isfinite(saved(host, names["final"])["latent"]).all())


@pytest.mark.parametrize("sampler", [name for name, s in SAMPLERS.items() if s.noise == "brownian"])
def test_one_step_and_strength_zero_of_sde_samplers(sampler, host, client, models):
    """A1111 fails here. One step jumps to the picture; strength 0 changes nothing."""
    graph, names = hires_fix(host, models, "sd1", "latent", 0.5, sampler=sampler)
    client.queue(with_steps(graph, 1)).require_success()
    assert bool(torch.isfinite(saved(host, names["final"])["latent"]).all())
    graph, names = hires_fix(host, models, "sd1", "latent", 0.0, sampler=sampler)
    client.queue(graph).require_success()
    assert torch.equal(saved(host, names["final"])["latent"], saved(host, names["large"])["latent"])


@pytest.mark.parametrize(
    ("sampler", "strength", "steps", "words"),
    [
        ("UniPC", 0.5, 3, ["Second Sampling", "UniPC", "at least 3 steps and has 2"]),
        ("DPM fast", 0.5, 1, ["Second Sampling", "DPM fast", "at least 2 steps"]),
        ("DPM adaptive", 0.5, 1, ["Second Sampling", "DPM adaptive", "at least 2 steps"]),
        ("DDIM", 0.01, 20, ["Re-noise", "1000 timesteps", "2000 steps", "denoising_strength"]),
        ("PLMS", 0.01, 20, ["Re-noise", "1000 timesteps", "2000 steps", "denoising_strength"]),
    ],
)
def test_choices_that_cannot_work(sampler, strength, steps, words, host, client, models):
    graph, _ = hires_fix(host, models, "sd1", "latent", strength, sampler=sampler)
    (base,) = nodes_of(graph, "HiresFixBaseSampling")
    graph[base]["inputs"]["sampler_name"] = "Euler"  # it works, and is quicker than some of these
    explained(client.queue(with_steps(graph, 5, steps)), *words)


def settings(graph, **changes):
    """Connect A1111 Settings with these changes to every node that takes them."""
    node = graph.add("HiresFixA1111Settings", **(DEFAULTS | changes))
    for other in graph.values():
        if other["class_type"] in ("HiresFixBaseSampling", "HiresFixRenoise", "HiresFixSecondSampling"):
            other["inputs"]["settings"] = node[0]
    return graph


def test_default_settings_change_nothing(host, client, models):
    results = []
    for connect in (False, True):
        graph, names = hires_fix(host, models, "sd1", "latent", 0.6, sampler="Euler a")
        client.queue(settings(graph) if connect else graph).require_success()
        results.append(saved(host, names["final"])["latent"])
    assert torch.equal(*results)


@pytest.fixture(scope="module")
def plain():
    """Latents by sampler, drawn with settings that change nothing."""
    return {}


@pytest.mark.parametrize(
    ("sampler", "change"),
    [
        ("Euler a", {"eta_ancestral": 0.5}),
        ("DDIM", {"eta_ddim": 0.5}),
        ("Euler", {"s_churn": 2.0}),
        ("DPM++ SDE", {"s_noise": 1.05}),
        ("DPM++ 2M", {"rho": 4.0}),
        ("DPM++ 2M", {"sigma_max": 8.0}),
        ("DPM++ 2M", {"sigma_min": 0.1}),
        ("Euler", {"always_discard_next_to_last_sigma": True}),
        ("DPM++ 2M", {"use_old_karras_scheduler_sigmas": True}),
        ("Euler", {"sgm_noise_multiplier": True}),
        ("Euler", {"img2img_extra_noise": 0.2}),
        ("Euler", {"s_min_uncond": 8.0, "s_min_uncond_all": True}),
        ("Euler", {"skip_early_cond": 0.5}),
        ("UniPC", {"uni_pc_variant": "bh2"}),
        ("UniPC", {"uni_pc_skip_type": "time_quadratic"}),
        ("UniPC", {"uni_pc_order": 2}),
        ("UniPC", {"uni_pc_lower_order_final": False}),
        ("Euler", {"sd_noise_schedule": "Zero Terminal SNR"}),
        ("Euler", {"use_downcasted_alpha_bar": True}),
        ("Euler", {"enable_quantization": True}),
    ],
)
def test_every_setting_reaches_the_sampler(sampler, change, plain, host, client, models):
    def draw(changes):
        graph, names = hires_fix(host, models, "sd1", "latent", 0.6, sampler=sampler)
        client.queue(settings(with_steps(graph, 4), **changes)).require_success()
        return saved(host, names["final"])["latent"]

    if sampler not in plain:
        plain[sampler] = draw({})
    assert not torch.equal(draw(change), plain[sampler])


def test_the_order_of_sigmas_is_checked(host, client, models):
    graph, _ = hires_fix(host, models, "sd1", "latent", 0.6, sampler="DPM++ 2M")
    explained(client.queue(settings(graph, sigma_min=2.0, sigma_max=1.0)), "Base Sampling", "'scheduler'", "sigma_max")


def test_a_refiner_takes_over_where_it_should(host, client, models):
    """At 1.0 it never works, at 0.0 it does all the work."""

    def run(switch_at, by_steps=False):
        graph, names = hires_fix(host, models, "sdxl", "latent", 0.6, sampler="Euler")
        loader, second = other_model(graph, models)
        prompts = second["inputs"]
        refiner = graph.add(
            "HiresFixRefiner", model=loader, positive=prompts["positive"], negative=prompts["negative"],
            switch_at=switch_at, by_steps=by_steps,
        )  # fmt: skip
        second["inputs"]["refiner"] = refiner[0]
        client.queue(graph).require_success()
        return saved(host, names["final"])["latent"]

    graph, names = hires_fix(host, models, "sdxl", "latent", 0.6, sampler="Euler")
    client.queue(graph).require_success()
    without = saved(host, names["final"])["latent"]
    graph, names = hires_fix(host, models, "sdxl", "latent", 0.6, sampler="Euler")
    loader, second = other_model(graph, models)
    second["inputs"]["model"] = loader[0]
    client.queue(graph).require_success()
    alone = saved(host, names["final"])["latent"]

    assert_close(run(1.0), without, FLOAT32)
    assert_close(run(0.0), alone, SAMPLED)
    half = run(0.5, by_steps=True)
    assert not torch.allclose(half, without, atol=1e-3)
    assert not torch.allclose(half, alone, atol=1e-3)


def other_model(graph, models):
    """Add another checkpoint; returns its loader and the second sampling node."""
    loader = graph.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint("sdxl-v"))
    return loader, next(node for node in graph.values() if node["class_type"] == "HiresFixSecondSampling")


def test_a_refiner_needs_one_of_a1111_s_samplers(host, client, models):
    graph, _ = hires_fix(host, models, "sdxl", "latent", 0.6, sampler="euler", scheduler="normal")
    loader, second = other_model(graph, models)
    inputs = second["inputs"]
    refiner = graph.add(
        "HiresFixRefiner", model=loader, positive=inputs["positive"], negative=inputs["negative"], switch_at=0.5,
        by_steps=False,
    )  # fmt: skip
    inputs["refiner"] = refiner[0]
    explained(client.queue(graph), "Second Sampling", "'sampler_name'", "euler", "capitalised")


def test_comfyui_s_noise_knows_no_variation(host, client):
    g = Graph()
    noise = g.add("HiresFixNoise", seed=1, source="ComfyUI", subseed=2, subseed_strength=0.5)
    latent = g.add("EmptyLatentImage", width=64, height=64, batch_size=1)
    g.save(latent=g.add("ProbeNoise", noise=noise, latent=latent))
    explained(client.queue(g), "Seed and Noise", "'source'", "variation")

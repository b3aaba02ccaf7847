"""With ComfyUI's own noise, sampler and scheduler names the two passes are core's KSampler graph, bit for bit.

With the pack installed and unused, the host is the host without it.
"""

import pytest
import torch
from hires_pack.tests.tolerances import BATCHED, FLOAT32, assert_close

from .graphs import Graph, conditioning, give, saved

FAMILIES = ["sdxl", "sdxl-v", "sd3", "flux", "wan"]


def start(g, host, models, family, batch=1):
    """Loader, conditioning and an empty latent of 64x64 pixels for a family."""
    facts = models.family(family)
    loader = g.add("CheckpointLoaderSimple", ckpt_name=facts.file)
    file = conditioning(host, facts)
    prompts = [g.add("ProbeConditioning", file=file, key=key) for key in ("positive", "negative")]
    empty = torch.zeros(batch, facts.latent_channels, 8, 8)
    latent = g.add("ProbeLatent", file=give(host, empty=empty), key="empty")
    return loader, prompts, latent


WAYS = [(family, "euler", "normal") for family in FAMILIES]
WAYS += [("sd3", "dpm_2", "simple"), ("wan", "dpmpp_2m_sde", "karras"), ("sdxl", "dpmpp_2m_sde", "karras")]
STRENGTHS = (0.6, 1.0, 0.0)


@pytest.mark.parametrize(("family", "sampler", "scheduler"), WAYS)
def test_two_passes_equal_core_s_two_ksamplers(family, sampler, scheduler, host, client, models):
    g = Graph()
    loader, (positive, negative), empty = start(g, host, models, family, batch=2)
    common = {"positive": positive, "negative": negative, "cfg": 4.0, "sampler_name": sampler}
    core = {"model": loader, "seed": 5, "steps": 3, "scheduler": scheduler, **common}
    enlarge = {"upscale_method": "bilinear", "scale_by": 1.5}
    noise = g.add("HiresFixNoise", seed=5, source="ComfyUI")

    theirs = g.add("KSampler", latent_image=empty, denoise=1.0, **core)
    ours = g.add(
        "HiresFixBaseSampling", model=loader, latent=empty, noise=noise, steps=3, scheduler=scheduler, **common
    )
    pairs = {"first": (ours, theirs)}
    large = [g.add("LatentUpscaleBy", samples=one, **enlarge) for one in (ours, theirs)]
    for strength in STRENGTHS:
        second = g.add("KSampler", latent_image=large[1], denoise=strength, **core)
        noised = g.add(
            "HiresFixRenoise", model=loader, latent=large[0], noise=noise, steps=3, denoising_strength=strength,
            hr_second_pass_steps=0, sampler_name=sampler, scheduler=scheduler,
        )  # fmt: skip
        final = g.add("HiresFixSecondSampling", model=loader, latent=noised, sigmas=noised[1], noise=noise, **common)
        pairs[strength] = (final, second)
    files = {name: [g.save(latent=one)[1] for one in pair] for name, pair in pairs.items()}
    client.queue(g).require_success()
    for name, pair in files.items():
        assert torch.equal(*(saved(host, file)["latent"] for file in pair)), name


@pytest.mark.parametrize("family", ["sdxl", "sdxl-v", "sd3", "wan"])
def test_a_noised_latent_that_another_node_touched_still_samples_right(family, host, client, models):
    """Second Sampling then no longer knows noise and latent apart, and has to undo the model's own noise scaling."""
    g = Graph()
    loader, (positive, negative), empty = start(g, host, models, family)
    common = {"positive": positive, "negative": negative, "cfg": 4.0, "sampler_name": "euler"}
    noise = g.add("HiresFixNoise", seed=5, source="ComfyUI")
    first = g.add(
        "HiresFixBaseSampling", model=loader, latent=empty, noise=noise, steps=3, scheduler="normal", **common
    )
    files = {}
    for strength in (0.5, 1.0):
        noised = g.add(
            "HiresFixRenoise", model=loader, latent=first, noise=noise, steps=4, denoising_strength=strength,
            hr_second_pass_steps=0, sampler_name="euler", scheduler="normal",
        )  # fmt: skip
        touched = g.add("ProbeChanged", latent=noised)
        for name, latent in (("straight", noised), ("touched", touched)):
            out = g.add("HiresFixSecondSampling", model=loader, latent=latent, sigmas=noised[1], noise=noise, **common)
            files[name, strength] = g.save(latent=out)[1]
    client.queue(g).require_success()
    for strength in (0.5, 1.0):
        straight = saved(host, files["straight", strength])["latent"]
        touched = saved(host, files["touched", strength])["latent"]
        assert_close(touched, straight, BATCHED)


def test_a_noise_mask_keeps_what_it_covers(host, client, models):
    g = Graph()
    loader, (positive, negative), empty = start(g, host, models, "sd3")
    common = {"positive": positive, "negative": negative, "cfg": 4.0, "sampler_name": "euler"}
    noise = g.add("HiresFixNoise", seed=5, source="CPU")
    first = g.add(
        "HiresFixBaseSampling", model=loader, latent=empty, noise=noise, steps=3, scheduler="normal", **common
    )
    mask = g.add("SolidMask", value=0.0, width=64, height=64)
    masked = g.add("SetLatentNoiseMask", samples=first, mask=mask)
    target = g.add(
        "HiresFixTargetSize", width=64, height=64, hr_scale=2.0, hr_resize_x=128, hr_resize_y=96, vae=loader[2]
    )
    large = g.add("HiresFixLatentUpscale", latent=masked, target=target, mode="Latent")
    noised = g.add(
        "HiresFixRenoise", model=loader, latent=large, noise=noise, steps=4, denoising_strength=0.8,
        hr_second_pass_steps=0, sampler_name="euler", scheduler="normal",
    )  # fmt: skip
    out = g.add("HiresFixSecondSampling", model=loader, latent=noised, sigmas=noised[1], noise=noise, **common)
    _, before = g.save(latent=large)
    _, after = g.save(latent=out)
    client.queue(g).require_success()
    kept = saved(host, before)
    assert kept["mask"].shape[-2:] == kept["latent"].shape[-2:] == (12, 16)
    torch.testing.assert_close(saved(host, after)["latent"], kept["latent"], rtol=0, atol=FLOAT32)

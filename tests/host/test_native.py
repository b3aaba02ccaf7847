"""With ComfyUI's own noise, sampler and scheduler names the two passes are core's KSampler graph, bit for bit.

With the pack installed and unused, the host is the host without it.
"""

import pytest
import torch

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


@pytest.mark.parametrize("denoise", [0.6, 1.0, 0.0])
@pytest.mark.parametrize(
    ("sampler", "scheduler"), [("euler", "normal"), ("dpmpp_2m_sde", "karras"), ("dpm_2", "simple")]
)
@pytest.mark.parametrize("family", FAMILIES)
def test_two_passes_equal_core_s_two_ksamplers(family, sampler, scheduler, denoise, host, client, models):
    g = Graph()
    loader, (positive, negative), empty = start(g, host, models, family, batch=2)
    common = {"positive": positive, "negative": negative, "cfg": 4.0, "sampler_name": sampler}

    first = g.add(
        "KSampler", model=loader, seed=5, steps=4, scheduler=scheduler, latent_image=empty, denoise=1.0, **common
    )
    enlarge = {"upscale_method": "bilinear", "scale_by": 2.0}
    large = g.add("LatentUpscaleBy", samples=first, **enlarge)
    second = g.add(
        "KSampler", model=loader, seed=5, steps=4, scheduler=scheduler, latent_image=large, denoise=denoise, **common
    )
    _, core = g.save(latent=second)

    noise = g.add("HiresFixNoise", seed=5, source="ComfyUI")
    ours = g.add(
        "HiresFixBaseSampling", model=loader, latent=empty, noise=noise, steps=4, scheduler=scheduler, **common
    )
    ours_large = g.add("LatentUpscaleBy", samples=ours, **enlarge)
    noised = g.add(
        "HiresFixRenoise",
        model=loader,
        latent=ours_large,
        noise=noise,
        steps=4,
        denoising_strength=denoise,
        hr_second_pass_steps=0,
        sampler_name=sampler,
        scheduler=scheduler,
    )
    final = g.add("HiresFixSecondSampling", model=loader, latent=noised, sigmas=noised[1], noise=noise, **common)
    _, pack = g.save(latent=final)
    _, pack_first = g.save(latent=ours)
    _, core_first = g.save(latent=first)
    client.queue(g).require_success()

    assert torch.equal(saved(host, pack_first)["latent"], saved(host, core_first)["latent"])
    assert torch.equal(saved(host, pack)["latent"], saved(host, core)["latent"])


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
            "HiresFixRenoise",
            model=loader,
            latent=first,
            noise=noise,
            steps=4,
            denoising_strength=strength,
            hr_second_pass_steps=0,
            sampler_name="euler",
            scheduler="normal",
        )
        touched = g.add("ProbeChanged", latent=noised)
        for name, latent in (("straight", noised), ("touched", touched)):
            out = g.add("HiresFixSecondSampling", model=loader, latent=latent, sigmas=noised[1], noise=noise, **common)
            files[name, strength] = g.save(latent=out)[1]
    client.queue(g).require_success()
    for strength in (0.5, 1.0):
        straight = saved(host, files["straight", strength])["latent"]
        touched = saved(host, files["touched", strength])["latent"]
        torch.testing.assert_close(touched, straight, rtol=1e-3, atol=1e-3 * float(straight.std()))


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
        "HiresFixRenoise",
        model=loader,
        latent=large,
        noise=noise,
        steps=4,
        denoising_strength=0.8,
        hr_second_pass_steps=0,
        sampler_name="euler",
        scheduler="normal",
    )
    out = g.add("HiresFixSecondSampling", model=loader, latent=noised, sigmas=noised[1], noise=noise, **common)
    _, before = g.save(latent=large)
    _, after = g.save(latent=out)
    client.queue(g).require_success()
    kept = saved(host, before)
    assert kept["mask"].shape[-2:] == kept["latent"].shape[-2:] == (12, 16)
    torch.testing.assert_close(saved(host, after)["latent"], kept["latent"], rtol=0, atol=1e-5)


def default_graph(models):
    """The graph that ComfyUI opens with, small."""
    g = Graph()
    loader = g.add("CheckpointLoaderSimple", ckpt_name=models.demo)
    positive = g.add("CLIPTextEncode", clip=loader[1], text="beautiful scenery nature glass bottle landscape")
    negative = g.add("CLIPTextEncode", clip=loader[1], text="text, watermark")
    latent = g.add("EmptyLatentImage", width=128, height=128, batch_size=1)
    sampled = g.add(
        "KSampler",
        model=loader,
        positive=positive,
        negative=negative,
        latent_image=latent,
        seed=156680208700286,
        steps=3,
        cfg=8.0,
        sampler_name="euler",
        scheduler="normal",
        denoise=1.0,
    )
    image = g.add("VAEDecode", samples=sampled, vae=loader[2])
    _, name = g.save(image=image)
    return g, name


def test_unused_the_pack_changes_nothing(host, client, models, new_host):
    from hires_pack.dev.host.comfy_client import ComfyClient

    graph, name = default_graph(models)
    client.queue(graph).require_success()
    with_pack = saved(host, name)["image"]
    with new_host(pack=False) as bare:
        other = ComfyClient(bare.url)
        assert not [node for node in other.object_info() if node.startswith("HiresFix")]
        graph, name = default_graph(models)
        other.queue(graph).require_success()
        assert torch.equal(saved(bare, name)["image"], with_pack)

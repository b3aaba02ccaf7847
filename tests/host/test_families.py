"""Every model family goes through both hires workflows, at any strength."""

import pytest
import torch
from hires_pack.tests.tolerances import SAMPLED, assert_close

from .graphs import Graph, conditioning, give, saved
from .test_native import FAMILIES


def hires_fix(host, models, family, path, strength, sampler="DPM++ 2M", scheduler="Automatic", batch=1, decoded=False):
    """Both passes, 64x48 to 128x96 pixels, through latents or pixels."""
    facts = models.family(family)
    g = Graph()
    loader = g.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint(family))
    file = conditioning(host, facts)
    positive, negative = (g.add("ProbeConditioning", file=file, key=key) for key in ("positive", "negative"))
    # what core's EmptyLatentImage gives: 4 channels and no frames, whatever the model
    empty = g.add("EmptyLatentImage", width=64, height=48, batch_size=batch)
    noise = g.add("HiresFixNoise", seed=3, source="CPU")
    common = {"model": loader, "positive": positive, "negative": negative, "noise": noise, "cfg": 3.0}
    first = g.add("HiresFixBaseSampling", latent=empty, steps=3, sampler_name=sampler, scheduler=scheduler, **common)
    target = g.add("HiresFixTargetSize", width=64, height=48, hr_scale=2.0, hr_resize_x=0, hr_resize_y=0, vae=loader[2])
    if path == "latent":
        large = g.add("HiresFixLatentUpscale", latent=first, target=target, mode="Latent (bicubic)")
    else:
        upscaler = g.add("HiresFixUpscalerLoader", upscaler_name=models.random_x2)
        large = g.add(
            "HiresFixPixelUpscale", latent=first, vae=loader[2], upscaler=upscaler, target=target, tile_size=0,
            tile_overlap=32, vae_tile_size=0,
        )  # fmt: skip
    noised = g.add(
        "HiresFixRenoise", model=loader, latent=large, noise=noise, steps=3, denoising_strength=strength,
        hr_second_pass_steps=0, sampler_name=sampler, scheduler=scheduler,
    )  # fmt: skip
    final = g.add("HiresFixSecondSampling", latent=noised, sigmas=noised[1], sampler_name=sampler, **common)
    names = {"large": g.save(latent=large)[1], "final": g.save(latent=final)[1]}
    if decoded:
        names["image"] = g.save(image=g.add("VAEDecode", samples=final, vae=loader[2]))[1]
    return g, names


PATHS = [(family, path) for family in FAMILIES for path in ("latent", "pixel")]
PATHS.remove(("sdxl-v", "pixel"))  # its VAE is that of "sdxl"


@pytest.mark.parametrize("strength", [1.0, 0.5, 0.0])
@pytest.mark.parametrize(("family", "path"), PATHS)
def test_both_workflows_at_any_strength(family, path, strength, host, client, models):
    graph, names = hires_fix(host, models, family, path, strength, decoded=True)
    client.queue(graph).require_success()
    image = saved(host, names["image"])["image"]
    assert image.shape == (1, 96, 128, 3)
    assert bool(torch.isfinite(image).all())
    large, final = saved(host, names["large"])["latent"], saved(host, names["final"])["latent"]
    assert large.shape == final.shape
    assert large.shape[1] == models.families[family].latent_channels
    assert torch.equal(large, final) == (strength == 0)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_picture_of_a_batch_equals_its_single_run(family, host, client, models):
    """Seeds are per picture, and video VAEs must not take a batch of stills for a clip."""
    graph, names = hires_fix(host, models, family, "pixel", 0.5, sampler="Euler a", batch=2)
    client.queue(graph).require_success()
    batch = saved(host, names["final"])["latent"]
    graph, names = hires_fix(host, models, family, "pixel", 0.5, sampler="Euler a")
    client.queue(graph).require_success()
    single = saved(host, names["final"])["latent"]
    assert_close(batch[:1], single, SAMPLED)
    assert not torch.allclose(batch[1:], single, atol=0.1 * float(single.std()))


def test_a_clip_keeps_its_frames(host, client, models):
    facts = models.families["wan"]
    g = Graph()
    loader = g.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint("wan"))
    clip = torch.randn(1, facts.latent_channels, 2, 6, 8, generator=torch.Generator().manual_seed(0)) * 0.1
    latent = g.add("ProbeLatent", file=give(host, clip=clip), key="clip")
    target = g.add(
        "HiresFixTargetSize", width=64, height=48, hr_scale=2.0, hr_resize_x=0, hr_resize_y=0, latent=latent,
        vae=loader[2],
    )  # fmt: skip
    upscaler = g.add("HiresFixUpscalerLoader", upscaler_name="Lanczos")
    tiles = {"tile_size": 0, "tile_overlap": 32, "vae_tile_size": 0}
    pixel = g.add("HiresFixPixelUpscale", latent=latent, vae=loader[2], upscaler=upscaler, target=target, **tiles)
    _, by_latent = g.save(latent=g.add("HiresFixLatentUpscale", latent=latent, target=target, mode="Latent"))
    _, by_pixel = g.save(latent=pixel, image=pixel[1])
    client.queue(g).require_success()
    assert saved(host, by_latent)["latent"].shape == (1, 16, 2, 12, 16)
    pixels = saved(host, by_pixel)
    assert pixels["latent"].shape == (1, 16, 2, 12, 16)
    assert pixels["image"].shape == (5, 96, 128, 3)  # a Wan VAE makes 4 t - 3 frames of t

"""Regions on the real host: each is redrawn alone, the rest stays bit by bit."""

import torch

from .graphs import Graph, give, saved

MASK = torch.zeros(1, 96, 128)
MASK[0, 16:64, 16:64] = 1
MASK[0, 40:80, 88:120] = 1


def picture():
    return torch.rand(1, 96, 128, 3, generator=torch.Generator().manual_seed(3))


def cut(graph, host, image, **inputs):
    shown = graph.add("ProbeImage", file=give(host, image=image), key="image")
    widgets = {"size": 64, "context": 0.25, "grow": 0, "fade": 4, "each_area": True}
    return shown, graph.add("HiresFixCutOutRegions", **{"image": shown, **widgets, **inputs})


def mask_of(graph, host, mask):
    """Core's way from a picture to a mask."""
    shown = graph.add("ProbeImage", file=give(host, image=mask[..., None].expand(-1, -1, -1, 3)), key="image")
    return graph.add("ImageToMask", image=shown, channel="red")


def put(graph, image, region):
    """Every region inverted by core's node: two that differ, so that their order shows."""
    drawn = graph.add("ImageInvert", image=region)
    back = graph.add("HiresFixPutRegionsBack", image=image, images=drawn, regions=region[2])
    return graph.save(image=back)


def test_regions_run_one_by_one_and_the_rest_stays(client, host):
    graph, image = Graph(), picture()
    shown, region = cut(graph, host, image, mask=mask_of(graph, host, MASK))
    _, name = put(graph, shown, region)
    run = client.queue(graph).require_success()
    result = saved(host, name)["image"]
    assert torch.equal(result[0][MASK[0] == 0], image[0][MASK[0] == 0])
    for rows, columns in ((slice(24, 56), slice(24, 56)), (slice(48, 72), slice(96, 112))):  # inside of the fade
        # enlarged, inverted, and made as small again: near the inverse, far from the picture
        inverse = 1 - image[0, rows, columns]
        assert (result[0, rows, columns] - inverse).abs().mean() < 0.3 * (
            image[0, rows, columns] - inverse
        ).abs().mean()
    assert any(text.startswith("2 regions") for _, text in run.texts)


def test_a_second_pass_redraws_a_region(client, host, models):
    """The whole chain, with the mask for core's Set Latent Noise Mask."""
    graph, image = Graph(), picture()
    shown, region = cut(graph, host, image, mask=mask_of(graph, host, MASK))
    loader = graph.add("CheckpointLoaderSimple", ckpt_name=models.oracle)
    positive = graph.add("CLIPTextEncode", clip=loader[1], text="a red house")
    encoded = graph.add("VAEEncode", pixels=region, vae=loader[2])
    kept = graph.add("SetLatentNoiseMask", samples=encoded, mask=region[1])
    noise = graph.add("RandomNoise", noise_seed=5)
    noised = graph.add(
        "HiresFixRenoise", model=loader, latent=kept, noise=noise, steps=3, denoising_strength=0.7,
        hr_second_pass_steps=0, sampler_name="Euler", scheduler="Automatic",
    )  # fmt: skip
    sampled = graph.add(
        "HiresFixSecondSampling", model=loader, positive=positive, negative=positive, latent=noised, sigmas=noised[1],
        noise=noise, cfg=1.0, sampler_name="Use same sampler",
    )  # fmt: skip
    decoded = graph.add("VAEDecode", samples=sampled, vae=loader[2])
    back = graph.add("HiresFixPutRegionsBack", image=shown, images=decoded, regions=region[2])
    _, name = graph.save(image=back)
    client.queue(graph).require_success()
    result = saved(host, name)["image"]
    assert torch.equal(result[0][MASK[0] == 0], image[0][MASK[0] == 0])
    assert (result[0] != image[0]).any(-1)[MASK[0] > 0].float().mean() > 0.9


def test_boxes_of_core_s_own_node(client, host):
    graph, image = Graph(), picture()
    box = graph.add("PrimitiveBoundingBox", x=20, y=10, width=60, height=70)
    shown, region = cut(graph, host, image, bboxes=box, fade=0)
    _, name = put(graph, shown, region)
    client.queue(graph).require_success()
    changed = (saved(host, name)["image"] != image).any(-1)[0]
    assert changed[10:80, 20:80].float().mean() > 0.95
    changed[10:80, 20:80] = False
    assert not changed.any()


def test_without_a_region_nothing_runs_and_the_picture_stays(client, host):
    graph, image = Graph(), picture()
    shown, region = cut(graph, host, image, mask=mask_of(graph, host, torch.zeros(1, 64, 64)))
    _, name = put(graph, shown, region)
    graph.add("PreviewImage", images=region)  # shows nothing, and is no error
    client.queue(graph).require_success()
    assert torch.equal(saved(host, name)["image"], image)


def test_mistakes_are_named(client, host):
    graph = Graph()
    _, region = cut(graph, host, picture())
    graph.save(image=region)
    said = client.queue(graph).explanation()
    assert "Cut Out Regions, input 'mask': neither a mask nor boxes are connected" in said
    graph = Graph()
    _, region = cut(graph, host, picture(), mask=mask_of(graph, host, torch.ones(1, 32, 32)))
    graph.save(image=region)
    assert "input 'mask': the mask has shape (1, 32, 32)" in client.queue(graph).explanation()
    graph = Graph()
    shown, region = cut(graph, host, picture(), mask=mask_of(graph, host, MASK))
    one = graph.add("ImageFromBatch", image=shown, batch_index=0, length=1)
    back = graph.add("HiresFixPutRegionsBack", image=one, images=one, regions=region[2])
    graph.save(image=back)
    assert "input 'images': there are 2 regions, but 1 redrawn pictures" in client.queue(graph).explanation()

"""SeedVR2 Upscaler on the real host: core's nodes and core's network, small, with a VAE in the place of its own."""

import json

import pytest
import torch
from hires_pack.tests.tolerances import FLOAT32, assert_close

from .graphs import Graph, give, saved

SIZES = {"upscaling_resize_w": 8, "upscaling_resize_h": 8, "upscaling_crop": True}
NUMBERS = {"seed": 5, "colour_fix": "none", "strength": 1.0, "tile_size": 0, "overlap": -1}


def pictures(width, height, channels=3, batch=1):
    return torch.rand(batch, height, width, channels, generator=torch.Generator().manual_seed(3))


class Job:
    """A graph with the model, the VAE and one picture."""

    def __init__(self, host, image, name=""):
        self.host, self.graph = host, Graph()
        self.add = add = self.graph.add
        self.model = add("ProbeSmallFamily", family="seedvr2")
        wan = add("CheckpointLoaderSimple", ckpt_name="tiny-wan.safetensors")
        self.wan, self.vae = wan, add("ProbeSeedVR2Vae", vae=wan[2], name=name)
        self.image = add("ProbeImage", file=give(host, image=image), key="image")

    def enlarged(self, width, height, **more):
        upscaler = self.add("HiresFixSeedVR2Upscaler", **{"model": self.model, "vae": self.vae, **NUMBERS, **more})
        return self.resized(upscaler, width, height)

    def resized(self, upscaler, width, height):
        size = {**SIZES, "upscaling_resize_w": width, "upscaling_resize_h": height}
        return self.add(
            "HiresFixUpscaleImage", image=self.image, upscaler=upscaler, resize_mode="scale to", upscaling_resize=2.0,
            tile_size=0, tile_overlap=-1, **size,
        )  # fmt: skip

    def run(self, client, **images):
        names = {key: self.graph.save(image=image)[1] for key, image in images.items()}
        self.outputs = client.queue(self.graph).require_success().outputs
        return {key: saved(self.host, name)["image"] for key, name in names.items()}


def core(job, image, colour_fix):
    """The nodes of the host's template."""
    tiles = {"tile_size": 512, "overlap": 64, "temporal_size": 64, "temporal_overlap": 8}
    latent = job.add("VAEEncodeTiled", pixels=job.add("SeedVR2Preprocess", resized_images=image), vae=job.vae, **tiles)
    cond = job.add("SeedVR2Conditioning", model=job.model, vae_conditioning=latent)
    drawn = job.add(
        "KSampler", model=job.model, positive=cond, negative=cond[1], latent_image=latent, seed=5, steps=1, cfg=1.0,
        sampler_name="euler", scheduler="simple", denoise=1.0,
    )  # fmt: skip
    decoded = job.add("VAEDecodeTiled", samples=drawn, vae=job.vae, **tiles)
    return job.add(
        "SeedVR2PostProcessing", images=decoded, original_resized_images=image, color_correction_method=colour_fix
    )


@pytest.mark.parametrize("colour_fix", ["lab", "wavelet", "adain", "none"])
def test_it_is_cores_own_graph(colour_fix, host, client):
    job = Job(host, pictures(48, 32))
    lanczos = job.add("HiresFixUpscalerLoader", upscaler_name="Lanczos")
    found = job.run(
        client,
        core=core(job, job.resized(lanczos, 96, 64), colour_fix),
        ours=job.enlarged(96, 64, colour_fix=colour_fix),
        other=job.enlarged(96, 64, colour_fix=colour_fix, seed=6),
    )
    assert float(found["core"].std()) > 0.02
    assert torch.equal(found["ours"], found["core"])
    assert not torch.equal(found["ours"], found["other"])


ODD = [(17, 31), (33, 33), (63, 47), (50, 50), (1, 90), (101, 16), (75, 77), (127, 65), (48, 49), (91, 35)]


def test_ten_odd_sizes_of_two_stills_each(host, client):
    """Core's nodes get whole 16 pixels and one still at a time, and the result has the very size that was asked."""
    job, sizes = Job(host, pictures(8, 8), "odd sizes"), []
    for width, height in ODD:
        still = give(host, image=pictures(width, height, channels=4, batch=2))
        job.image = job.add("ProbeImage", file=still, key="image")
        large = job.enlarged(width, height, seed=width)
        sizes.append(
            (
                job.add("ProbeSeedVR2Shapes", after=large, name="odd sizes"),
                job.graph.save(image=large)[1],
                width,
                height,
            )
        )
    outputs = client.queue(job.graph).require_success().outputs
    noted = [tuple(shape) for node, *_ in sizes for shape in json.loads(outputs[node.id]["text"][0])]
    for _, name, width, height in sizes:
        result = saved(host, name)["image"]
        assert result.shape == (2, height, width, 4)
        assert bool(torch.isfinite(result).all())
        wide, tall = -(-width // 16) * 16, -(-height // 16) * 16
        assert noted.count(("encode", 1, 3, 1, tall, wide)) >= 2
        assert noted.count(("decode", 1, 16, 1, tall // 8, wide // 8)) >= 2
    assert len(noted) == 4 * len(ODD)


def test_stills_windows_strength_and_alpha(host, client):
    job, alone = Job(host, pictures(60, 40, channels=4, batch=2)), Job(host, pictures(60, 40, channels=4, batch=2)[1:])
    lanczos = job.add("HiresFixUpscalerLoader", upscaler_name="Lanczos")
    windows = {"tile_size": 96, "overlap": 32}
    found = job.run(
        client,
        plain=job.resized(lanczos, 150, 101),
        whole=job.enlarged(150, 101),
        half=job.enlarged(150, 101, strength=0.5),
        none=job.enlarged(150, 101, strength=0.0),
        tiled=job.enlarged(150, 101, **windows),
    )
    (single,) = alone.run(client, a=alone.enlarged(150, 101)).values()
    assert torch.equal(found["whole"][1:], single)
    assert_close(found["none"], found["plain"], FLOAT32)
    between = (found["plain"] + found["whole"]) / 2
    assert_close(found["half"], between, FLOAT32)
    assert torch.equal(found["whole"][..., 3], found["plain"][..., 3])
    assert (found["whole"] - found["plain"])[..., :3].abs().mean() > 0.01
    assert not torch.equal(found["tiled"], found["whole"])
    assert found["tiled"].shape == found["whole"].shape


@pytest.mark.parametrize(("change", "words"), [
    (lambda job: {"model": job.wan}, ("input 'model'", "of the kind WAN21, not SeedVR2")),
    (lambda job: {"vae": job.wan[2]}, ("input 'vae'", "not SeedVR2's VAE (cells of 8 pixels, 16 channels)")),
    (lambda _: {"tile_size": 64, "overlap": 64}, ("input 'overlap'", "are to share 64 pixels, and a tile has 64")),
])  # fmt: skip
def test_what_is_refused(change, words, host, client):
    job = Job(host, pictures(8, 8))
    job.graph.save(image=job.enlarged(32, 32, **change(job)))
    text = client.queue(job.graph).explanation()
    assert all(word in text for word in ("SeedVR2 Upscaler", *words)), text


def test_the_other_node_says_so(host, client):
    job = Job(host, pictures(8, 8))
    cond = job.add("ProbeConditioning", file=give(host, a=torch.zeros(1, 4, 16)), key="a")
    more = {"steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "denoising_strength": 0.3,
            "factor": 0.0, "noise_augmentation": 0.0, "seed": 1, "tile_size": 0, "overlap": -1}  # fmt: skip
    upscaler = job.add("HiresFixDiffusionUpscaler", model=job.model, vae=job.vae, positive=cond, negative=cond, **more)
    job.graph.save(image=job.resized(upscaler, 32, 32))
    assert "this is SeedVR2, which needs no prompt. Take SeedVR2 Upscaler." in client.queue(job.graph).explanation()

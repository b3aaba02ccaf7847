"""Diffusion Upscaler on the real host: SD x4 beside core's own graph, redraws of other families, folders, refusals."""

import torch
from hires_pack.dev.fixtures.sd_x4 import SD_X4

from .graphs import Graph, conditioning, give, saved

SIZES = {"upscaling_resize_w": 8, "upscaling_resize_h": 8, "upscaling_crop": True, "resize_mode": "scale by"}
NUMBERS = {
    "seed": 5, "steps": 2, "cfg": 3.0, "sampler_name": "euler", "scheduler": "normal", "denoising_strength": 0.4,
    "factor": 0.0, "noise_augmentation": 0.1, "tile_size": 0, "overlap": -1,
}  # fmt: skip


def pictures(width, height, channels=3, batch=1):
    return torch.rand(batch, height, width, channels, generator=torch.Generator().manual_seed(3))


class Job:
    """A graph with a family's model, prompts and one picture."""

    def __init__(self, host, family, image, **more):
        self.host, self.graph = host, Graph()
        add = self.graph.add
        self.loader = add("CheckpointLoaderSimple", ckpt_name=family.file)
        file = conditioning(host, family)
        self.prompts = {key: add("ProbeConditioning", file=file, key=key) for key in ("positive", "negative")}
        self.image = add("ProbeImage", file=give(host, image=image), key="image")

    def upscaler(self, **more):
        given = {"model": self.loader, "vae": self.loader[2], **self.prompts, **NUMBERS, **more}
        return self.graph.add("HiresFixDiffusionUpscaler", **given)

    def enlarged(self, resize, upscaler=None, tile=0, numbers="exact", **more):
        upscaler = upscaler or self.upscaler(**more)
        return self.graph.add(
            "HiresFixUpscaleImage", image=self.image, upscaler=upscaler, upscaling_resize=resize, tile_size=tile,
            tile_overlap=-1, numbers=numbers, **SIZES,
        )  # fmt: skip

    def run(self, client, **images):
        names = {key: self.graph.save(image=image)[1] for key, image in images.items()}
        client.queue(self.graph).require_success()
        return {key: saved(self.host, name)["image"] for key, name in names.items()}


def core_x4(job, image, **more):
    """What core's own nodes make of it."""
    add, numbers = job.graph.add, {**NUMBERS, **more}
    cond = add(
        "SD_4XUpscale_Conditioning", images=image, **job.prompts, scale_ratio=4.0,
        noise_augmentation=numbers["noise_augmentation"],
    )  # fmt: skip
    drawn = add(
        "KSampler", model=job.loader, positive=cond, negative=cond[1], latent_image=cond[2], denoise=1.0,
        **{name: numbers[name] for name in ("seed", "steps", "cfg", "sampler_name", "scheduler")},
    )  # fmt: skip
    return add("VAEDecode", samples=drawn, vae=job.loader[2])


def test_sd_x4_is_bit_equal_to_cores_own_graph_and_exact_at_any_size(host, client):
    job = Job(host, SD_X4, pictures(26, 19))
    upscaler = job.upscaler()
    found = job.run(
        client,
        core=core_x4(job, job.image),
        four=job.enlarged(4.0, upscaler),
        three=job.enlarged(3.0, upscaler),
        six=job.enlarged(6.0, upscaler),
        a1111=job.enlarged(4.0, upscaler, numbers="A1111"),
    )
    assert found["core"].shape == (1, 76, 104, 3)
    assert float(found["core"].std()) > 0.02
    assert torch.equal(found["four"], found["core"])
    assert found["three"].shape == (1, 57, 78, 3)
    assert found["six"].shape == (1, 114, 156, 3)

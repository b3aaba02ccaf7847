"""SUPIR and PiD in the samplings: what does not fit them ends with a sentence. LDSR with grey pictures."""

import pytest
import torch

from .graphs import Graph, conditioning, give
from .test_ldsr import enlarged

PICTURE = torch.rand(1, 64, 64, 3, generator=torch.Generator().manual_seed(3))
HOW = {"steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "normal"}


class Scene:
    """A model with SUPIR's patch of a 64x64 picture, and prompts for it."""

    def __init__(self, host, models, family):
        self.graph, kind = Graph(), models.family(family)
        add = self.graph.add
        self.loader = add("CheckpointLoaderSimple", ckpt_name=kind.file)
        file = conditioning(host, kind)
        self.prompts = {key: add("ProbeConditioning", file=file, key=key) for key in ("positive", "negative")}
        self.image = add("ProbeImage", file=give(host, image=PICTURE), key="image")
        self.noise = add("HiresFixNoise", seed=1, source="CPU")

    def held(self):
        given = {"model": self.loader, "vae": self.loader[2], "image": self.image}
        return self.graph.add("ProbePicturePatch", kind="supir's own", **given)

    def sentence(self, client, model, latent, **prompts):
        add = self.graph.add
        drawn = add(
            "HiresFixBaseSampling", model=model, latent=latent, noise=self.noise, **{**self.prompts, **prompts}, **HOW
        )
        self.graph.save(latent=drawn)
        return client.queue(self.graph).explanation()


@pytest.mark.parametrize(("family", "side", "said"), [
    ("sd1", 64, "Base Sampling, input 'model': the model carries SUPIR, which is made for SDXL, and it is of the kind"),
    ("sdxl", 96, "Base Sampling, input 'latent': SUPIR has a picture of 8x8 latent cells, and 12x12 are to be drawn."),
])  # fmt: skip
def test_supir(family, side, said, host, client, models):
    scene = Scene(host, models, family)
    latent = scene.graph.add("EmptyLatentImage", width=side, height=side, batch_size=1)
    assert said in scene.sentence(client, scene.held(), latent)


@pytest.mark.parametrize(("given", "said"), [
    ("sd1", "Base Sampling, input 'positive': PiD has a latent of 4 channels, and this file of it takes 16"),
    (None, "Base Sampling, input 'positive': PiD draws from a latent, and the prompt has none."),
])  # fmt: skip
def test_pid(given, said, host, client, models):
    scene = Scene(host, models, "sd1")
    add = scene.graph.add
    model = add("ProbeSmallFamily", family="pid")
    file = give(host, words=torch.randn(1, 8, 64, generator=torch.Generator().manual_seed(1)))
    words = add("ProbeConditioning", file=file, key="words")
    if given:
        latent = add("VAEEncode", pixels=scene.image, vae=scene.loader[2])
        words = add("PiDConditioning", positive=words, latent=latent, latent_format="flux", degrade_sigma=0.0)
    canvas = add("EmptyChromaRadianceLatentImage", width=64, height=64, batch_size=1)
    assert said in scene.sentence(client, model, canvas, positive=words, negative=words)


def test_ldsr_keeps_grey_and_transparency(host, client):
    grey = torch.rand(1, 20, 24, 2, generator=torch.Generator().manual_seed(3))
    both = enlarged(host, client, grey)
    assert both.shape == (1, 40, 48, 2)
    assert torch.equal(enlarged(host, client, grey[..., :1]), both[..., :1])
    assert torch.equal(
        enlarged(host, client, grey[..., :1].expand(-1, -1, -1, 3)).mean(-1, keepdim=True), both[..., :1]
    )

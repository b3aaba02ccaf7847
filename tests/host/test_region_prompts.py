"""Prompts with places through Cut Out Regions: a region is sampled as it is in the whole picture."""

import pytest
import torch
from hires_pack.tests.tolerances import assert_close

from .test_tiled_model import SMALL, Scene, whole_and_parts

REGION = (12, 8, 28, 32)
"""Left, top, right and bottom in cells of 8 pixels."""


class Cut:
    """A picture and its region, sampled without noise by a network that sees single cells."""

    def __init__(self, host, models):
        self.scene = scene = Scene(host, models, sides=SMALL)
        scene.model = scene.g.add("ProbeLocalModel", model=scene.loader, reach=False, conds=True)
        self.image = scene.image()
        x0, y0, x1, y1 = (8 * edge for edge in REGION)
        mask = torch.zeros(1, SMALL[1] * 8, SMALL[0] * 8)
        mask[:, y0:y1, x0:x1] = 1
        self.mask = scene.mask(mask)

    def cut(self, positive, negative):
        widgets = {"size": 0, "context": 0.0, "grow": 0, "fade": 0, "each_area": True}
        return self.scene.g.add(
            "HiresFixCutOutRegions", image=self.image, mask=self.mask, positive=positive, negative=negative, **widgets
        )

    def sample(self, pixels, positive, negative):
        g, model = self.scene.g, self.scene.model
        guider = g.add("CFGGuider", model=model, positive=positive, negative=negative, cfg=3.0)
        sigmas = g.add("BasicScheduler", model=model, scheduler="normal", steps=2, denoise=0.7)
        latent = g.add("VAEEncode", pixels=pixels, vae=self.scene.vae)
        sampler, noise = g.add("KSamplerSelect", sampler_name="euler"), g.add("DisableNoise")
        result = g.add(
            "SamplerCustomAdvanced", noise=noise, guider=guider, sampler=sampler, sigmas=sigmas, latent_image=latent
        )
        return g.save(latent=result)[1]


def masked(scene, text):
    values = {"strength": 0.8, "set_cond_area": "default"}
    return scene.g.add("ConditioningSetMask", conditioning=text, mask=scene.mask(whole_and_parts(1, SMALL)), **values)


def in_area(scene, text, x=64, y=32, width=224, height=240, strength=0.6):
    place = {"x": x, "y": y, "width": width, "height": height, "strength": strength}
    return scene.g.add("ConditioningSetArea", conditioning=text, **place)


def in_share(scene, text):
    place = {"x": 0.1, "y": 0.1, "width": 0.7, "height": 0.85, "strength": 0.6}
    return scene.g.add("ConditioningSetAreaPercentage", conditioning=text, **place)


def elsewhere(scene, text):
    return in_area(scene, text, x=256, width=96)


def hinted(scene, text, size=None):
    hint = {"image": scene.image(size), "strength": 0.7, "start_percent": 0.0, "end_percent": 1.0}
    for network in ("pixels", "pixels"):
        network = scene.g.add("ProbeControlNet", kind=network)
        text = scene.g.add("ControlNetApplyAdvanced", positive=text, negative=text, control_net=network, **hint)
    return text


def half_as_large(scene, text):
    return hinted(scene, text, (SMALL[0] * 4, SMALL[1] * 4))


def boxed(scene, text):
    return scene.g.add("ProbeConditioningWith", conditioning=text, kind="gligen")


@pytest.mark.parametrize("place", [masked, in_area, in_share, elsewhere, hinted, half_as_large, boxed])
def test_a_region_gets_its_part_of_the_prompt(place, host, client, models):
    case = Cut(host, models)
    scene, (positive, negative) = case.scene, case.scene.prompts
    whole = scene.g.add("ConditioningCombine", conditioning_1=positive, conditioning_2=place(scene, negative))
    region = case.cut(whole, negative)
    files = [case.sample(case.image, whole, negative), case.sample(region, region[3], region[4])]
    if place is not elsewhere:  # which the host itself fails at in a smaller picture
        files.append(case.sample(region, whole, negative))
    picture, alone, *uncut = scene.run(client, *files)
    x0, y0, x1, y1 = REGION
    # inside of what the probe's ControlNet looks at beside a cell
    wanted, alone, *uncut = (one[..., 1:-1, 1:-1] for one in (picture[..., y0:y1, x0:x1], alone, *uncut))
    assert_close(alone, wanted, 1e-4)
    assert all(float((one - wanted).abs().max()) > 0.01 for one in uncut)


@pytest.mark.parametrize(("place", "says"), [
    (elsewhere, "input 'positive': no part of the prompt lies in region 1, 128x192 pixels at 96, 64"),
    ("concat_latent_image", "input 'positive': the prompt holds the picture of an inpaint model"),
    ("other", "input 'positive': the prompt has a ControlNet of the kind _Other"),
    (None, "Cut Out Regions: nothing is connected to its input 'positive'"),
])  # fmt: skip
def test_what_cannot_be_cut_is_refused(place, says, host, client, models):
    case = Cut(host, models)
    scene, (positive, negative) = case.scene, case.scene.prompts
    if place == "other":
        network = scene.g.add("ProbeControlNet", kind="other")
        values = {"image": case.image, "strength": 0.7, "start_percent": 0.0, "end_percent": 1.0}
        positive = scene.g.add(
            "ControlNetApplyAdvanced", positive=positive, negative=negative, control_net=network, **values
        )
    elif place == "concat_latent_image":
        positive = scene.g.add("ProbeConditioningWith", conditioning=positive, kind=place, latent=scene.latent)
    elif place:
        positive = place(scene, positive)
    region = case.cut(positive, negative)
    if place is None:
        del scene.g[region.id]["inputs"]["positive"]
    case.sample(region, region[3], region[4])
    assert says in client.queue(scene.g).explanation()

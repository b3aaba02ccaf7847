"""Diffusion Upscaler on the real host: SD x4 beside core's own graph, redraws of other families, folders, refusals."""

import json

import numpy as np
import pytest
import torch
from hires_pack.dev.fixtures.families import SD_X4
from hires_pack.pictures import read_picture
from hires_pack.tests.tolerances import FLOAT32, SAMPLED, assert_close
from PIL import Image

from .graphs import Graph, conditioning, give, saved
from .test_folder import DEFAULTS as FOLDER
from .test_multi_stage import multi_stage
from .test_plan import plan

SIZES = {"upscaling_resize_w": 8, "upscaling_resize_h": 8, "upscaling_crop": True, "resize_mode": "scale by"}
NUMBERS = {
    "seed": 5, "steps": 2, "cfg": 3.0, "sampler_name": "euler", "scheduler": "normal", "denoising_strength": 0.5,
    "factor": 0.0, "noise_augmentation": 0.1, "tile_size": 0, "overlap": -1,
}  # fmt: skip


def pictures(width, height, channels=3, batch=1):
    return torch.rand(batch, height, width, channels, generator=torch.Generator().manual_seed(3))


class Job:
    """A graph with a family's model, VAE, prompts and one picture."""

    def __init__(self, host, family, image, local=False):
        """`local`: a network and a VAE that work on every latent cell alone."""
        self.host, self.graph = host, Graph()
        self.add = add = self.graph.add
        loader = add("CheckpointLoaderSimple", ckpt_name=family.file)
        self.model, self.vae, cell = loader, loader[2], 4 if family is SD_X4 else 8
        if local:
            self.model = add("ProbeLocalModel", model=loader, reach=False, conds=True)
            self.vae = add("ProbeCellVae", vae=loader[2], channels=family.latent_channels, cell=cell)
        file = conditioning(host, family)
        self.prompts = {key: add("ProbeConditioning", file=file, key=key) for key in ("positive", "negative")}
        self.image = add("ProbeImage", file=give(host, image=image), key="image")

    def upscaler(self, **more):
        given = {"model": self.model, "vae": self.vae, **self.prompts, **NUMBERS, **more}
        return self.add("HiresFixDiffusionUpscaler", **given)

    def enlarged(self, resize, upscaler=None, part=0, numbers="exact", **more):
        """`part`: side of what the engine hands over at once, of which neighbours share 16."""
        return self.add(
            "HiresFixUpscaleImage", image=self.image, upscaler=upscaler or self.upscaler(**more), tile_size=part,
            upscaling_resize=resize, tile_overlap=8 if part else -1, numbers=numbers, **SIZES,
        )  # fmt: skip

    def run(self, client, **images):
        names = {key: self.graph.save(image=image)[1] for key, image in images.items()}
        client.queue(self.graph).require_success()
        return {key: saved(self.host, name)["image"] for key, name in names.items()}


# ---------------------------------------------------------------------------------------------------------- SD x4


def core_x4(job, model):
    """What core's own nodes make of the picture."""
    cond = job.add(
        "SD_4XUpscale_Conditioning", images=job.image, **job.prompts, scale_ratio=4.0,
        noise_augmentation=NUMBERS["noise_augmentation"],
    )  # fmt: skip
    drawn = job.add(
        "KSampler", model=model, positive=cond, negative=cond[1], latent_image=cond[2], denoise=1.0,
        **{name: NUMBERS[name] for name in ("seed", "steps", "cfg", "sampler_name", "scheduler")},
    )  # fmt: skip
    return job.add("VAEDecode", samples=drawn, vae=job.vae)


def test_sd_x4_is_bit_equal_to_cores_own_graph_and_exact_at_any_size(host, client):
    job = Job(host, SD_X4, pictures(26, 19))
    upscaler, tiled = job.upscaler(), job.upscaler(tile_size=64)
    model = job.add("HiresFixTiledModel", model=job.model, tile_size=64, overlap=-1, blending="soft", tiles_at_once=1)
    found = job.run(
        client,
        core=core_x4(job, job.model),
        four=job.enlarged(4.0, upscaler),
        three=job.enlarged(3.0, upscaler),
        six=job.enlarged(6.0, upscaler),
        core_tiled=core_x4(job, model),
        tiled=job.enlarged(4.0, tiled),
    )
    assert found["core"].shape == (1, 76, 104, 3)
    assert float(found["core"].std()) > 0.02
    assert torch.equal(found["four"], found["core"])
    assert found["three"].shape == (1, 57, 78, 3)
    assert found["six"].shape == (1, 114, 156, 3)  # drawn at 4 times 39x29, and made smaller
    assert torch.equal(found["tiled"], found["core_tiled"])
    assert not torch.equal(found["tiled"], found["core"])


def test_parts_of_sd_x4_agree_because_their_noise_is_that_of_their_place(host, client):
    """Also the noise of the steps, and that in the small picture."""
    job = Job(host, SD_X4, pictures(150, 70), local=True)
    upscaler = job.upscaler(sampler_name="euler_ancestral", noise_augmentation=0.4)
    one, other = job.run(client, a=job.enlarged(4.0, upscaler, 64), b=job.enlarged(4.0, upscaler, 112)).values()
    assert float(one.std()) > 0.02
    assert (one - other).abs().max() <= 10 * FLOAT32


def test_the_seams_of_sd_x4_in_tiles(host, client):
    job = Job(host, SD_X4, pictures(48, 48))
    untiled, tiled = job.enlarged(4.0), job.enlarged(4.0, tile_size=96)
    node = job.add("HiresFixSeamReport", tile_size=96, overlap=32, before=job.image, after=tiled, untiled=untiled)
    text = client.queue(job.graph).require_success().outputs[node.id]["text"][0]
    assert text.startswith("3 x 3 tiles"), text
    assert "No seam found" in text, text


# --------------------------------------------------------------------------------------------------------- redraws


def hinted(job):
    """A prompt with a ControlNet that has the whole picture as its hint, and a second one for a part of it."""
    hint = job.add("ProbeImage", file=give(job.host, image=pictures(210, 101)), key="image")
    held = job.add(
        "ControlNetApplyAdvanced", **job.prompts, control_net=job.add("ProbeControlNet", kind="pixels"), image=hint,
        strength=0.7, start_percent=0.0, end_percent=1.0,
    )  # fmt: skip
    place = {"width": 64, "height": 64, "x": 48, "y": 24, "strength": 0.9}
    area = job.add("ConditioningSetArea", conditioning=job.prompts["negative"], **place)
    return {
        "positive": job.add("ConditioningCombine", conditioning_1=held, conditioning_2=area),
        "negative": held[1],
    }


def in_memory(job, prompts):
    """The same redraw at 210x101 by the nodes for pictures that fit the memory, with the same noise."""
    large = job.enlarged(2.1, job.add("HiresFixUpscalerLoader", upscaler_name="Lanczos"))
    noise = job.add("ProbePlacedNoise", noise=job.add("RandomNoise", noise_seed=5), width=27, height=13)
    latent = job.add("HiresFixEncodeAnySize", image=large, vae=job.vae)
    common = {"model": job.model, "noise": noise, "sampler_name": NUMBERS["sampler_name"]}
    noised = job.add(
        "HiresFixRenoise", latent=latent, steps=NUMBERS["steps"], scheduler=NUMBERS["scheduler"],
        denoising_strength=NUMBERS["denoising_strength"], hr_second_pass_steps=0, **common,
    )  # fmt: skip
    final = job.add("HiresFixSecondSampling", **prompts, latent=noised, sigmas=noised[1], cfg=NUMBERS["cfg"], **common)
    return job.add("HiresFixDecodeToSize", latent=final, vae=job.vae, image=large)


def test_a_redraw_in_windows_is_the_redraw_in_one_piece_with_hints_and_areas(host, client, models):
    """A ControlNet in the prompt is cut to the windows; one at the node sees each window itself."""
    job = Job(host, models.family("sd1"), pictures(100, 48), local=True)
    prompts = hinted(job)
    control = {"control_net": job.add("ProbeControlNet", kind="pixels"), "control_strength": 0.5}
    windows = {"tile_size": 96, "overlap": 48}
    found = job.run(
        client,
        expected=in_memory(job, prompts),
        one=job.enlarged(2.1, **prompts),
        tiled=job.enlarged(2.1, **prompts, **windows),
        control=job.enlarged(2.1, **control),
        control_tiled=job.enlarged(2.1, **control, **windows),
        none=job.enlarged(2.1),
    )
    assert found["one"].shape == (1, 101, 210, 3)
    assert_close(found["one"], found["expected"].clamp(0, 1), SAMPLED)
    # the smoothing of that ControlNet sees no further than the window
    assert (found["tiled"] - found["one"]).abs().mean() < 2e-3
    assert (found["control_tiled"] - found["control"]).abs().mean() < 2e-3
    assert (found["one"] - found["none"]).abs().mean() > 0.02
    assert (found["control"] - found["none"]).abs().mean() > 0.02


@pytest.mark.parametrize("family", ["sdxl", "sd3", "wan"])
def test_every_family_redraws_batches_and_keeps_alpha(family, host, client, models):
    """Eps, flow, and 5-D latents of 16 channels. Sides that are no whole cells, an odd factor."""
    image = pictures(45, 31, channels=4, batch=2)
    job, alone = Job(host, models.family(family), image), Job(host, models.family(family), image[1:])
    both, same, once = job.run(
        client, a=job.enlarged(1.5), b=job.enlarged(1.5, denoising_strength=0.0), c=job.enlarged(1.5, factor=1.0)
    ).values()
    (single,) = alone.run(client, a=alone.enlarged(1.5)).values()
    assert both.shape == (2, 46, 68, 4)
    assert bool(torch.isfinite(both).all())
    assert_close(both[1:], single, SAMPLED)
    assert torch.equal(both[..., 3], same[..., 3])
    assert float(both[..., 3].std()) > 0.1
    assert (both - same)[..., :3].abs().mean() > 1e-3
    assert (both - once)[..., :3].abs().mean() > 1e-3


def test_another_upscaler_enlarges_before(host, client, models):
    """At strength 0 a cell-wise VAE gives back means of what it enlarged."""
    job = Job(host, models.family("sd3"), pictures(40, 24))
    first = job.add("HiresFixUpscalerLoader", upscaler_name=models.exact_x2)
    ready = job.enlarged(2.0, first)
    kept = {"denoising_strength": 0.0}
    chained = job.enlarged(2.0, upscaler=job.upscaler(upscaler=first, **kept))
    lanczos = job.enlarged(2.0, **kept)
    a1111 = job.enlarged(2.0, upscaler=job.upscaler(upscaler=first, **kept), numbers="A1111")
    back = job.add("HiresFixDecodeToSize", image=ready, vae=job.vae,
                   latent=job.add("HiresFixEncodeAnySize", image=ready, vae=job.vae))  # fmt: skip
    found = job.run(client, back=back, chained=chained, lanczos=lanczos, a1111=a1111)
    assert_close(found["chained"], found["back"].clamp(0, 1), FLOAT32)
    assert (found["a1111"] - found["back"]).abs().max() < 2 / 255
    assert (found["lanczos"] - found["back"]).abs().mean() > 1e-3


def test_between_the_passes_and_in_stages(host, client, models):
    family = models.family("sd3")
    job = Job(host, family, pictures(8, 8))
    latent = job.add("ProbeLatent", file=give(host, a=torch.randn(1, 16, 5, 6) * 0.3), key="a")
    size = {"width": 48, "height": 40, "hr_scale": 2.0, "hr_resize_x": 0, "hr_resize_y": 0}
    target = job.add("HiresFixTargetSize", **size)
    upscaler = job.upscaler()
    large = job.add("HiresFixPixelUpscale", latent=latent, vae=job.vae, upscaler=upscaler, target=target, tile_size=0,
                    tile_overlap=-1, vae_tile_size=0)  # fmt: skip
    stages = {"upscaling_resize": 3.0, "stages": 2, "redraw_last": False, "tile_overlap": -1}
    found = job.run(client, pixel=large[1], stages=multi_stage(job.graph, job.image, upscaler, **stages))
    assert found["pixel"].shape == (1, 80, 96, 3)
    assert found["stages"].shape == (1, 24, 24, 3)
    assert float(found["stages"].std()) > 0.02


# ---------------------------------------------------------------------------------------- folders, words, cancelling


def test_a_folder_gets_the_same_pictures(host, client, models):
    job = Job(host, models.family("sd3"), pictures(8, 8))
    folder = host.base / "input" / "diffusion folder"
    folder.mkdir()
    levels = np.random.default_rng(1).integers(0, 256, (25, 37, 4), np.uint8)
    Image.fromarray(levels).save(folder / "a.png")
    Image.fromarray(levels[..., 0]).save(folder / "b.png")
    job.image = job.add("ProbeImage", file=give(host, a=torch.from_numpy(levels)[None].float() / 255), key="a")
    upscaler = job.upscaler(tile_size=64, overlap=16)
    folders = {"input_folder": folder.name, "output_folder": folder.name, "tile_overlap": -1}
    node = job.add("HiresFixUpscaleFolder", **{**FOLDER, **folders}, upscaler=upscaler)
    name = job.graph.save(image=job.enlarged(2.0, upscaler))[1]
    text = client.queue(job.graph).require_success().outputs[node.id]["text"][0]
    assert "2 done" in text, text
    expected = saved(host, name)["image"][0]
    found = read_picture(host.base / "output" / folder.name / "a_x2.png").pixels
    assert found.shape == (50, 74, 4)
    assert (found - expected).abs().max() <= 0.5 / 255 + FLOAT32
    assert read_picture(host.base / "output" / folder.name / "b_x2.png").pixels.shape == (50, 74, 1)


def words(host, client, family, change=lambda job: {}):
    job = Job(host, family, pictures(8, 8))
    node = job.add("ProbeWords", upscaler=job.upscaler(**change(job)))
    (text,) = client.queue(job.graph).require_success().outputs[node.id]["text"]
    json.loads(text)
    return text


@pytest.mark.parametrize("family", ["sd3", "sd-x4"])
def test_unfinished_files_are_told_apart_by_all_that_changes_pixels(family, host, client, models):
    family = SD_X4 if family == "sd-x4" else models.family(family)

    def rescaled(job):
        return {"model": job.add("RescaleCFG", model=job.model, multiplier=0.5)}

    def prompt(job):
        return {"positive": job.add("ConditioningCombine", conditioning_1=job.prompts["positive"],
                                    conditioning_2=job.prompts["negative"])}  # fmt: skip

    def before(job):
        return {"upscaler": job.add("HiresFixUpscalerLoader", upscaler_name=models.exact_x2)}

    changes = [rescaled, prompt, before, lambda _: {"seed": 6}, lambda _: {"steps": 3}, lambda _: {"cfg": 4.0}]
    found = {words(host, client, family, change) for change in changes}
    same = words(host, client, family)
    assert len(found | {same}) == len(changes) + 1
    assert words(host, client, family) == same


@pytest.mark.parametrize("family", ["sd1", "sd-x4"])
def test_cancelled_within_a_picture(family, host, client, models):
    family = SD_X4 if family == "sd-x4" else models.family(family)
    job = Job(host, family, pictures(24, 24))
    large = job.enlarged(2.0, steps=60, seed=4711, denoising_strength=1.0)
    job.graph.save(image=large)
    run = client.queue(job.graph, interrupt_at=large.id, after_progress=2)
    assert run.status == "interrupted"
    told = [(value, most) for name, value, most in run.progress if name == large.id and most > 1]
    assert 0 < max(value for value, _ in told) < told[0][1] / 4


# --------------------------------------------------------------------------------------------------------- refusals


def vae_of_sd3(job):
    return {"vae": job.add("CheckpointLoaderSimple", ckpt_name="tiny-sd3.safetensors")[2]}


def conditioned(job):
    cond = job.add("SD_4XUpscale_Conditioning", images=job.image, **job.prompts, scale_ratio=4.0,
                   noise_augmentation=0.0)  # fmt: skip
    return {"positive": cond, "negative": cond[1]}


def in_an_area(job):
    area = {"width": 64, "height": 64, "x": 0, "y": 0, "strength": 1.0}
    return {"negative": job.add("ConditioningSetArea", conditioning=job.prompts["negative"], **area)}


def tiled(job):
    tiles = {"tile_size": 64, "overlap": -1, "blending": "soft", "tiles_at_once": 0}
    return {"model": job.add("HiresFixTiledModel", model=job.model, **tiles)}


def other_prompt(job):
    texts = {"positive": torch.zeros(1, 77, 768)}
    return {"positive": job.add("ProbeConditioning", file=give(job.host, **texts), key="positive")}


def reference(job):
    latent = job.add("ProbeLatent", file=give(job.host, a=torch.zeros(1, 16, 4, 4)), key="a")
    return {"positive": job.add("ReferenceLatent", conditioning=job.prompts["positive"], latent=latent)}


def not_numbers(job):
    return {"vae": job.add("ProbeCellVae", vae=job.vae, channels=4, cell=4, fails="decoder")}


@pytest.mark.parametrize(("family", "change", "node", "words"), [
    ("sd-x4", vae_of_sd3, "Diffusion Upscaler, input 'vae'", "cells of 8 pixels and 16 channels, the SD x4"),
    ("sd-x4", conditioned, "Diffusion Upscaler, input 'positive'", "a picture to enlarge, which belongs to one whole"),
    ("sd-x4", in_an_area, "Diffusion Upscaler, input 'negative'", "has an area"),
    ("sd-x4", tiled, "Diffusion Upscaler, input 'model'", "comes from Tiled Model"),
    ("sd-x4", other_prompt, "Diffusion Upscaler, input 'positive'", "it is 768 wide, this model takes 1024"),
    ("sd-x4", lambda job: {"control_net": job.add("ProbeControlNet", kind="pixels")},
     "Diffusion Upscaler, input 'control_net'", "no ControlNets for it"),
    ("sd-x4", lambda _: {"tile_size": 64, "overlap": 64}, "Diffusion Upscaler, input 'overlap'", "share 64 pixels"),
    ("sd-x4", not_numbers, "Upscale Image (Extras), input 'upscaler': Diffusion Upscaler", "the VAE decoded"),
    ("sd3", reference, "Diffusion Upscaler, input 'positive'", "a reference picture"),
    ("sd3", lambda job: {"vae": job.add("CheckpointLoaderSimple", ckpt_name=SD_X4.file)[2]},
     "Diffusion Upscaler, input 'vae'", "cells of 4 pixels and 4 channels, the model takes 8 and 16"),
    ("sd3", lambda _: {"tile_size": 64, "overlap": 80}, "Diffusion Upscaler, input 'overlap'", "share 80 pixels"),
])  # fmt: skip
def test_what_is_refused(family, change, node, words, host, client, models):
    job = Job(host, SD_X4 if family == "sd-x4" else models.family(family), pictures(24, 16))
    job.graph.save(image=job.enlarged(2.0, **change(job)))
    run = client.queue(job.graph)
    assert run.status == "error"
    assert node in run.explanation(), run.explanation()
    assert words in run.explanation(), run.explanation()


def test_the_badges(host, client, models):
    """Counted on the plan that the run follows: 600 pixels are two parts of 512, each four tiles of 256."""
    Image.new("RGB", (600, 400)).save(host.base / "input" / "diffusion-600x400.png")
    said = {}
    for family, more in ((SD_X4, {}), (SD_X4, {"tile_size": 1024}), (models.family("sd1"), {"tile_size": 768})):
        job = Job(host, family, pictures(8, 8))
        job.image = job.add("LoadImage", image="diffusion-600x400.png")
        large = job.enlarged(4.0, **more)
        text = plan(host, job.graph)[large.id]["text"]
        said[family.file, more.get("tile_size", 0)] = text.partition(", ")[2].replace("\u00d7", "x")
    assert said == {
        (SD_X4.file, 0): "2 steps x 2 windows: seconds on a graphics card",
        (SD_X4.file, 1024): "2 steps x 8 windows: seconds on a graphics card",
        (models.family("sd1").file, 768): "2 steps x 15 windows: seconds on a graphics card",
    }


def test_what_memory_does_not_hold_is_refused_before_anything_is_drawn(host, client):
    job = Job(host, SD_X4, pictures(64, 64))
    job.image = job.add("RepeatImageBatch", image=job.image, amount=4096)
    job.graph.save(image=job.enlarged(16.0))
    text = client.queue(job.graph).explanation()
    assert "4096 pictures of 64x64 pixels would become 1024x1024, which takes at least" in text, text

"""The nodes for a recorded img2img job: one picture, or a batch of them, redrawn at its own size."""

from __future__ import annotations

import re
from typing import Any

from PIL import Image

from ...hires.graph import stages
from ...hires.graph.builder import Output
from .cases import Case
from .graph import Plan, Variant
from .job import Job
from .names import ModelNames
from .prompts import PassFacts
from .settings import NotMappedError


def build(case: Case, variant: Variant, names: ModelNames) -> Plan:
    """Return the whole job as one graph.

    Raises NotMappedError for a setting that is not at A1111's default and that no node has (masks, loops and resize
    modes among them), CaseError if a recorded file is missing.
    """
    job = _Job(case, variant, names)
    run = case.runs[0] if case.runs else {}
    latent = job.encoded(job.pictures())
    for index, record in enumerate(run.get("iterations") or [{}]):
        seeds = [job.first_seed(run, name, index) for name in ("seeds", "subseeds")]
        drawn = job.redrawn(record, latent, job.noise(*seeds), f"it{index}.")
        job.plan.save(
            f"it{index}.image",
            image=job.graph.node("VAEDecode", samples=drawn, vae=job.vae_after(record, job.loader)).out(),
        )
    job.finish()
    return job.plan


class RedrawJob(Job):
    """What img2img does to a picture, whatever made it."""

    def __init__(self, case: Case, variant: Variant, names: ModelNames) -> None:
        super().__init__(case, variant, names)
        self.strength = float(self.get("denoising_strength"))
        self.settings.field("init_images")
        if re.search(r"<\w+:[^>]+>", str(self.get("prompt"))):
            raise NotMappedError("prompt=<extra networks>")

    def first_seed(self, run: dict[str, Any], name: str, iteration: int) -> int:
        """The first seed of an iteration as it was recorded; of a job that failed before, what was sent."""
        given = run.get(name)
        return int(given[iteration * self.batch] if given else max(0, int(self.get(name.removesuffix("s")))))

    def given(self) -> list[Output]:
        """The pictures that were sent, transparent parts turned to A1111's colour."""
        return [self.plan.picture(path, "RGB over white") for path in self.case.given_pictures]

    def redrawn(self, record: dict[str, Any], latent: Output, noise: Output, stage: str = "") -> Output:
        """Re-noise and sample a latent or a list of them; without a stage's name nothing of it is kept."""
        texts = {f"{name}s": [self.get(name)] for name in ("prompt", "negative_prompt")}
        facts = PassFacts("first pass", self.steps, 0, self.sampler, self.sampler)
        model = self.loader.out("MODEL")
        model = self.plan.watch(model, stage + "hr.calls") if stage else model
        shared = self.sampling({**texts, **record}, facts, self.loader, model, self.sampler, self.scheduler)
        drawn = stages.second_pass(self.graph, shared, noise, latent, self.strength, steps_rule="img2img")
        if stage:
            self.plan.save_all(stage + "hr.init", latent)
            self.plan.save_all(stage + "hr.noise", self.drawn(noise, latent))
            self.plan.save(stage + "hr.sigmas", sigmas=drawn.node.inputs["sigmas"])
            self.plan.save_calls(stage + "hr.calls", drawn)
            self.plan.save_all(stage + "hr.latent", drawn)
        return drawn

    def finish(self) -> None:
        """Report what has reached no node."""
        left_over = self.settings.left_over()
        if left_over:
            raise NotMappedError(*left_over)


class _Job(RedrawJob):
    def pictures(self) -> list[Output]:
        """The pictures that were sent, at the size of the job."""
        made, is_resized = [], False
        for path, picture in zip(self.case.given_pictures, self.given(), strict=True):
            with Image.open(path) as opened:
                fits = opened.size == (self.width, self.height)
            is_resized = is_resized or not fits
            sides = {"width": self.width, "height": self.height}
            resized = {"image": picture, "upscale_method": "lanczos", "crop": "disabled", **sides}
            made.append(picture if fits else self.graph.node("ImageScale", **resized).out())
        if not is_resized:  # no resize mode has anything to do, nor has an upscaler
            self.settings.handled(("resize_mode", "upscaler_for_img2img"))
        elif self.settings.option("upscaler_for_img2img") in (None, "None"):
            self.settings.handled(("upscaler_for_img2img",))
        return made

    def encoded(self, pictures: list[Output]) -> Output:
        """The latent that is redrawn, of every picture of the batch."""
        vae = self.loader.out("VAE")
        if len(pictures) > 1:
            together = pictures[0]
            for picture in pictures[1:]:
                together = self.graph.node("ImageBatch", image1=together, image2=picture).out()
            return self.graph.node("VAEEncode", pixels=together, vae=vae).out()
        if not pictures:
            raise NotMappedError("init_images=[]")
        # one tile: encoded whole, whatever its size
        size = {"tile_width": self.width, "tile_height": self.height, "overlap": 0, "numbers": "A1111"}
        split = self.graph.node("HiresFixSplitTiles", image=pictures[0], **size)
        given = {"tiles": split.out(0), "layout": split.out(1), "vae": vae, "batch_size": 1}
        latent = self.graph.node("HiresFixEncodeTiles", noise=self.noise(0, 0), **given).out()
        return self.graph.node("RepeatLatentBatch", samples=latent, amount=self.batch).out()

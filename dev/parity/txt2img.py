"""The nodes for a recorded txt2img job, with or without hires fix."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image

from ...hires.graph import stages
from ...hires.graph.builder import Output
from ...hires.sampling.menus import LATENT_MODES
from ...sdapi.generate.graph import NO_TILES
from ...sdapi.samplers import schedule_label
from .cases import Case
from .graph import Plan, Variant
from .job import Job
from .names import ModelNames
from .prompts import PassFacts
from .settings import NotMappedError


def build(case: Case, variant: Variant, names: ModelNames) -> Plan:
    """Return the whole job as one graph.

    Raises NotMappedError for a setting that is not at A1111's default and that no node has, CaseError if a recorded
    file is missing.
    """
    job = _Job(case, variant, names)
    for index, record in enumerate(case.iterations or [{}]):
        job.iteration(index, record)
    left_over = job.settings.left_over()
    if left_over:
        raise NotMappedError(*left_over)
    return job.plan


class _Job(Job):
    """What all iterations of a job share, and how one is built."""

    def __init__(self, case: Case, variant: Variant, names: ModelNames) -> None:
        super().__init__(case, variant, names)
        self.between: Output | None = None
        """What the recorded picture between the passes becomes, where there is one."""
        self.hires = bool(self.get("enable_hr"))
        if not self.hires:
            self.settings.without_hires()
        self.settings.handled(("firstphase_width", "firstphase_height", "use_old_hires_fix_width_height"))
        if self.hires:
            name = self.get("hr_checkpoint_name")
            self.hr_loader = self.load(self.base if name in (None, "", "None", "Use same checkpoint") else name)
            self.hr_steps = int(self.get("hr_second_pass_steps"))
            self.hr_sampler = self.get("hr_sampler_name") or self.sampler
            self.hr_scheduler = schedule_label(self.get("hr_scheduler") or self.get("scheduler"))
            self.strength = float(self.get("denoising_strength"))
        else:
            self.hr_sampler, self.hr_steps = self.sampler, 0

    def iteration(self, index: int, record: dict[str, Any]) -> None:
        """Both passes of one batch, its pictures, and everything that is compared."""
        first_seeds = (self.case.resolved(name)[index * self.batch] for name in ("all_seeds", "all_subseeds"))
        noise, stage = self.noise(*first_seeds), f"it{index}."
        first, second = self.recorded(record, "first", ""), self.recorded(record, "hr", "hr_")
        picture = self.settings.field("firstpass_image")
        latent = None if picture else self.first_pass(first, noise, stage)
        vae = self.vae_after(first, self.loader)
        if self.hires:
            large = self.enlarged(latent, vae, noise, stage)
            self.plan.save(stage + "hr.init", latent=large)
            if self.settings.option("hires_fix_use_firstpass_conds"):
                second = {**second, **{key: first[key] for key in first if "prompts" in key or "cond" in key}}
            latent = self.second_pass(second, large, noise, stage)
            if self.between:
                self.plan.save(stage + "rest.init", latent=self.between)
                self.plan.save(stage + "rest.latent", latent=self.second_pass(second, self.between, noise))
            vae = self.vae_after(second, self.hr_loader)
        self.plan.save(stage + "image", image=self.graph.node("VAEDecode", samples=latent, vae=vae).out())

    def recorded(self, record: dict[str, Any], which: str, prefix: str) -> dict[str, Any]:
        """What is known of a pass; of one that the program never came to, the prompts of the request."""
        names = ("prompt", "negative_prompt")
        texts = {f"{name}s": [self.get(prefix + name) or self.get(name)] for name in names}
        return {**texts, **record.get(which, {})}

    def first_pass(self, record: dict[str, Any], noise: Output, stage: str) -> Output:
        facts = PassFacts("first pass", self.steps, self.hr_steps, self.sampler, self.hr_sampler)
        model = self.plan.watch(self.loader.out("MODEL"), stage + "first.calls")
        shared = self.sampling(record, facts, self.loader, model, self.sampler, self.scheduler)
        latent = stages.first_pass(self.graph, shared, noise, self.empty())
        self.plan.save(stage + "first.noise", latent=self.drawn(noise, self.empty()))
        self.plan.save_calls(stage + "first.calls", latent)
        self.plan.save(stage + "first.latent", latent=latent)
        return latent

    def second_pass(self, record: dict[str, Any], large: Output, noise: Output, stage: str = "") -> Output:
        """Re-noise and sample; without a stage's name nothing of it is kept for the comparison."""
        facts = PassFacts("second pass", self.steps, self.hr_steps, self.sampler, self.hr_sampler)
        model = self.hr_loader.out("MODEL")
        model = self.plan.watch(model, stage + "hr.calls") if stage else model
        shared = self.sampling(record, facts, self.hr_loader, model, self.hr_sampler, self.hr_scheduler)
        latent = stages.second_pass(self.graph, shared, noise, large, self.strength, self.hr_steps)
        if not stage:
            return latent
        self.plan.save(stage + "hr.noise", latent=self.drawn(noise, large))
        self.plan.save(stage + "hr.sigmas", sigmas=latent.node.inputs["sigmas"])
        self.plan.save_calls(stage + "hr.calls", latent)
        self.plan.save(stage + "hr.latent", latent=latent)
        return latent

    def empty(self) -> Output:
        """What the first pass starts from."""
        return self.graph.node("EmptyLatentImage", width=self.width, height=self.height, batch_size=self.batch).out()

    def enlarged(self, latent: Output | None, vae: Output, noise: Output, stage: str) -> Output:
        """What enters the second pass: latent or pixel upscale, of the first pass or of a given picture.

        `vae` is that of the first pass; pictures are encoded with that of the second.
        """
        upscaler, own_vae = self.get("hr_upscaler") or "Latent", self.hr_loader.out("VAE")
        target = self.graph.node(
            "HiresFixTargetSize",
            width=self.width,
            height=self.height,
            hr_scale=float(self.get("hr_scale")),
            hr_resize_x=int(self.get("hr_resize_x")),
            hr_resize_y=int(self.get("hr_resize_y")),
            vae=own_vae,
        )
        given = None if latent else self.firstpass_image()
        tile, overlap = (int(self.settings.option(name)) for name in ("ESRGAN_tile", "ESRGAN_tile_overlap"))
        if upscaler in LATENT_MODES:
            latent = latent or self.graph.node("VAEEncode", pixels=given, vae=own_vae).out()
            return stages.latent_upscale(self.graph, latent, target, upscaler)
        # of a given picture only the number counts, not what the first pass would have made of it
        shared = {
            "latent": latent or self.empty(),
            "vae": own_vae,
            "upscaler": stages.load_upscaler(self.graph, self.names.upscaler(upscaler)),
            "target": target.out("target"),
            "tile_size": tile or NO_TILES,
            "tile_overlap": overlap,
            "vae_tile_size": 0,
            "numbers": "A1111",
            # A1111 has seeded nothing when a picture was given, so the random part of its encoding is anybody's guess
            "noise": None if given else noise,
        }
        picture = given
        if latent:
            decoded = self.graph.node("VAEDecode", samples=latent, vae=vae).out()
            picture = decoded if vae != own_vae else None
            self.plan.save(stage + "hr.lowres", image=decoded)
            self.between = self.recorded_between(int(stage[2:-1]), shared)
        large = self.graph.node("HiresFixPixelUpscale", image=picture, **shared)
        self.plan.save(stage + "hr.upscaled", image=large.out("image"))
        return large.out("latent")

    def recorded_between(self, index: int, shared: dict[str, Any]) -> Output | None:
        """The same upscale of the recorded 8-bit picture of the first pass: tells rounding from mistakes."""
        found = [self.case.picture_between(index, "lowres", item) for item in range(self.batch)]
        if any(picture is None for picture in found):
            return None
        # half a level up: whatever happens on the way, the 8 bits are those recorded
        levels = torch.from_numpy(np.stack([picture for picture in found if picture is not None])).float()
        self.plan.tensors[f"lowres{index}"] = (levels + 0.5) / 255
        image = self.graph.node("ProbeImage", file=self.plan.file, key=f"lowres{index}").out()
        return self.graph.node("HiresFixPixelUpscale", image=image, **shared).out("latent")

    def firstpass_image(self) -> Output:
        """The given picture, which has to have the size of the first pass where it is enlarged as a latent."""
        path = self.case.input_image(self.case.request["firstpass_image"])
        with Image.open(path) as image:
            size = image.size
        if self.get("hr_upscaler") in (None, *LATENT_MODES) and size != (self.width, self.height):
            found = f"{size[0]}x{size[1]} for a first pass of {self.width}x{self.height}"
            raise NotMappedError(f"firstpass_image={found}")
        return self.plan.picture(path)

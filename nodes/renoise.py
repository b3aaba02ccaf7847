"""Noise for the second pass."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.sampling.same import SAME_STEPS, second_pass_values
from ..hires.sampling.settings import A1111Settings
from ..hires.sampling.steps import STEPS_RULES, StepsRule
from ..host.latents.latents import first_values
from ..host.sampling.renoising import loss_of_sum, renoise
from ..host.sampling.sigmas import Scheduling
from ..host.sampling.wiring import check_followers
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(
    80,
    "denoising strength to sigmas and noise; right for eps, v and flow models",
    a1111={
        "model": "Hires checkpoint",
        "steps": "Sampling steps",
        "denoising_strength": "Denoising strength",
        "hr_second_pass_steps": "Hires steps",
        "steps_rule": "tabs txt2img, img2img",
        **inputs.A1111_SECOND_PASS,
    },
)
class HiresFixRenoise(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixRenoise",
            display_name="Re-noise",
            category=inputs.CATEGORY,
            description="Turns the denoising strength into the second pass's sigmas and adds noise of the first one's "
            "level. Right for eps, v and flow models.",
            search_aliases=inputs.aliases(
                "denoising strength, denoise, renoise, add noise, img2img, hires steps, sigmas, hires denoise"
            ),
            inputs=[
                inputs.model("second"),
                io.Latent.Input("latent", tooltip="The enlarged latent."),
                inputs.noise("Drawn afresh at the size of the second pass."),
                inputs.steps(
                    "Steps of the first pass; the second runs as many unless hr_second_pass_steps says else. "
                    "0: as Base Sampling says. Needed only for a picture that comes from no Base Sampling.",
                    default=SAME_STEPS,
                    least=SAME_STEPS,
                ),
                inputs.share(
                    "denoising_strength",
                    0.7,
                    "How much may change: 0 nothing, 1 everything. About 0.6 to 0.7 after Latent Upscale, "
                    "0.3 to 0.5 after Pixel Upscale.",
                ),
                inputs.steps(
                    "A1111's 'Hires steps': steps of the second pass, all of them run whatever the strength. "
                    "0: as many as the first pass.",
                    "hr_second_pass_steps",
                    0,
                    0,
                ),
                inputs.sampler_name("that of Base Sampling."),
                inputs.scheduler("that of Base Sampling."),
                inputs.settings("Base Sampling's, while sampler or scheduler are the same, else A1111's defaults"),
                inputs.steps_rule(),
            ],
            outputs=[
                io.Latent.Output(display_name="latent", tooltip="The noised latent, for Second Sampling."),
                io.Sigmas.Output(display_name="sigmas", tooltip="The second pass's sigmas; empty at strength 0."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        latent: dict[str, Any],
        noise: Any,
        steps: int,
        denoising_strength: float,
        hr_second_pass_steps: int,
        sampler_name: str,
        scheduler: str,
        settings: A1111Settings | None = None,
        steps_rule: StepsRule = STEPS_RULES[0],
    ) -> io.NodeOutput:
        with input_errors(cls, "scheduler"):
            asked = (steps, hr_second_pass_steps, sampler_name, scheduler, settings, steps_rule)
            values = second_pass_values(first_values(latent), *asked)
            scheduling = Scheduling.of(model, values)
            sigmas = scheduling.second_pass(values.steps, denoising_strength, hr_second_pass_steps, values.steps_rule)
        with input_errors(cls, "latent"):
            noised = renoise(model, values, latent, noise, sigmas)
            if len(sigmas.sigmas):
                loss = loss_of_sum(model, latent, sigmas.sigmas[0])
                check_followers(cls.hidden.dynprompt, cls.hidden.unique_id, loss)
            return io.NodeOutput(noised, sigmas.sigmas)

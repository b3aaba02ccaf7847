"""Noise for the second pass."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.sampling.settings import A1111Settings
from ..host.latents.latents import is_masked
from ..host.sampling.passes import left_of_picture, renoise
from ..host.sampling.sigmas import second_pass_sigmas
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
        **inputs.A1111_SECOND_PASS,
    },
)
class HiresFixRenoise(PackNode):
    """Denoising strength: from where on the schedule the second pass runs, and that much noise."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return io.Schema(
            node_id="HiresFixRenoise",
            display_name="Re-noise",
            category=inputs.CATEGORY,
            description="Turns the denoising strength into the second pass's sigmas and adds noise of the first one's "
            "level. Right for eps, v and flow models.",
            search_aliases=[
                "denoising strength",
                "denoise",
                "renoise",
                "add noise",
                "img2img",
                "hires steps",
                "sigmas",
                "hires fix",
            ],
            inputs=[
                inputs.model("second"),
                io.Latent.Input("latent", tooltip="The enlarged latent."),
                inputs.noise("Drawn afresh at the size of the second pass."),
                inputs.steps("Steps of the first pass; the second runs as many unless hr_second_pass_steps says else."),
                io.Float.Input(
                    "denoising_strength",
                    default=0.7,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    round=0.001,
                    tooltip="How much may change: 0 nothing, 1 everything. About 0.6 to 0.7 after Latent Upscale, "
                    "0.3 to 0.5 after Pixel Upscale.",
                ),
                io.Int.Input(
                    "hr_second_pass_steps",
                    default=0,
                    min=0,
                    max=10000,
                    tooltip="A1111's 'Hires steps': steps of the second pass, all of them run whatever the strength. "
                    "0: as many as the first pass.",
                ),
                inputs.sampler_name(" Set the same as in Second Sampling."),
                inputs.scheduler(),
                inputs.settings(),
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
    ) -> io.NodeOutput:
        """Slice the schedule and add the noise."""
        with input_errors(cls, "scheduler"):
            sigmas = second_pass_sigmas(
                model, sampler_name, scheduler, steps, denoising_strength, hr_second_pass_steps, settings
            )
        with input_errors(cls, "latent"):
            noised = renoise(model, latent, noise, sigmas, sampler_name, settings)
            if len(sigmas.run):
                all_noise = left_of_picture(model, sigmas.run[0]) < 1e-6
                check_followers(cls.hidden.dynprompt, cls.hidden.unique_id, is_masked(latent), all_noise)
            return io.NodeOutput(noised, sigmas.run)

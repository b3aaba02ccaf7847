"""A diffusion model as an upscaler among the others."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..host.diffusion.make import diffusion_upscaler
from ..host.diffusion.sd_x4 import X4Numbers
from ..host.plugins.hooks import hooks_state
from ..host.redraw.identity import origin
from ..host.upscaling.upscalers import as_upscaler
from . import inputs, window_inputs
from .errors import input_errors
from .registry import PackNode, node


@node(
    66,
    "any diffusion model as an upscaler among the others: SD x4, or a redraw of what was enlarged, in windows",
    a1111={**inputs.A1111_PASS, **inputs.A1111_PROMPTS, "steps": "Sampling steps",
           "denoising_strength": "Denoising strength", "seed": "Seed"},
)  # fmt: skip
class HiresFixDiffusionUpscaler(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixDiffusionUpscaler",
            display_name="Diffusion Upscaler",
            category=inputs.CATEGORY,
            description="Makes an upscaler of a diffusion model, for Upscale Image, Upscale Folder, Pixel Upscale and "
            "wherever else an upscaler goes. The SD x4 upscaler draws pictures four times as large. Any other model "
            "redraws what was enlarged, window by window. Sizes are exact, transparency is kept, pictures of a folder "
            "may be larger than memory.",
            search_aliases=inputs.aliases(
                "sd x4 upscaler, x4-upscaler-ema, stable diffusion upscaler, tile controlnet upscale, redraw upscaler, "
                "model upscaler, ultimate sd upscale"
            ),
            inputs=[
                io.Model.Input("model", tooltip="The SD x4 upscaler, or any model for pictures, which then redraws."),
                io.Vae.Input("vae", tooltip="The VAE of the model; of the SD x4 upscaler that of its own checkpoint."),
                inputs.positive(),
                inputs.negative(),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Seed of the noise, the same for every picture of a batch: each place has noise of its "
                    "own. A picture that the SD x4 upscaler draws in one piece has KSampler's.",
                ),
                inputs.steps("Sampling steps of each window; all of them run, whatever the strength."),
                inputs.cfg(),
                inputs.sampler_name(),
                inputs.scheduler(),
                inputs.share(
                    "denoising_strength",
                    0.3,
                    "How much may change: 0 nothing, 1 everything. 0.2 to 0.35 keeps the picture; more with a tile "
                    "ControlNet. Not of the SD x4 upscaler, which always draws from noise.",
                ),
                io.Float.Input(
                    "factor",
                    default=0.0,
                    min=0.0,
                    max=8.0,
                    step=0.25,
                    round=0.001,
                    tooltip="How much larger than it comes a picture is redrawn; it is then resized to the size asked "
                    "for. 0: at that very size. Not of the SD x4 upscaler.",
                ),
                inputs.share(
                    "noise_augmentation",
                    0.0,
                    "SD x4 upscaler: noise in the small picture, which then counts for less: about 0.05 for clean "
                    "pictures, more to draw over JPEG blocks and noise. Not of other models.",
                ),
                *window_inputs.sides(),
                io.MultiType.Input(
                    "upscaler",
                    types=[inputs.UpscalerType, io.UpscaleModel],
                    optional=True,
                    tooltip="Enlarges the picture before the model draws. Without it: Lanczos. With the SD x4 upscaler "
                    "only for more than 4 times.",
                ),
                *window_inputs.held(),
            ],
            outputs=[inputs.UpscalerType.Output(display_name="upscaler", tooltip="For any input of an upscaler.")],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    def fingerprint_inputs(cls, **values: Any) -> str:
        """Another one when another pack's hooks are others."""
        return hooks_state()

    @classmethod
    def execute(
        cls,
        model: Any,
        vae: Any,
        positive: Any,
        negative: Any,
        seed: int,
        steps: int,
        cfg: float,
        sampler_name: str,
        scheduler: str,
        denoising_strength: float,
        factor: float,
        noise_augmentation: float,
        tile_size: int,
        overlap: int,
        upscaler: Any = None,
        control_net: Any = None,
        control_strength: float = 0.6,
    ) -> io.NodeOutput:
        with input_errors(cls, "model"):
            asked = X4Numbers(seed, steps, cfg, sampler_name, scheduler, noise_augmentation, tile_size, overlap)
            words = origin(cls.hidden.dynprompt, cls.hidden.unique_id, (positive, negative))
            before = None if upscaler is None else as_upscaler(upscaler)
            return io.NodeOutput(
                diffusion_upscaler(
                    model, vae, positive, negative, asked, denoising_strength, factor, words, before, control_net,
                    control_strength,
                )
            )  # fmt: skip

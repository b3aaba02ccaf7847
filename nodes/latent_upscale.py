"""Upscale in latent space."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.sampling.menus import LATENT_MODES
from ..hires.sizes.image_sizes import TargetSize
from ..host.latents.latents import resize_latent
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(50, "A1111's six latent modes", a1111={"mode": "Upscaler: Latent …"})
class HiresFixLatentUpscale(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixLatentUpscale",
            display_name="Latent Upscale",
            category=inputs.CATEGORY,
            description="Enlarges the latent between the passes, without decoding it. Fast, but blurry until it is "
            "sampled again: use a denoising strength of 0.5 or more.",
            search_aliases=inputs.aliases(
                "upscale latent, latent upscale by, hires upscaler, latent bicubic antialiased, latent nearest-exact"
            ),
            inputs=[
                io.Latent.Input("latent", tooltip="The result of the first pass."),
                inputs.target(),
                inputs.choice(
                    "mode",
                    list(LATENT_MODES),
                    "A1111's latent upscalers. Plain Latent is bilinear; the bicubic ones are sharper, "
                    "nearest keeps blocks.",
                ),
            ],
            outputs=[io.Latent.Output(display_name="latent", tooltip="The enlarged latent, for Re-noise.")],
        )

    @classmethod
    def execute(cls, latent: dict[str, Any], target: TargetSize, mode: str) -> io.NodeOutput:
        with input_errors(cls, "latent"):
            return io.NodeOutput(resize_latent(latent, target, mode))

"""The VAE for pictures of any size: what Multi-Stage Upscale redraws with."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.plan.upscale import NUMBERS, Numbers
from ..host.latents.any_size import decode_to_size, encode_any_size, encode_any_size_as_a1111
from ..host.latents.posterior import generator_of
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(130, "VAE encoding of pictures of any size, nothing cut off")
class HiresFixEncodeAnySize(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixEncodeAnySize",
            display_name="Encode Any Size",
            category=inputs.CATEGORY,
            description="Encodes pictures of any size without cutting or scaling them: the last row and column are "
            "repeated up to whole latent cells. Decode to Size takes them off again.",
            search_aliases=["vae encode", "image to latent", "pad to multiple of 8", "encode without crop"],
            inputs=[
                io.Image.Input("image", tooltip="The pictures, each encoded on its own. Grey becomes RGB."),
                io.Vae.Input("vae", tooltip="The VAE of the model that is to redraw them."),
                inputs.choice(
                    "numbers",
                    NUMBERS,
                    "exact: nothing is lost. A1111: as its img2img, which sees the pixels beyond the last whole cell, "
                    "but does not keep them.",
                    optional=True,
                ),
                io.Noise.Input(
                    "noise",
                    optional=True,
                    tooltip="Used by A1111's numbers: they are drawn from the VAE's distribution, as after a job that "
                    "ended with this seed. Without it: from its middle.",
                ),
            ],
            outputs=[io.Latent.Output(display_name="latent", tooltip="For Re-noise; decode it with Decode to Size.")],
        )

    @classmethod
    def execute(cls, image: Any, vae: Any, numbers: Numbers = NUMBERS[0], noise: Any = None) -> io.NodeOutput:
        with input_errors(cls, "image"):
            if numbers == "A1111":
                return io.NodeOutput(encode_any_size_as_a1111(vae, image, generator_of(noise)))
            return io.NodeOutput(encode_any_size(vae, image))


@node(140, "the way back, to that very size, transparency restored")
class HiresFixDecodeToSize(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixDecodeToSize",
            display_name="Decode to Size",
            category=inputs.CATEGORY,
            description="Decodes what Encode Any Size encoded, redrawn or not, to exactly the size of those pictures "
            "and with their transparency.",
            search_aliases=["vae decode", "latent to image", "crop to original size"],
            inputs=[
                io.Latent.Input("latent", tooltip="From Encode Any Size, by way of Second Sampling."),
                io.Vae.Input("vae", tooltip="The VAE that encoded it."),
                io.Image.Input("image", tooltip="The pictures that were encoded: for their size and transparency."),
            ],
            outputs=[io.Image.Output(display_name="image", tooltip="Pictures of exactly that size.")],
        )

    @classmethod
    def execute(cls, latent: dict[str, Any], vae: Any, image: Any) -> io.NodeOutput:
        with input_errors(cls, "latent"):
            return io.NodeOutput(decode_to_size(vae, latent, image))

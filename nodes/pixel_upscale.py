"""Upscale in pixel space, between the passes."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.plan.between_passes import PixelUpscaleRequest
from ..hires.plan.upscale import NUMBERS, Numbers
from ..hires.sizes.image_sizes import TargetSize
from ..hires.tiles.settings import PRECISIONS, Precision, TileSettings
from ..host.upscaling.pixels import upscale_latent_as_pixels
from ..host.upscaling.upscalers import as_upscaler
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(
    70,
    "decode, upscale to the exact size, encode; with tiles",
    a1111={"upscaler": "Upscaler: any but Latent …", **inputs.A1111_TILES},
)
class HiresFixPixelUpscale(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixPixelUpscale",
            display_name="Pixel Upscale",
            category=inputs.CATEGORY,
            description="Enlarges the picture between the passes: decodes it, upscales it to the exact size, encodes "
            "it again. Sharp already, so a denoising strength of 0.3 to 0.5 is enough.",
            search_aliases=inputs.aliases(
                "upscale with model, esrgan hires, vae decode upscale encode, hires upscaler"
            ),
            inputs=[
                io.Latent.Input("latent", tooltip="The result of the first pass."),
                io.Vae.Input("vae", tooltip="The VAE that decodes the latent and encodes it again."),
                inputs.upscaler(),
                inputs.target(),
                inputs.tile_size(),
                inputs.tile_overlap(),
                io.Int.Input(
                    "vae_tile_size",
                    default=0,
                    min=0,
                    max=4096,
                    step=64,
                    advanced=True,
                    tooltip="Decode and encode in tiles of this many pixels, 64 or more. 0: in one piece, and in the "
                    "largest tiles that fit where memory is short.",
                ),
                inputs.choice(
                    "numbers",
                    NUMBERS,
                    "exact: nothing is rounded to 8 bits. A1111: its 8-bit pictures, channel order "
                    "and tiles, for the same result as there. Then tile_size 0 means its 192 with an overlap of 8, "
                    "and 4096 means no tiles.",
                    optional=True,
                ),
                io.Noise.Input(
                    "noise",
                    optional=True,
                    tooltip="The noise of both passes. With A1111's numbers its seeds also decide the random part of "
                    "the VAE's encoding, as there; without it that part is left out. Not used with exact numbers.",
                ),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="Pictures to upscale in place of the decoded latent, such as a loaded one. The latent "
                    "then only tells how many there are and their size.",
                ),
                inputs.precision(),
            ],
            outputs=[
                io.Latent.Output(display_name="latent", tooltip="The enlarged latent, for Re-noise."),
                io.Image.Output(display_name="image", tooltip="The enlarged picture, before the second pass."),
            ],
        )

    @classmethod
    def execute(
        cls,
        latent: dict[str, Any],
        vae: Any,
        upscaler: Any,
        target: TargetSize,
        tile_size: int,
        tile_overlap: int,
        vae_tile_size: int,
        numbers: Numbers = NUMBERS[0],
        noise: Any = None,
        image: Any = None,
        precision: Precision = PRECISIONS[0],
    ) -> io.NodeOutput:
        with input_errors(cls, "latent"):
            tiles = TileSettings(tile_size, tile_overlap, precision)
            request = PixelUpscaleRequest(as_upscaler(upscaler), target, tiles, numbers)
            out, large = upscale_latent_as_pixels(latent, vae, request, vae_tile_size, noise, image)
            return io.NodeOutput(out, large)

"""Upscale in pixel space, between the passes."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.sizes import TargetSize
from ..host.pixels import upscale_latent_as_pixels
from ..upscale_models import TileSettings
from . import inputs
from .errors import blame


class HiresFixPixelUpscale(io.ComfyNode):
    """Decode, upscale, encode."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return io.Schema(
            node_id="HiresFixPixelUpscale",
            display_name="Pixel Upscale",
            category=inputs.CATEGORY,
            description="Enlarges the picture between the passes: decodes it, upscales it to the exact size, encodes "
            "it again. Sharp already, so a denoising strength of 0.3 to 0.5 is enough.",
            search_aliases=["upscale with model", "hires fix", "esrgan hires", "vae decode upscale encode"],
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
                    tooltip="Decode and encode in tiles of this many pixels. 0: in one piece, which looks better; "
                    "ComfyUI falls back to tiles by itself when memory runs out.",
                ),
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
    ) -> io.NodeOutput:
        """Decode, upscale, encode, crop."""
        with blame(cls, "latent"):
            tiles = TileSettings(tile_size, tile_overlap)
            return io.NodeOutput(*upscale_latent_as_pixels(latent, vae, upscaler, target, tiles, vae_tile_size))

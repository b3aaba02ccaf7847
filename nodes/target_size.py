"""How large the second pass is."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.sizes.image_sizes import target_size
from ..host.latents.codec import cell_of, pixel_size
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(
    40,
    "the second pass's size: by a factor, by one side, or by both sides (cover, then crop)",
    a1111={
        "width": "Width",
        "height": "Height",
        "hr_scale": "Upscale by",
        "hr_resize_x": "Resize width to",
        "hr_resize_y": "Resize height to",
    },
)
class HiresFixTargetSize(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        resize = "A1111's 'Resize {} to'. 0: follows the other side, or hr_scale. Both given: cover, then crop."
        return io.Schema(
            node_id="HiresFixTargetSize",
            display_name="Target Size",
            category=inputs.CATEGORY,
            description="Works out the size of the second pass as A1111 does: by a factor, by one side, or by both "
            "sides (covered, then cropped around the centre in whole latent cells).",
            search_aliases=inputs.aliases(
                "hires size, hires resize, upscale by, resize width to, resize height to, hr_scale, resolution"
            ),
            inputs=[
                inputs.side("width", 512, "Width of the first pass in pixels."),
                inputs.side("height", 512, "Height of the first pass in pixels."),
                io.Float.Input(
                    "hr_scale",
                    default=2.0,
                    min=0.05,
                    max=16.0,
                    step=0.05,
                    round=0.001,
                    tooltip="A1111's 'Upscale by'. Used while both resize fields are 0.",
                ),
                inputs.side("hr_resize_x", 0, resize.format("width"), minimum=0),
                inputs.side("hr_resize_y", 0, resize.format("height"), minimum=0),
                io.Latent.Input(
                    "latent",
                    optional=True,
                    tooltip="The first pass itself: its size replaces width and height. Needs the VAE, but for "
                    "empty latents that tell their cell.",
                ),
                io.Vae.Input(
                    "vae",
                    optional=True,
                    tooltip="Tells how many pixels a latent cell has. Without it: what an empty latent tells, else 8, "
                    "right for SD1, SDXL, SD3 and Flux.",
                ),
            ],
            outputs=[
                inputs.TargetType.Output(display_name="target", tooltip="For Latent Upscale or Pixel Upscale."),
                io.Int.Output(display_name="width", tooltip="Width of the finished picture."),
                io.Int.Output(display_name="height", tooltip="Height of the finished picture."),
            ],
        )

    @classmethod
    def execute(
        cls,
        width: int,
        height: int,
        hr_scale: float,
        hr_resize_x: int,
        hr_resize_y: int,
        latent: dict[str, Any] | None = None,
        vae: Any = None,
    ) -> io.NodeOutput:
        if latent is not None:
            with input_errors(cls, "latent"):
                width, height = pixel_size(latent, vae)
        with input_errors(cls, "width"):
            target = target_size(width, height, hr_scale, hr_resize_x, hr_resize_y, cell_of(vae, latent))
        return io.NodeOutput(target, *target.size)

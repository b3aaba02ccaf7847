"""A1111's Extras tab: upscaling without a diffusion model."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.plan.upscale import NUMBERS, Numbers, UpscaleRequest
from ..hires.tiles.settings import PRECISIONS, Precision, TileSettings
from ..host.upscaling.pictures import upscale_image
from ..host.upscaling.upscalers import as_second, as_upscaler
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(
    100,
    "upscale pictures to an exact size, without a diffusion model, with one or two upscalers; alpha is kept",
    a1111={**inputs.A1111_EXTRAS, **inputs.A1111_TILES},
)
class HiresFixUpscaleImage(PackNode):
    """Standalone upscale to an exact size."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixUpscaleImage",
            display_name="Upscale Image",
            category=inputs.CATEGORY,
            description="Upscales pictures to exactly the size asked for, with any upscaler and without a diffusion "
            "model, as A1111's Extras tab does. Transparency is kept.",
            search_aliases=[
                "extras",
                "extras tab",
                "upscale",
                "super resolution",
                "enlarge",
                "resize image",
                "esrgan",
                "ai upscale",
                "image upscale with model",
                "upscaler 2",
            ],
            inputs=[
                io.Image.Input("image", tooltip="The pictures to upscale; grey and transparent ones, too."),
                inputs.upscaler(),
                *inputs.resize(),
                inputs.tile_size(),
                inputs.tile_overlap(),
                *inputs.second_upscaler(),
                inputs.max_side(optional=True),
                io.Combo.Input(
                    "numbers",
                    options=list(NUMBERS),
                    default=NUMBERS[0],
                    optional=True,
                    tooltip="exact: nothing is rounded to 8 bits, and exactly the size asked for. A1111: the picture "
                    "its Extras tab gives: 8 bits, sides rounded down to whole 8 pixels, its channel order and tiles "
                    "(tile_size 0 means its 192 with an overlap of 8, 4096 no tiles), and None leaves the picture as "
                    "it is.",
                ),
                inputs.precision(),
            ],
            outputs=[io.Image.Output(display_name="image", tooltip="The pictures at the size asked for.")],
        )

    @classmethod
    def execute(
        cls,
        image: Any,
        upscaler: Any,
        resize_mode: str,
        upscaling_resize: float,
        upscaling_resize_w: int,
        upscaling_resize_h: int,
        upscaling_crop: bool,
        tile_size: int,
        tile_overlap: int,
        upscaler_2: Any = None,
        extras_upscaler_2_visibility: float = 0.0,
        max_side: int = 0,
        numbers: Numbers = NUMBERS[0],
        precision: Precision = PRECISIONS[0],
    ) -> io.NodeOutput:
        """Upscale every picture of the batch."""
        resize = upscaling_resize if resize_mode == inputs.SCALE_BY else (upscaling_resize_w, upscaling_resize_h)
        with input_errors(cls, "image"):
            request = UpscaleRequest(
                as_upscaler(upscaler),
                resize,
                upscaling_crop,
                max_side,
                TileSettings(tile_size, tile_overlap, precision),
                as_second(upscaler_2, extras_upscaler_2_visibility),
                extras_upscaler_2_visibility,
                numbers,
            )
            return io.NodeOutput(upscale_image(image, request))

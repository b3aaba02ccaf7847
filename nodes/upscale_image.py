"""A1111's Extras tab: upscaling without a diffusion model."""

from __future__ import annotations

from functools import partial
from typing import Any

from comfy_api.latest import io

from ..hires.plan.upscale import NUMBERS
from ..host.machines import crews
from ..host.machines.meeting import helpers_for
from ..host.redraw.fragment import fragment_of_upscalers
from ..host.upscaling.pictures import upscale_image
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(
    100,
    "upscale pictures to an exact size, without a diffusion model, with one or two upscalers; alpha is kept",
    a1111={**inputs.A1111_EXTRAS, **inputs.A1111_TILES},
)
class HiresFixUpscaleImage(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixUpscaleImage",
            display_name="Upscale Image (Extras)",
            category=inputs.CATEGORY,
            description="Upscales pictures to exactly the size asked for, with any upscaler and without a diffusion "
            "model, as A1111's Extras tab does. Transparency is kept.",
            search_aliases=inputs.aliases(
                "extras, extras tab, a1111, automatic1111, webui, upscale, super resolution, enlarge, resize image, "
                "esrgan, ai upscale, image upscale with model, upscaler 2"
            ),
            inputs=[
                io.Image.Input("image", tooltip="The pictures to upscale; grey and transparent ones, too."),
                inputs.upscaler(),
                *inputs.resize(),
                inputs.tile_size(),
                inputs.tile_overlap(),
                *inputs.second_upscaler(),
                inputs.max_side(optional=True),
                inputs.choice(
                    "numbers",
                    NUMBERS,
                    "exact: nothing is rounded to 8 bits, and exactly the size asked for. A1111: the picture "
                    "its Extras tab gives: 8 bits, sides rounded down to whole 8 pixels, its channel order and tiles "
                    "(tile_size 0 means its 192 with an overlap of 8, 4096 no tiles), and None leaves the picture as "
                    "it is.",
                    optional=True,
                ),
                inputs.precision(),
                inputs.workers("windows that pictures are cut into", "the log"),
            ],
            outputs=[io.Image.Output(display_name="image", tooltip="The pictures at the size asked for.")],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    def validate_inputs(cls, workers: str | None = None) -> bool | str:
        """See `are_workers`."""
        return inputs.are_workers(workers)

    @classmethod
    def execute(cls, image: Any, workers: str = crews.ALONE, **asked: Any) -> io.NodeOutput:
        with input_errors(cls, "image"):
            request = inputs.upscale_request(**asked)
            make = partial(fragment_of_upscalers, request, cls.hidden.dynprompt, cls.hidden.unique_id)
            with helpers_for(workers, request, make) as helpers:
                return io.NodeOutput(upscale_image(image, request, helpers))

"""Regions of a picture, cut out to be redrawn."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.tiles.cutouts import Edges
from ..host.pictures.cutouts import cut_out
from ..host.tiles.region_conds import prompts_of_regions
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(
    245,
    "regions of a picture, of a mask or boxes, at the size that the model draws best",
    a1111={"size": "Width, Height", "context": "Only masked padding, pixels", "fade": "Mask blur", "mask": "Mask"},
)
class HiresFixCutOutRegions(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixCutOutRegions",
            display_name="Cut Out Regions",
            category=inputs.CATEGORY,
            description="Cuts the regions of a mask, or the boxes of a detector, out of a picture, with what surrounds "
            "them, and brings each to the size that the model draws best. Everything up to Put Regions Back runs once "
            "for each region, with a prompt and strength of its own. A1111's inpainting of 'only masked'.",
            search_aliases=inputs.aliases(
                "inpaint only masked, redraw region, detailer, face detailer, fix faces, adetailer, crop and stitch, "
                "inpaint crop, masked area"
            ),
            inputs=[
                io.Image.Input("image", tooltip="The whole picture."),
                io.Mask.Input("mask", optional=True, tooltip="What to redraw, e.g. of Load Image's mask editor."),
                io.BoundingBox.Input(
                    "bboxes", optional=True, force_input=True, tooltip="Boxes to redraw, e.g. faces of a detector."
                ),
                io.Int.Input(
                    "size",
                    default=512,
                    min=0,
                    max=4096,
                    step=64,
                    tooltip="A region is redrawn with as many pixels as a square of this side has: the model's own "
                    "size, 512 for SD1, 1024 for SDXL and Flux. 0: with as many as it has in the picture.",
                ),
                io.Float.Input(
                    "context",
                    default=0.5,
                    min=0.0,
                    max=4.0,
                    step=0.05,
                    round=0.001,
                    tooltip="How much the model sees around a region on every side, as a share of its longer side.",
                ),
                io.Int.Input(
                    "grow",
                    default=8,
                    min=0,
                    max=512,
                    step=1,
                    tooltip="Pixels of the picture by which a region is made larger on every side.",
                ),
                io.Int.Input(
                    "fade",
                    default=16,
                    min=0,
                    max=512,
                    step=1,
                    tooltip="Pixels inside of the enlarged region over which the redrawn part fades in.",
                ),
                io.Boolean.Input(
                    "each_area",
                    default=True,
                    tooltip="On: each connected area of the mask is a region of its own. Off: all of it is one.",
                ),
                *(
                    io.Conditioning.Input(
                        name,
                        optional=True,
                        tooltip=f"{words} with places in it: areas in pixels of this picture, masks, ControlNets, "
                        "GLIGEN boxes. Each region gets its part. A prompt without them needs no way through here.",
                    )
                    for name, words in (("positive", "A prompt"), ("negative", "A negative prompt"))
                ),
            ],
            outputs=[
                io.Image.Output(display_name="images", is_output_list=True, tooltip="The regions, one by one."),
                io.Mask.Output(
                    display_name="masks",
                    is_output_list=True,
                    tooltip="What of each is put back: for Set Latent Noise Mask, so that its surroundings stay.",
                ),
                inputs.RegionsType.Output(display_name="regions", tooltip="For Put Regions Back."),
                *(
                    io.Conditioning.Output(
                        display_name=name,
                        is_output_list=True,
                        tooltip=f"Of the input '{name}', what belongs to each region, for the sampler of the regions.",
                    )
                    for name in ("positive", "negative")
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        image: Any,
        size: int,
        context: float,
        grow: int,
        fade: int,
        each_area: bool,
        mask: Any = None,
        bboxes: Any = None,
        positive: Any = None,
        negative: Any = None,
    ) -> io.NodeOutput:
        with input_errors(cls, "image"):
            images, masks, found = cut_out(image, mask, bboxes, each_area, Edges(context, grow, fade, size))
            prompts = prompts_of_regions({"positive": positive, "negative": negative}, found)
            return io.NodeOutput(images, masks, found, *prompts)

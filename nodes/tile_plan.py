"""What each part of a picture is asked for in a redraw."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..host.pictures.picture_files import show_images
from ..host.progress import show_text
from ..host.tiles.plan import carried_out, tile_plan
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(77, "a line of text for each part of a picture: its own words, less strength, or left as it is")
class HiresFixTilePlan(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixTilePlan",
            display_name="Tile Plan",
            category=inputs.CATEGORY,
            description="Says for tiles, boxes and masks what a redraw does there: with which words, with how much of "
            "the strength, or nothing at all. Tiles in which nothing is to be drawn cost nothing. Between Tiled Model, "
            "or any model, and the sampler.",
            search_aliases=inputs.aliases(
                "tile prompt, prompt per tile, regional prompt, skip tiles, skip flat tiles, tile strength, tiled "
                "diffusion regions, region prompt control, castle in the sky, denoise mask"
            ),
            inputs=[
                io.Image.Input("image", tooltip="The picture that will be redrawn, best at the size of the redraw."),
                io.String.Input(
                    "plan",
                    multiline=True,
                    default="",
                    tooltip="A line for each part: 'tiles 1-4 | skip', 'row 1 | prompt: blue sky', "
                    "'0 0 512 256 | strength 50%', 'mask | add: a castle'. Later lines go over earlier ones. A box is "
                    "x y width height, in pixels of the picture or in percent. Lines with # are comments.",
                ),
                io.Float.Input(
                    "skip_flat",
                    default=0.0,
                    min=0.0,
                    max=64.0,
                    step=0.5,
                    round=0.01,
                    tooltip="Tiles in which no block of 16 pixels deviates by so much from its mean, in steps of 8 "
                    "bits, are left as they are: 3 for a clear sky. 0: none. The text says what was found.",
                ),
                io.Int.Input(
                    "fade",
                    default=32,
                    min=0,
                    max=1024,
                    step=8,
                    tooltip="Pixels over which words go over into others, and lower strengths into higher ones. What "
                    "is skipped stays whole: it fades outside of it.",
                ),
                io.Int.Input(
                    "tile_size",
                    default=1024,
                    min=16,
                    max=16384,
                    step=8,
                    tooltip="Side of the tiles that have numbers, in pixels. Not used with a model: then its tiles "
                    "have them.",
                ),
                io.Model.Input(
                    "model", optional=True, tooltip="From Tiled Model, or any other, which then has one tile."
                ),
                io.Conditioning.Input(
                    "positive", optional=True, tooltip="The prompt for all that the plan gives no other words."
                ),
                io.Clip.Input("clip", optional=True, tooltip="The text encoder, for the plan's words."),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="What 'mask' means in the plan; of several in a batch 'mask 1', 'mask 2'.",
                ),
            ],
            outputs=[
                io.Model.Output(display_name="model", tooltip="The model with the plan, for any sampler."),
                io.Conditioning.Output(
                    display_name="positive", tooltip="The prompt with the plan's words, each kept to its place."
                ),
                inputs.TilePlanType.Output(display_name="plan", tooltip="The plan itself."),
                io.String.Output(
                    display_name="text",
                    tooltip="The plan in boxes, with flat tiles as lines. Copied into 'plan' it gives the same again.",
                ),
                io.Image.Output(display_name="preview", tooltip="The picture with its tiles, numbered, and the plan."),
            ],
        )

    @classmethod
    def execute(
        cls,
        image: Any,
        plan: str,
        skip_flat: float,
        fade: int,
        tile_size: int,
        model: Any = None,
        positive: Any = None,
        clip: Any = None,
        mask: Any = None,
    ) -> io.NodeOutput:
        with input_errors(cls, "plan"):
            made = tile_plan(image, plan, skip_flat, fade, tile_size, model, mask)
            show_text(made.summary)
            ready = carried_out(made.plan, model, positive, clip)
            shown = show_images(made.drawing, "image", {})
            return io.NodeOutput(*ready, made.plan, made.text, made.drawing, ui={"images": shown})

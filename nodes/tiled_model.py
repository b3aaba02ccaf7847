"""The second pass of pictures that are too large for the model as a whole."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.tiles.windows import Blending
from ..host.tiles.canvas import TileRequest
from ..host.tiles.tiled_model import tiled_model
from . import inputs, window_inputs
from .errors import input_errors
from .registry import PackNode, node


@node(75, "a model that sees large pictures in tiles, put together at every step; for any sampler")
class HiresFixTiledModel(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixTiledModel",
            display_name="Tiled Model",
            category=inputs.CATEGORY,
            description="Lets a model see a large picture in overlapping tiles, which are put together at every step. "
            "For any sampler, between the model and the second pass. Prompts, masks, areas and ControlNets are cut to "
            "each tile.",
            search_aliases=inputs.aliases(
                "tiled diffusion, multidiffusion, mixture of diffusers, ultimate sd upscale, sd upscale, tile, tiles, "
                "tiled sampling, tiled ksampler, large picture, 4k, 8k, out of memory"
            ),
            inputs=[
                inputs.model("second"),
                *window_inputs.windows(),
                io.Int.Input(
                    "tiles_at_once",
                    default=0,
                    min=0,
                    max=64,
                    tooltip="Tiles in one call of the model. 0: as many as memory has room for.",
                ),
            ],
            outputs=[io.Model.Output(display_name="model", tooltip="The model, for any sampler.")],
        )

    @classmethod
    def execute(cls, model: Any, tile_size: int, overlap: int, blending: Blending, tiles_at_once: int) -> io.NodeOutput:
        with input_errors(cls, "overlap"):
            request = TileRequest(tile_size, overlap, blending, tiles_at_once)
            return io.NodeOutput(tiled_model(model, request))

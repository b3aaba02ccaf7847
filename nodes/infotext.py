"""A1111's generation text of a picture, as a string for any node."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..host.infotext.texts import graph_infotexts
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(190, "A1111's `parameters` text of a picture that this graph makes")
class HiresFixInfotext(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixInfotext",
            display_name="A1111 Infotext",
            category=inputs.CATEGORY,
            description="Writes A1111's infotext of a picture that this graph draws: prompts, seed, sizes, models with "
            "their hashes and all hires fix settings, in A1111's format. For save nodes of other packs that take a "
            "text; Save Image (16-bit, ICC) does it by itself.",
            search_aliases=["infotext", "parameters", "generation data", "png info", "metadata", "a1111", "geninfo"],
            inputs=[
                io.MultiType.Input(
                    "images",
                    types=[io.Image, io.Latent],
                    tooltip="The picture that the text is of, or its latent: says which branch of the graph is meant. "
                    "It must begin with Base Sampling. Of a latent, the VAE is not known.",
                ),
                io.Int.Input(
                    "batch_index",
                    default=0,
                    min=0,
                    max=4095,
                    tooltip="Which picture of a batch: each has a seed of its own. 0 is the first.",
                ),
            ],
            outputs=[io.String.Output(display_name="parameters", tooltip="The text that A1111 stores as parameters.")],
            hidden=[io.Hidden.prompt, io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, images: Any, batch_index: int) -> io.NodeOutput:
        with input_errors(cls, "images"):
            return io.NodeOutput(graph_infotexts(cls.hidden.prompt, cls.hidden.unique_id)(batch_index))

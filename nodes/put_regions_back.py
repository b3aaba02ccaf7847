"""Redrawn regions, back in their picture."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..host.pictures.cutouts import put_back
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(246, "redrawn regions back in their picture, with faded edges; all else stays bit by bit")
class HiresFixPutRegionsBack(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixPutRegionsBack",
            display_name="Put Regions Back",
            category=inputs.CATEGORY,
            description="Lays redrawn regions over the picture they were cut out of. Their edges are faded; everything "
            "outside of the regions stays as it is, bit by bit.",
            search_aliases=inputs.aliases("inpaint stitch, paste region, composite, detailer, uncrop"),
            is_input_list=True,
            inputs=[
                io.Image.Input("image", tooltip="The whole picture that Cut Out Regions has got."),
                io.Image.Input("images", lazy=True, tooltip="The regions, redrawn, in their order; of any size."),
                inputs.RegionsType.Input("regions", tooltip="From Cut Out Regions."),
            ],
            outputs=[io.Image.Output(display_name="image", tooltip="The picture with its regions redrawn.")],
        )

    @classmethod
    def check_lazy_status(cls, **inputs: list[Any]) -> list[str]:
        """Without a region nothing is drawn."""
        return ["images"] if getattr(inputs["regions"][0], "parts", True) else []

    @classmethod
    def execute(cls, image: list[Any], regions: list[Any], images: list[Any] | None = None) -> io.NodeOutput:
        with input_errors(cls, "image"):
            parts = getattr(regions[0], "parts", True)
            return io.NodeOutput(put_back(image[0], regions[0], images if parts and images else []))

"""Two pictures of one scene with a slider between them."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..host.pictures.picture_files import show_images, texts
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(280, "two pictures of one scene with a slider between them, also in the classic editor")
class HiresFixCompare(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixCompare",
            display_name="Before and After",
            category=inputs.CATEGORY,
            description="Shows two pictures of one scene, one over the other. The pointer moves the edge between them.",
            search_aliases=inputs.aliases("image compare, comparer, slider, before after, a/b, side by side"),
            is_output_node=True,
            inputs=[
                io.Image.Input("image_a", optional=True, tooltip="Before: shown left of the edge."),
                io.Image.Input("image_b", optional=True, tooltip="After: shown right of the edge."),
            ],
            outputs=[],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )

    @classmethod
    def execute(cls, image_a: Any = None, image_b: Any = None) -> io.NodeOutput:
        text = texts(None, cls.hidden.prompt, cls.hidden.extra_pnginfo)
        with input_errors(cls, "image_a"):
            a = [] if image_a is None else show_images(image_a, "image_a", text)
            b = [] if image_b is None else show_images(image_b, "image_b", text)
        return io.NodeOutput(ui={"a_images": a, "b_images": b})  # as core's: web/js/compare.js reads them

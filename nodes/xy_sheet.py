"""A sheet of pictures with labels."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.sheet.axes import Axes
from ..host.pictures.sheet import sheet_of
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(270, "the pictures of all pairs of XY Values on one labelled sheet", a1111={"axes": "Draw legend"})
class HiresFixXYSheet(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixXYSheet",
            display_name="XY Sheet",
            category=inputs.CATEGORY,
            description="Puts the pictures that a graph makes for each pair of XY Values on one sheet, with the values "
            "beside them. The pictures stay as they are.",
            search_aliases=inputs.aliases("xy plot, xyz plot, x/y/z plot, grid, contact sheet, compare, comparison"),
            is_input_list=True,
            inputs=[
                io.Image.Input("images", tooltip="The pictures, at the end of all that depends on the values."),
                inputs.AxesType.Input("axes", tooltip="From XY Values."),
            ],
            outputs=[
                io.Image.Output(
                    display_name="sheet",
                    tooltip="The sheet; of batches, one for each of their pictures. For Save Image.",
                )
            ],
        )

    @classmethod
    def execute(cls, images: list[Any], axes: list[Axes]) -> io.NodeOutput:
        with input_errors(cls, "images"):
            return io.NodeOutput(sheet_of(images, axes[0]))

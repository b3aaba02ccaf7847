"""The values of a sheet."""

from __future__ import annotations

from comfy_api.latest import io

from ..hires.sheet.axes import axes
from . import inputs
from .errors import input_errors
from .registry import PackNode, node

_HOW = (
    "Parted by commas or lines: 0.3, 0.5, 0.7. Ranges of numbers: 1-5, 1-9 (+2) by the step, 0.2-0.8 [4] by how many. "
    "Names of files as the field lists them."
)


@node(
    260,
    "two lists of values, such as strengths and upscalers: the graph behind runs for each pair",
    a1111={"x_values": "X values", "y_values": "Y values", "x_name": "X type", "y_name": "Y type"},
)
class HiresFixXYValues(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixXYValues",
            display_name="XY Values",
            category=inputs.CATEGORY,
            description="Lists of values for the columns and rows of a sheet, as in A1111's X/Y/Z plot. Link x and y "
            "to any fields: all that depends on them runs once for each pair, the rest once. XY Sheet puts the "
            "pictures together.",
            search_aliases=inputs.aliases("xy plot, xyz plot, x/y/z plot, grid, compare, comparison, sheet, values"),
            inputs=[
                io.String.Input("x_name", default="Denoising strength", tooltip="What the labels of the columns say."),
                io.String.Input("x_values", default="0.2, 0.4, 0.6", tooltip=f"Of the columns. {_HOW}"),
                io.String.Input("y_name", default="", tooltip="What the labels of the rows say; may be empty."),
                io.String.Input("y_values", default="", tooltip="Of the rows, in the same way. Empty: one row."),
            ],
            outputs=[
                io.AnyType.Output(display_name="x", is_output_list=True, tooltip="One value for each picture."),
                io.AnyType.Output(display_name="y", is_output_list=True, tooltip="One value for each picture."),
                inputs.AxesType.Output(display_name="axes", tooltip="For XY Sheet."),
            ],
        )

    @classmethod
    def execute(cls, x_name: str, x_values: str, y_name: str, y_values: str) -> io.NodeOutput:
        with input_errors(cls, "x_values"):
            found = axes(x_name, x_values, y_name, y_values)
        x, y = map(list, zip(*found.pairs, strict=True))
        return io.NodeOutput(x, y, found)

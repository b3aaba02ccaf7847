"""Whether a picture shows the tiles it was made in."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.images.checks import check_image
from ..hires.seams.meetings import placed
from ..hires.seams.report import report
from ..host.tiles.layout import model_meetings, smaller_tiles
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(290, "whether a picture shows the tiles it was made in: lines, colours, waves, repetition, as figures")
class HiresFixSeamReport(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixSeamReport",
            display_name="Seam Report",
            category=inputs.CATEGORY,
            description="Measures whether a picture shows the tiles it was made in, by what the pass has changed: the "
            "lines where tiles meet against all other lines, the colours of tiles, what comes back from tile to tile.",
            search_aliases=inputs.aliases("seams, tiles, tile borders, seam check, quality, measure, tiled upscale"),
            is_output_node=True,
            inputs=[
                io.Image.Input(
                    "before",
                    tooltip="What was redrawn or enlarged, of any size: it is enlarged to that of 'after' by Lanczos.",
                ),
                io.Image.Input("after", tooltip="What was made of it in tiles. A batch is measured as one picture."),
                io.Int.Input(
                    "tile_size",
                    default=1024,
                    min=16,
                    max=16384,
                    step=8,
                    tooltip="Side of a tile, in pixels of 'after', as it was made. Not used with a model.",
                ),
                io.Int.Input(
                    "overlap",
                    default=0,
                    min=0,
                    max=8192,
                    step=8,
                    tooltip="Pixels that neighbouring tiles share. 0: tiles lie side by side from the upper left "
                    "corner on, as Ultimate SD Upscale pastes them. Otherwise they are evenly spread, as SD upscale's. "
                    "Not used with a model.",
                ),
                io.Image.Input(
                    "untiled",
                    optional=True,
                    tooltip="The same made in one piece, where that is possible. Its figures are shown beside: what it "
                    "has, too, is chance or the picture.",
                ),
                io.Model.Input(
                    "model",
                    optional=True,
                    tooltip="From Tiled Model, as the sampler got it: the report then looks where its tiles meet.",
                ),
            ],
            outputs=[io.String.Output(display_name="report", tooltip="The figures, a line each. The node shows them.")],
        )

    @classmethod
    def execute(
        cls, before: Any, after: Any, tile_size: int, overlap: int, untiled: Any = None, model: Any = None
    ) -> io.NodeOutput:
        with input_errors(cls, "after"):
            check_image(after, "after")
            height, width = after.shape[1:3]
            if model is None:
                columns, rows = (placed(size, tile_size, overlap) for size in (width, height))
            else:
                columns, rows = model_meetings(model, width, height)
            text = report(before, after, columns, rows, untiled).text()
            smaller = smaller_tiles(model) if model is not None else None
            if smaller:
                text = (
                    f"Memory had run out: the model's last sampling ended with tiles of up to {smaller} pixels, whose "
                    f"lines these are.\n{text}"
                )
            return io.NodeOutput(text, ui={"text": (text,)})

"""Upscaling a whole folder of picture files, as A1111's Extras tab does in "Batch from directory"."""

from __future__ import annotations

from functools import partial
from typing import Any

from comfy_api.latest import io

from ..hires.tiles.settings import PRECISIONS
from ..host.folders.elsewhere import crew_for
from ..host.folders.job import work_on_folder
from ..host.folders.picture_job import Upscaling
from ..host.folders.shown import shown
from ..host.machines import crews
from ..host.redraw.fragment import fragment_of_upscalers
from ..host.redraw.served import is_left
from . import folder_inputs, inputs
from .errors import input_errors
from .registry import PackNode, node


@node(
    110,
    "every picture of a folder; goes on after a stop or crash, lists what failed, writes results larger than memory",
    a1111={
        **folder_inputs.A1111_FOLDERS,
        **inputs.A1111_EXTRAS,
        **inputs.A1111_TILES,
    },
)
class HiresFixUpscaleFolder(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixUpscaleFolder",
            display_name="Upscale Folder",
            category=inputs.CATEGORY,
            description="Upscales every picture of a folder into another folder, keeping bit depth, colour profile and "
            "texts. Queued again, it goes on where it was stopped. Results of more than 134 megapixels, or larger "
            "than the free memory, become uncompressed BigTIFF files that are written piece by piece. A side may have "
            "up to a million pixels.",
            search_aliases=inputs.aliases(
                "batch, batch folder, batch from directory, extras, directory, bulk upscale, bigtiff, extras tab, "
                "batch upscale, a1111, automatic1111, webui, esrgan, upscaler"
            ),
            inputs=[
                *folder_inputs.files("upscaled", "{name}_x{scale}"),
                inputs.upscaler(),
                *inputs.resize(),
                inputs.max_side(),
                *folder_inputs.results("With overwrite, a job that was stopped begins again."),
                inputs.tile_size(),
                inputs.tile_overlap(),
                *inputs.second_upscaler(),
                inputs.choice(
                    "precision",
                    PRECISIONS,
                    "auto: half precision where it is faster and a model's result stays the same to the eye, never for "
                    "16-bit results; else full precision with fast convolutions. float32: always full precision, as "
                    "ComfyUI computes. float32 (fast convolutions): full precision with fewer multiplications where "
                    "this CPU has them; differs from float32 by rounding (115 dB and more).",
                    optional=True,
                    advanced=True,
                ),
                inputs.workers("pictures, whole or by the windows of large and of few ones", "the report"),
            ],
            outputs=[folder_inputs.report()],
            is_output_node=True,
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    def fingerprint_inputs(cls, **values: Any) -> float:
        """Never the same: what is in the folders may have changed."""
        return float("nan")

    @classmethod
    def validate_inputs(cls, workers: str | None = None) -> bool | str:
        """See `are_workers`."""
        return inputs.are_workers(workers)

    @classmethod
    def execute(cls, workers: str = crews.ALONE, **asked: Any) -> io.NodeOutput:
        folder, files = folder_inputs.settings(**folder_inputs.taken(asked))
        with input_errors(cls, "input_folder"):
            request = inputs.upscale_request(**asked)
            if is_left(request):
                return io.NodeOutput("")
            work = Upscaling(request)
            make = partial(fragment_of_upscalers, request, cls.hidden.dynprompt, cls.hidden.unique_id)
            report = work_on_folder(folder, work, files, crew_for(workers, work, files, make))
            return io.NodeOutput(report.text(), ui=shown(report))

"""Upscaling a whole folder of picture files, as A1111's Extras tab does in "Batch from directory"."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.plan.facts import FolderSearch
from ..hires.tiles.settings import PRECISIONS
from ..host.folders.job import FolderSettings, upscale_folder
from ..host.folders.picture_job import FileSettings
from ..host.folders.shown import shown
from ..pictures import FORMATS
from . import inputs
from .errors import input_errors
from .registry import PackNode, node

_AS_INPUT, _AUTO = "as input", "auto"
_SKIP, _OVERWRITE = "skip", "overwrite"


@node(
    110,
    "every picture of a folder; goes on after a stop or crash, lists what failed, writes results larger than memory",
    a1111={
        "input_folder": "Input directory",
        "output_folder": "Output directory",
        "quality": "Quality for saved jpeg and avif images",
        "format": "File format for images",
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
                io.String.Input(
                    "input_folder",
                    default="",
                    tooltip="Folder with the pictures, inside ComfyUI's input folder; empty for that folder itself. "
                    "'name [output]' is inside the output folder. Whole paths work for folders listed under "
                    "hires_fix_folders in extra_model_paths.yaml.",
                ),
                io.String.Input(
                    "output_folder",
                    default="upscaled",
                    tooltip="Folder for the results, inside ComfyUI's output folder; made if it is not there. Whole "
                    "paths as for input_folder.",
                ),
                io.String.Input(
                    "file_name",
                    default="{name}_x{scale}",
                    tooltip="Name of a result without its ending. {name}: of the picture; {ext}: its ending; {scale}: "
                    "the factor, or width x height; {upscaler}: the upscaler's name. Where two results would get one "
                    "name, the picture's ending is added.",
                ),
                io.String.Input(
                    "include",
                    default="*",
                    tooltip="Which pictures: name patterns separated by commas, such as *.png, holiday*. A pattern "
                    "with / is for the path inside the input folder. Files that are no pictures are passed over and "
                    "named in the report.",
                ),
                io.Boolean.Input(
                    "recursive",
                    default=False,
                    tooltip="Also the folders inside the input folder; the output folder gets the same folders. Links "
                    "to folders are not followed.",
                ),
                inputs.upscaler(),
                *inputs.resize(),
                inputs.max_side(),
                inputs.choice(
                    "format",
                    [_AS_INPUT, *FORMATS],
                    "Format of the results. As input: the picture's own if it is PNG, JPEG, WebP or TIFF, "
                    "else PNG. JPEG has up to 65500 pixels a side, WebP 16383. Animations stay animations as PNG and "
                    "WebP, pages stay together as TIFF; otherwise every frame or page gets a numbered file.",
                ),
                inputs.choice(
                    "bit_depth",
                    [_AUTO, "8", "16"],
                    "Bits a channel in PNG and TIFF files. Auto: as the picture has. JPEG and WebP have 8.",
                ),
                io.Int.Input(
                    "quality",
                    default=95,
                    min=1,
                    max=100,
                    tooltip="Of JPEG and WebP files. WebP loses nothing with 100.",
                ),
                inputs.choice(
                    "existing",
                    [_SKIP, _OVERWRITE],
                    "What to do with a picture whose result is there already. With overwrite, a job that was "
                    "stopped begins again.",
                ),
                inputs.tile_size(),
                inputs.tile_overlap(),
                *inputs.second_upscaler(),
                inputs.choice(
                    "precision",
                    PRECISIONS,
                    "auto: half precision where it is faster and a model's result stays the same to the eye; "
                    "never for 16-bit results. float32: always full precision.",
                    optional=True,
                    advanced=True,
                ),
            ],
            outputs=[
                io.String.Output(
                    display_name="report",
                    tooltip="How many pictures were done, skipped and failed, and why each failure happened.",
                )
            ],
            is_output_node=True,
        )

    @classmethod
    def fingerprint_inputs(cls, **values: Any) -> float:
        """Never the same: what is in the folders may have changed."""
        return float("nan")

    @classmethod
    def execute(
        cls,
        input_folder: str,
        output_folder: str,
        file_name: str,
        include: str,
        recursive: bool,
        format: str,
        bit_depth: str,
        quality: int,
        existing: str,
        **asked: Any,
    ) -> io.NodeOutput:
        search = FolderSearch(input_folder, output_folder, include, recursive)
        folder = FolderSettings(search, file_name, next((one for one in FORMATS if one == format), None))
        files = FileSettings(0 if bit_depth == _AUTO else int(bit_depth), quality, existing == _OVERWRITE)
        with input_errors(cls, "input_folder"):
            report = upscale_folder(folder, inputs.upscale_request(**asked), files)
            return io.NodeOutput(report.text(), ui=shown(report))

"""Inputs of the nodes that work on whole folders of picture files."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.plan.facts import FolderSearch
from ..host.folders.job import FolderSettings
from ..host.folders.work import FileSettings
from ..pictures import FORMATS
from . import inputs

_AS_INPUT, _AUTO = "as input", "auto"
_SKIP, _OVERWRITE = "skip", "overwrite"

A1111_FOLDERS = {
    "input_folder": "Input directory",
    "output_folder": "Output directory",
    "quality": "Quality for saved jpeg and avif images",
    "format": "File format for images",
}


def files(folder: str, pattern: str) -> list[io.Input]:
    """Which pictures, and where the results go; the defaults of the output folder and of the results' names."""
    return [
        io.String.Input(
            "input_folder",
            default="",
            tooltip="Folder with the pictures, inside ComfyUI's input folder; empty for that folder itself. "
            "'name [output]' is inside the output folder. Whole paths work for folders listed under "
            "hires_fix_folders in extra_model_paths.yaml.",
        ),
        io.String.Input(
            "output_folder",
            default=folder,
            tooltip="Folder for the results, inside ComfyUI's output folder; made if it is not there. Whole "
            "paths as for input_folder.",
        ),
        io.String.Input(
            "file_name",
            default=pattern,
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
    ]


def results(overwriting: str) -> list[io.Input]:
    """How results are written. `overwriting`: what that means for a job that was stopped."""
    return [
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
            f"What to do with a picture whose result is there already. {overwriting}",
        ),
    ]


def report() -> io.String.Output:
    return io.String.Output(
        display_name="report",
        tooltip="How many pictures were done, skipped and failed, and why each failure happened.",
    )


def settings(
    input_folder: str,
    output_folder: str,
    file_name: str,
    include: str,
    recursive: bool,
    format: str,
    bit_depth: str,
    quality: int,
    existing: str,
) -> tuple[FolderSettings, FileSettings]:
    """The values of these inputs."""
    search = FolderSearch(input_folder, output_folder, include, recursive)
    folder = FolderSettings(search, file_name, next((one for one in FORMATS if one == format), None))
    return folder, FileSettings(0 if bit_depth == _AUTO else int(bit_depth), quality, existing == _OVERWRITE)


FOLDER_INPUTS = (
    "input_folder", "output_folder", "file_name", "include", "recursive", "format", "bit_depth", "quality", "existing",
)  # fmt: skip
"""The arguments of `settings`."""


def taken(asked: dict[str, Any]) -> dict[str, Any]:
    """Take the arguments of `settings` out of a node's inputs."""
    return {name: asked.pop(name) for name in FOLDER_INPUTS}

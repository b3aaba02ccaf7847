"""Pictures from ComfyUI's input folder and into its output folder."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import comfy.model_management
import comfy.utils
import folder_paths
import torch
import torch.nn.functional as F
from comfy.cli_args import args

from ...hires.errors import InputError
from ...hires.images.checks import check_image
from ...hires.images.resample import from_8_bit, on_white_8_bit, to_8_bit
from ...pictures import DEEP_FORMATS, EXTENSIONS, FileFacts, Picture, PictureError, PictureFormat, write_picture
from ...pictures.base.file_names import check_characters, is_too_long
from ...pictures.examples import copy_examples
from ...pictures.formats.pillow import endings
from ..progress import show_text
from .picture_batch import read_batch

log = logging.getLogger("hires-fix")

Channels = Literal["RGB and mask", "as in the file", "RGB over white"]
CHANNELS: tuple[Channels, ...] = ("RGB and mask", "as in the file", "RGB over white")
""""RGB and mask": what every node understands. "as in the file": 1 to 4 channels, grey and alpha where the file has
them. "RGB over white": transparent parts turn white, as in A1111's img2img."""

BitDepth = Literal["auto", "8", "16"]
BIT_DEPTHS: tuple[BitDepth, ...] = ("auto", "8", "16")

_PREVIEW_SIDE = 1024
_SHOWN = "hires-fix-preview"
_GRAPHS = ("prompt", "workflow")  # of the graph that made a file: not true of what another graph makes of it


def provide_examples() -> None:
    """Put the pictures that saved workflows begin with into the input folder, where none of that name is there."""
    copy_examples(Path(folder_paths.get_input_directory()))


def input_names() -> list[str]:
    folder = folder_paths.get_input_directory()
    files = [entry.name for entry in os.scandir(folder) if entry.is_file()]
    return sorted(name for name in files if Path(name).suffix.lower() in endings())


def input_exists(name: str) -> bool:
    """The name may end in " [output]" or " [temp]" for the other folders."""
    return folder_paths.exists_annotated_filepath(name)


def missing(name: str) -> str:
    return f"There is no file {name!r} in the input folder. Upload it, or choose another one."


def input_version(name: str) -> str:
    """Return something that changes when the file does. Raises OSError if there is none."""
    file = os.stat(folder_paths.get_annotated_filepath(name))
    return f"{file.st_mtime_ns} {file.st_size}"


def load_image(name: str, channels: Channels) -> tuple[torch.Tensor, torch.Tensor, FileFacts]:
    """Read a picture; of an animation or a document all frames or pages. What has to be left out the node tells.

    Returns:
        The pictures `(B, H, W, C)` in float32, whatever the host's own precision; the masks `(B, H, W)`, 1 where a
        picture is transparent, as core's Load Image gives it: `(B, 64, 64)` zeros if it has no alpha; the rest.

    Raises:
        PictureError: there is no such file (see `input_exists`); see `read_batch`.
    """
    if not input_exists(name):
        raise PictureError(missing(name), "image")
    path = Path(folder_paths.get_annotated_filepath(name))
    pixels, picture, left_out = read_batch(path)
    show_text(picture.note)
    pixels = pixels.to(comfy.model_management.intermediate_device())
    has_alpha = pixels.shape[-1] in (2, 4)
    mask = 1 - pixels[..., -1] if has_alpha else torch.zeros(len(pixels), 64, 64, device=pixels.device)
    if channels == "RGB over white" and has_alpha:
        alpha = pixels[..., -1:]
        if picture.facts.depth == 8:
            pixels = from_8_bit([on_white_8_bit(one) for one in to_8_bit(pixels)]).to(pixels)
        else:
            pixels = pixels[..., :-1] * alpha + (1 - alpha)
    if channels != "as in the file":
        pixels = pixels[..., :3] if pixels.shape[-1] > 2 else pixels[..., :1].expand(-1, -1, -1, 3)
    if left_out:
        log.warning("'%s': %s", path.name, left_out)
        show_text(left_out)
    return pixels.contiguous(), mask, picture.facts


def save_images(
    images: torch.Tensor,
    filename_prefix: str,
    format: PictureFormat,
    bit_depth: BitDepth,
    quality: int,
    text: Mapping[str, str],
    own_text: Callable[[int], Mapping[str, str | None]],
    info: FileFacts | None = None,
) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Write pictures to the output folder, under names that are not taken.

    Args:
        images: `(B, H, W, C)`, 0 to 1, 1 to 4 channels.
        filename_prefix: as for core's Save Image.
        bit_depth: "auto" takes that of `info`, else 8, as far as the format goes (see `write_picture`).
        quality: 1 to 100, of JPEG and WebP.
        text: of every picture; see `texts`.
        own_text: further texts of a picture by its place in the batch, which replace those; None takes one out.
        info: colour profile, EXIF and resolution are taken from it.

    Returns:
        The files, as the editor wants them named; and those to show, which are others where a browser cannot show
        the format.

    Raises:
        InputError: not pictures; 16 bits in a format that has only 8; a prefix that leads out of the output folder;
            a file that cannot be written (PictureError).
    """
    _check(images, format, bit_depth)
    wanted = (info.depth if info else 8) if bit_depth == "auto" else int(bit_depth)
    depth = wanted if format in DEEP_FORMATS else 8
    size = images.shape[2], images.shape[1]
    output = _Folder.find(filename_prefix, "output", size)
    previews = _Folder.find(_SHOWN, "temp", size) if format == "tiff" else None
    progress = comfy.utils.ProgressBar(len(images))
    saved, shown = [], []
    for index, pixels in enumerate(images):
        comfy.model_management.throw_exception_if_processing_interrupted()
        both = {**text, **own_text(index)}
        kept = {key: value for key, value in both.items() if value is not None}
        facts = replace(info or FileFacts(), depth=depth, text=kept)
        path = output.free_path(index, EXTENSIONS[format])
        write_picture(path, Picture(pixels, facts), format, quality)
        saved.append(output.listed(path))
        if previews:
            path = previews.free_path(index, EXTENSIONS["png"])
            write_picture(path, Picture(_small(pixels), FileFacts(icc=facts.icc)), "png")
            shown.append(previews.listed(path))
        progress.update(1)
    return saved, shown or saved


def show_images(images: torch.Tensor, input_name: str, text: Mapping[str, str]) -> list[dict[str, str]]:
    """Write pictures to the temporary folder for the editor, as core's Preview Image does.

    Args:
        images: `(B, H, W, C)`, 0 to 1, 1 to 4 channels.
        input_name: the node's input that they came in by, for its errors.
        text: of every picture; see `texts`.

    Returns:
        The files, as the editor wants them named.

    Raises:
        InputError: not pictures, or a file that cannot be written (PictureError).
    """
    _check(images, "png", "8", input_name)
    folder = _Folder.find(_SHOWN, "temp", (images.shape[2], images.shape[1]))
    shown = []
    for index, pixels in enumerate(images):
        comfy.model_management.throw_exception_if_processing_interrupted()
        path = folder.free_path(index, EXTENSIONS["png"])
        write_picture(path, Picture(pixels, FileFacts(text=dict(text))), "png")
        shown.append(folder.listed(path))
    return shown


def texts(info: FileFacts | None, prompt: Any, extra_pnginfo: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the texts for a file: those of the loaded one, and the graphs as core writes them.

    Empty if the host was started with --disable-metadata.
    """
    if args.disable_metadata:
        return {}
    own = {key: value for key, value in (info.text if info else {}).items() if key not in _GRAPHS}
    graphs = {"prompt": _as_queued(prompt), **(extra_pnginfo or {})}
    return {**own, **{key: json.dumps(value) for key, value in graphs.items() if value is not None}}


def _as_queued(prompt: Any) -> Any:
    """Without the host's notes of what its nodes were up to: queued again with them, it would not ask anew."""
    if not isinstance(prompt, Mapping):
        return prompt
    return {
        number: {key: value for key, value in node.items() if key != "is_changed"} for number, node in prompt.items()
    }


@dataclass
class _Folder:
    """Where files of one prefix go."""

    path: Path
    stem: str
    counter: int
    subfolder: str
    kind: Literal["output", "temp"]

    @classmethod
    def find(cls, prefix: str, kind: Literal["output", "temp"], size: tuple[int, int]) -> _Folder:
        """Follow the host's rules for a prefix: subfolders, %width% and the like, a number after the last one used."""
        if not prefix.strip():
            raise InputError("it is empty. Give the beginning of a file name, like 'ComfyUI'.", "filename_prefix")
        check_characters(prefix, "filename_prefix")
        try:
            place = folder_paths.get_output_directory() if kind == "output" else folder_paths.get_temp_directory()
            folder, stem, counter, subfolder, _ = folder_paths.get_save_image_path(prefix, place, *size)
        except Exception as error:  # the host raises a bare one for a folder outside
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error).splitlines()[0]
            raise InputError(f"'{prefix}' cannot be used: {reason}", "filename_prefix") from error
        if is_too_long(f"{stem}_{counter:05}_.webp"):
            raise InputError(f"'{stem}' is too long for the name of a file. Shorten it.", "filename_prefix")
        return cls(Path(folder), stem, counter, subfolder, kind)

    def free_path(self, index: int, extension: str) -> Path:
        """Return the next path that is not taken; `index` counts the pictures of the batch."""
        stem = self.stem.replace("%batch_num%", str(index))
        while True:
            path = self.path / f"{stem}_{self.counter:05}_{extension}"
            self.counter += 1
            if not os.path.lexists(path):
                return path

    def listed(self, path: Path) -> dict[str, str]:
        return {"filename": path.name, "subfolder": self.subfolder, "type": self.kind}


def _check(images: torch.Tensor, format: PictureFormat, bit_depth: BitDepth, input_name: str = "images") -> None:
    if not isinstance(images, torch.Tensor):
        raise InputError(f"expected pictures, found {type(images).__name__}.", input_name)
    check_image(images, input_name)
    if bit_depth == "16" and format not in DEEP_FORMATS:
        raise InputError(
            f"{format} files have 8 bits a channel, but 16 are asked for. Choose png or tiff, or 'auto'.", "bit_depth"
        )


def _small(pixels: torch.Tensor) -> torch.Tensor:
    """Shrink `(H, W, C)` to what an editor shows."""
    factor = _PREVIEW_SIDE / max(pixels.shape[:2])
    if factor >= 1:
        return pixels
    size = [max(1, round(side * factor)) for side in pixels.shape[:2]]
    return F.interpolate(pixels.movedim(-1, 0)[None].float(), size, mode="area")[0].movedim(0, -1)

"""Upscaling one picture file to another, in memory or, where it is too large for that, from disk to disk."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import comfy.model_management
import torch
from comfy.cli_args import args

from ...hires.infotext.names import is_ldsr_file, upscaler_title
from ...hires.plan.upscale import UpscaleRequest
from ...hires.sizes.image_sizes import Size
from ...machines.file_upscale import FileUpscale
from ...pictures import Picture, write_picture
from ...pictures.folders.names import Task
from ...pictures.formats.tiff.write import TiffLayout
from ...pictures.source import Source
from ...pictures.streams.file import stream_picture
from ...pictures.streams.journal import Journal
from ...pictures.write import check_sides
from ...upscale_models import ClassicalUpscaler, Helpers, ModelUpscaler, PlacedUpscaler, Upscaler
from ..memory import free_main_memory
from ..upscaling.model_files import checksum_of
from ..upscaling.pictures import shared_runtimes
from .work import FileSettings, OnProgress

STREAM_FROM = 2**27
"""Pixels of a result from which on it is written piece by piece: 134 megapixels, 11585x11585."""

_MEMORY_PER_VALUE = 16
"""Bytes that a value of the result takes on the in-memory way: as float32, three times while it is rounded, packed."""


class Upscaling:
    """What Upscale Folder does to a picture file: `FileWork`."""

    done = "upscaled"

    def __init__(self, request: UpscaleRequest[Upscaler]) -> None:
        self.request = request
        self.helpers: Helpers | None = None
        """Others who take part in what is done here, see `upscale_to`."""

    @property
    def words(self) -> dict[str, str]:
        """See `FileWork`."""
        return size_words(self.request)

    def size(self, source: Size) -> Size:
        """See `FileWork`."""
        return self.request.plan(source).size

    def is_too_large(self, source: Size, channels: int) -> bool:
        """See `FileWork`."""
        plan = self.request.plan(source)
        return any(is_too_large(size, channels) for size in (plan.size, plan.up))

    def to_file(self, source: Source, task: Task, settings: FileSettings, on_progress: OnProgress) -> Path:
        """Upscale an open picture. Returns where the result is.

        A result of more than `STREAM_FROM` pixels, or of more than the free memory holds, becomes an uncompressed
        BigTIFF that is written piece by piece, and so does one that was begun like that and not finished.

        Raises:
            InputError: the picture cannot be read, upscaled or written.
            OSError: the disk does not take it.
        """
        task.target.parent.mkdir(parents=True, exist_ok=True)
        job, journal = self._job(source, settings, on_progress), Journal(task.streamed)
        description = {**input_words(task), **job.words}
        too_large = self.is_too_large((source.width, source.height), source.channels)
        if too_large or journal.read(description) is not None:
            job.stream(task.streamed, description, settings.overwrite)
            return task.streamed
        check_sides(task.target.name, task.format, *job.plan.size)
        journal.discard()
        write_picture(task.target, job.picture(), task.format, settings.quality, settings.overwrite)
        return task.target

    def picture(self, source: Source, task: Task, settings: FileSettings, on_progress: OnProgress) -> Picture:
        """See `FileWork`."""
        return self._job(source, settings, on_progress).picture()

    def remark(self) -> str:
        """See `FileWork`."""
        return ""

    def tidy(self, task: Task) -> None:
        """See `FileWork`."""
        Journal(task.streamed).discard()

    def _job(self, source: Source, settings: FileSettings, on_progress: OnProgress) -> FileJob:
        return FileJob(source, self.request, settings, on_progress, self.helpers)


def is_too_large(size: Size, channels: int) -> bool:
    """Whether a result has to be written piece by piece."""
    pixels = size[0] * size[1]
    return pixels > STREAM_FROM or pixels * channels * _MEMORY_PER_VALUE > free_main_memory()


class FileJob(FileUpscale):
    """The upscaling of one open picture with the host's devices and progress."""

    def __init__(
        self,
        source: Source,
        request: UpscaleRequest[Upscaler],
        settings: FileSettings,
        on_progress: OnProgress,
        helpers: Helpers | None = None,
    ) -> None:
        runtimes = partial(shared_runtimes, on_progress)
        super().__init__(source, request, settings.depth, not args.disable_metadata, runtimes, helpers=helpers)

    @property
    def words(self) -> dict[str, Any]:
        """Everything besides the picture that decides about the pixels, as JSON can hold it."""
        request, sizes = self.request, (*self.plan.up, *self.plan.size)
        return {
            "upscalers": [upscaler_words(one) for one in request.upscalers],
            "visibility": request.share,
            "size": dict(zip(("up_width", "up_height", "width", "height"), sizes, strict=True)),
            "tiles": [asdict(tiles) for tiles in self.tiles],
            **computed_words(),
        }

    def stream(self, target: Path, description: dict[str, Any], overwrite: bool) -> None:
        """Write the result to a BigTIFF piece by piece; see `stream_picture`."""
        size, corner = self.plan.size, (self.plan.window.x0, self.plan.window.y0)
        layout = TiffLayout(*size, self.source.channels, self.facts)
        make = partial(self.pieces, kept=Journal(target).kept, depth=self.facts.depth)
        stream_picture(target, layout, description, make, corner, overwrite)


def size_words(request: UpscaleRequest[Upscaler]) -> dict[str, str]:
    """What the names of results may say of the size, see `plan_names`."""
    resize, upscaler = request.resize, request.upscaler
    scale = "{}x{}".format(*resize) if isinstance(resize, tuple) else f"{resize:g}"
    name = upscaler.name if isinstance(upscaler, ClassicalUpscaler) else Path(upscaler.name).stem
    name = upscaler_title(upscaler.name) if is_ldsr_file(upscaler.name) else name
    return {"scale": scale, "upscaler": name}


def upscaler_words(upscaler: Upscaler) -> list[Any]:
    """Everything of an upscaler that decides about the pixels, as JSON can hold it."""
    if isinstance(upscaler, PlacedUpscaler):
        return [upscaler.name, upscaler.words]
    return [upscaler.name, checksum_of(upscaler.descriptor.model) if isinstance(upscaler, ModelUpscaler) else 0]


def input_words(task: Task) -> dict[str, Any]:
    """The file that a job reads and its state, as JSON can hold it."""
    file = task.picture.path.stat()
    return {"input": [str(task.picture.path), file.st_size, file.st_mtime_ns]}


def computed_words() -> dict[str, Any]:
    """What a job is computed with, as JSON can hold it."""
    return {"computed": [torch.__version__, str(comfy.model_management.get_torch_device())]}

"""Upscaling one picture file to another, in memory or, where it is too large for that, from disk to disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import comfy.model_management
import torch
from comfy.cli_args import args

from ...hires.infotext.from_graph.extras import EXTRAS_KEYS, extras_text, upscale_parameters
from ...hires.infotext.names import is_ldsr_file, upscaler_title
from ...hires.plan.upscale import UpscaleRequest
from ...hires.sizes.image_sizes import Size
from ...pictures import Picture, write_picture
from ...pictures.folders.names import Task
from ...pictures.formats.tiff.write import TiffLayout
from ...pictures.source import Source
from ...pictures.streams.file import stream_picture
from ...pictures.streams.journal import Journal
from ...pictures.streams.pieces import Marks, Piece, cut
from ...pictures.write import check_sides
from ...upscale_models import ClassicalUpscaler, ModelUpscaler, PlacedUpscaler, Upscaler
from ..memory import free_main_memory
from ..upscaling.model_files import checksum_of
from ..upscaling.pictures import PieceUpscale
from .work import FileSettings, OnProgress

STREAM_FROM = 2**27
"""Pixels of a result from which on it is written piece by piece: 134 megapixels, 11585x11585."""

_MEMORY_PER_VALUE = 16
"""Bytes that a value of the result takes on the in-memory way: as float32, three times while it is rounded, packed."""

_DEEP = 16  # bits a channel


class Upscaling:
    """What Upscale Folder does to a picture file: `FileWork`."""

    done = "upscaled"

    def __init__(self, request: UpscaleRequest[Upscaler]) -> None:
        self._request = request

    @property
    def words(self) -> dict[str, str]:
        """See `FileWork`."""
        return size_words(self._request)

    def size(self, source: Size) -> Size:
        """See `FileWork`."""
        return self._request.plan(source).size

    def is_too_large(self, source: Size, channels: int) -> bool:
        """See `FileWork`."""
        plan = self._request.plan(source)
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
        job, journal = FileJob(source, self._request, settings, on_progress), Journal(task.streamed)
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
        return FileJob(source, self._request, settings, on_progress).picture()

    def remark(self) -> str:
        """See `FileWork`."""
        return ""

    def tidy(self, task: Task) -> None:
        """See `FileWork`."""
        Journal(task.streamed).discard()


def is_too_large(size: Size, channels: int) -> bool:
    """Whether a result has to be written piece by piece."""
    pixels = size[0] * size[1]
    return pixels > STREAM_FROM or pixels * channels * _MEMORY_PER_VALUE > free_main_memory()


class FileJob:
    """The upscaling of one open picture."""

    def __init__(
        self, source: Source, request: UpscaleRequest[Upscaler], settings: FileSettings, on_progress: OnProgress
    ) -> None:
        depth = settings.depth or source.facts.depth
        if depth == _DEEP:
            # half precision is judged by what 8 bits show, and keeps no more
            request = replace(request, tiles=replace(request.tiles, precision="float32"))
        self._request = request
        self.plan = request.plan((source.width, source.height))
        text = {**source.facts.text, **_extras_text(request, self.plan.source)}
        self.facts = replace(source.facts, depth=depth, text=text)
        """The file's own, and beside them the text that A1111 would write."""

        self._source = source
        self._upscale = PieceUpscale(self.plan, request.share, on_progress)
        self.tiles = self._upscale.tiles

    @property
    def words(self) -> dict[str, Any]:
        """Everything besides the picture that decides about the pixels, as JSON can hold it."""
        request, sizes = self._request, (*self.plan.up, *self.plan.size)
        return {
            "upscalers": [upscaler_words(one) for one in request.upscalers],
            "visibility": request.share,
            "size": dict(zip(("up_width", "up_height", "width", "height"), sizes, strict=True)),
            "tiles": [asdict(tiles) for tiles in self.tiles],
            **computed_words(),
        }

    def pieces(self, marks: Marks) -> Iterator[Piece]:
        """See `PieceUpscale.pieces`."""
        return self._upscale.pieces(self._source, marks)

    def stream(self, target: Path, description: dict[str, Any], overwrite: bool) -> None:
        """Write the result to a BigTIFF piece by piece; see `stream_picture`."""
        size, corner = self.plan.size, (self.plan.window.x0, self.plan.window.y0)
        layout = TiffLayout(*size, self._source.channels, self.facts)
        stream_picture(target, layout, description, self.pieces, corner, overwrite)

    def picture(self) -> Picture:
        """Make the result in memory."""
        source, window, size = self._source, self.plan.window, self.plan.size
        pixels = torch.empty(size[1], size[0], source.channels)
        for piece in self.pieces(()):
            inside = cut(piece, (window.x0, window.y0), size)
            if inside is not None:
                box, values = inside
                pixels[box.y0 : box.y1, box.x0 : box.x1] = values
        return Picture(pixels, self.facts)


def _extras_text(request: UpscaleRequest[Upscaler], size: Size) -> dict[str, str]:
    """What A1111's Extras tab would write into the file of the result of such a picture."""
    if args.disable_metadata:
        return {}
    second = request.seen_second.name if request.seen_second else None
    words = upscale_parameters(request.upscaler.name, request.resize, request.crop, request.max_side, second, size)
    return dict.fromkeys(EXTRAS_KEYS, extras_text(words))


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

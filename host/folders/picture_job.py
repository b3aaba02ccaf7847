"""Upscaling one picture file to another, in memory or, where it is too large for that, from disk to disk."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import comfy.model_management
import torch
from comfy.cli_args import args

from ...hires.infotext.from_graph.extras import EXTRAS_KEYS, extras_text, upscale_parameters
from ...hires.sizes.image_sizes import ImageSize, image_size
from ...pictures import Picture, write_picture
from ...pictures.folders.names import Task
from ...pictures.formats.tiff.write import TiffLayout
from ...pictures.source import Source, open_source
from ...pictures.streams.file import stream_picture
from ...pictures.streams.journal import Journal
from ...pictures.streams.pieces import Marks, Piece, cut, pieces_of_one, pieces_of_two
from ...pictures.write import check_sides
from ...upscale_models import ModelUpscaler, TileSettings, Upscaler, is_none, settle_tiles, upscale_blocks
from ..upscaling.runtime import HostRuntime, patcher_of
from ..upscaling.upscalers import as_upscaler

STREAM_FROM = 2**27
"""Pixels of a result from which on it is written piece by piece: 134 megapixels, 11585x11585."""

_MEMORY_PER_VALUE = 16
"""Bytes that a value of the result takes on the in-memory way: as float32, three times while it is rounded, packed."""

_DEEP = 16  # bits a channel

OnProgress = Callable[[float], None]
"""Hears which part of a picture is done, 0 to 1. May raise to cancel."""


@dataclass(frozen=True)
class Recipe:
    """What is done to every picture. The same as in `upscale_image`, with exact numbers."""

    upscaler: Upscaler
    resize: float | tuple[int, int]
    crop: bool
    max_side: int
    tiles: TileSettings

    second: Upscaler | None = None
    """None also where its visibility is 0."""

    visibility: float = 0.0

    def size(self, width: int, height: int) -> ImageSize:
        """Work out the size of the result. Raises SizeError if it cannot be made."""
        resize = self.resize
        if self.max_side and not isinstance(resize, tuple):
            resize = min(resize, self.max_side / max(width, height))
        return image_size(width, height, resize, self.crop)

    def result_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the result of such a picture. Raises as `size`."""
        size = self.size(width, height)
        return size.width, size.height

    def text(self, width: int, height: int) -> dict[str, str]:
        """What A1111's Extras tab would write into the file of the result of such a picture."""
        if args.disable_metadata:
            return {}
        names = [upscaler.name for upscaler in self.upscalers]
        second = names[1] if self.second else None
        words = upscale_parameters(names[0], self.resize, self.crop, self.max_side, second, (width, height))
        return dict.fromkeys(EXTRAS_KEYS, extras_text(words))

    @property
    def upscalers(self) -> list[Upscaler]:
        """One or two."""
        return [self.upscaler] if self.second is None else [self.upscaler, self.second]

    @cached_property
    def identities(self) -> list[tuple[str, int]]:
        """Name and checksum of each upscaler: another one may have the same name."""
        return [(upscaler.name, _checksum(upscaler)) for upscaler in self.upscalers]


def recipe(
    upscaler: Any,
    resize: float | tuple[int, int],
    crop: bool,
    max_side: int,
    tiles: TileSettings,
    second: Any = None,
    visibility: float = 0.0,
) -> Recipe:
    """Check what a node was given; see `upscale_image`, whose parameters have the same names.

    Raises:
        InputError: something that is no upscaler.
    """
    other = None if second is None or not visibility > 0 else as_upscaler(second)
    if other is not None and is_none(other):
        other = None
    return Recipe(as_upscaler(upscaler), resize, crop, max_side, tiles, other, min(visibility, 1.0))


@dataclass(frozen=True)
class FileSettings:
    """How results are written."""

    depth: int
    """8 or 16 bits a channel where the format has a choice; 0 keeps the picture's."""

    quality: int
    """Of JPEG and WebP, 1 to 100."""

    overwrite: bool


def upscale_file(task: Task, recipe: Recipe, settings: FileSettings, on_progress: OnProgress) -> Path:
    """Upscale a picture file.

    A result of more than `STREAM_FROM` pixels, or of more than the free memory holds, becomes an uncompressed BigTIFF
    that is written piece by piece, and so does one that was begun like that and not finished.

    Args:
        task: the file, and where the result goes.
        recipe: what is done to it.
        settings: how the result is written.
        on_progress: hears of the progress.

    Returns:
        Where the result is.

    Raises:
        InputError: the picture cannot be read, upscaled or written.
        OSError: the disk does not take it.
    """
    with open_source(task.picture.path) as source:
        return upscale_source(source, task, recipe, settings, on_progress)


def upscale_source(source: Source, task: Task, recipe: Recipe, settings: FileSettings, on_progress: OnProgress) -> Path:
    """`upscale_file` for an open picture."""
    task.target.parent.mkdir(parents=True, exist_ok=True)
    job, journal = _Job(source, recipe, settings, on_progress), Journal(task.streamed)
    description = _description(task, recipe, job)
    if job.is_too_large or journal.read(description) is not None:
        layout = TiffLayout(*job.result, source.channels, job.facts)
        stream_picture(task.streamed, layout, description, job.pieces, job.corner, settings.overwrite)
        return task.streamed
    check_sides(task.target.name, task.format, *job.result)
    journal.discard()
    write_picture(task.target, job.picture(), task.format, settings.quality, settings.overwrite)
    return task.target


def upscaled(source: Source, recipe: Recipe, settings: FileSettings, on_progress: OnProgress) -> Picture:
    """Upscale an open picture in memory.

    Raises:
        InputError: it cannot be upscaled.
    """
    return _Job(source, recipe, settings, on_progress).picture()


def _description(task: Task, recipe: Recipe, job: _Job) -> dict[str, Any]:
    """Everything that decides about the pixels, as JSON can hold it."""
    file = task.picture.path.stat()
    return {
        "input": [str(task.picture.path), file.st_size, file.st_mtime_ns],
        "upscalers": recipe.identities,
        "visibility": recipe.visibility,
        "size": asdict(job.size),
        "tiles": [asdict(tiles) for tiles in job.tiles],
        "computed": [torch.__version__, str(comfy.model_management.get_torch_device())],
    }


def is_too_large(size: ImageSize, channels: int) -> bool:
    """Whether a result has to be written piece by piece."""
    pixels = max(size.width * size.height, size.up_width * size.up_height)
    free = comfy.model_management.get_free_memory(torch.device("cpu"))
    return pixels > STREAM_FROM or pixels * channels * _MEMORY_PER_VALUE > free


class _Job:
    """The upscaling of one open picture."""

    def __init__(self, source: Source, recipe: Recipe, settings: FileSettings, on_progress: OnProgress) -> None:
        self.size = size = recipe.size(source.width, source.height)
        self.result = size.width, size.height
        self.corner = (size.up_width - size.width) // 2, (size.up_height - size.height) // 2
        """Of the result in what the upscalers make."""

        text = {**source.facts.text, **recipe.text(source.width, source.height)}
        self.facts = replace(source.facts, depth=settings.depth or source.facts.depth, text=text)
        """The file's own, and beside them the text that A1111 would write."""

        self._source, self._recipe = source, recipe
        self._target = size.up_width, size.up_height
        self._runtimes = _runtimes(len(recipe.upscalers), on_progress)
        # half precision is judged by what 8 bits show, and keeps no more
        tiles = replace(recipe.tiles, precision="float32") if self.facts.depth == _DEEP else recipe.tiles
        self.tiles = [
            settle_tiles(upscaler, *self._target, tiles, runtime)
            for upscaler, runtime in zip(recipe.upscalers, self._runtimes, strict=True)
        ]
        """Of each upscaler, nothing automatic left."""

    @property
    def is_too_large(self) -> bool:
        return is_too_large(self.size, self._source.channels)

    def picture(self) -> Picture:
        """Make the result in memory."""
        source = self._source
        pixels = torch.empty(self.size.height, self.size.width, source.channels)
        for piece in self.pieces(()):
            inside = cut(piece, self.corner, self.result)
            if inside is not None:
                box, values = inside
                pixels[box.y0 : box.y1, box.x0 : box.x1] = values
        return Picture(pixels, self.facts)

    def pieces(self, marks: Marks) -> Iterator[Piece]:
        """Make the result, before the crop, from these marks on; `()` makes all."""
        marks = marks or (0,) * len(self._runtimes)
        streams = [
            upscale_blocks(self._source, upscaler, *self._target, tiles, runtime, mark)
            for upscaler, tiles, runtime, mark in zip(
                self._recipe.upscalers, self.tiles, self._runtimes, marks, strict=True
            )
        ]
        width = self._target[0]
        if len(streams) == 1:
            return pieces_of_one(streams[0], width, marks)
        return pieces_of_two(streams[0], streams[1], width, self._recipe.visibility, marks)


def _runtimes(count: int, on_progress: OnProgress) -> list[_FileRuntime]:
    parts = [0.0] * count
    together: list[ModelUpscaler] = []

    def report(index: int, part: float) -> None:
        parts[index] = part
        on_progress(sum(parts) / count)

    return [_FileRuntime(together, partial(report, index)) for index in range(count)]


class _FileRuntime(HostRuntime):
    """The host's runtime for upscalers that take turns on one of many pictures."""

    def __init__(self, together: list[ModelUpscaler], report: OnProgress) -> None:
        super().__init__()
        self._together = together
        self._report = report

    def prepare(self, upscaler: ModelUpscaler, memory_required_bytes: int) -> None:
        """See `Runtime`: one that is brought to the device must not push the other off."""
        super().prepare(upscaler, memory_required_bytes)
        if upscaler not in self._together:
            self._together.append(upscaler)
        if len(self._together) > 1:
            comfy.model_management.load_models_gpu(
                [patcher_of(one) for one in self._together], memory_required=memory_required_bytes
            )

    def progress(self, done: int, total: int) -> None:
        """See `Runtime`: what is done of one picture."""
        self._report(done / total)


def _checksum(upscaler: Upscaler) -> int:
    checksum = 0
    if isinstance(upscaler, ModelUpscaler):
        for tensor in upscaler.descriptor.model.state_dict().values():
            checksum = zlib.crc32(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy(), checksum)
    return checksum

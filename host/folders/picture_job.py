"""Upscaling one picture file to another, in memory or, where it is too large for that, from disk to disk."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import comfy.model_management
import torch
from comfy.cli_args import args

from ...hires.infotext.from_graph.extras import EXTRAS_KEYS, extras_text, upscale_parameters
from ...hires.plan.upscale import UpscalePlan, UpscaleRequest
from ...hires.sizes.image_sizes import Size
from ...pictures import Picture, write_picture
from ...pictures.folders.names import Task
from ...pictures.formats.tiff.write import TiffLayout
from ...pictures.source import Source, open_source
from ...pictures.streams.file import stream_picture
from ...pictures.streams.journal import Journal
from ...pictures.streams.pieces import Marks, Piece, cut
from ...pictures.write import check_sides
from ...upscale_models import ModelUpscaler, Upscaler
from ..memory import free_main_memory
from ..upscaling.pictures import OnProgress, PieceUpscale

STREAM_FROM = 2**27
"""Pixels of a result from which on it is written piece by piece: 134 megapixels, 11585x11585."""

_MEMORY_PER_VALUE = 16
"""Bytes that a value of the result takes on the in-memory way: as float32, three times while it is rounded, packed."""

_DEEP = 16  # bits a channel


@dataclass(frozen=True)
class FileSettings:
    """How results are written."""

    depth: int
    """8 or 16 bits a channel where the format has a choice; 0 keeps the picture's."""

    quality: int
    """Of JPEG and WebP, 1 to 100."""

    overwrite: bool


def upscale_file(
    task: Task, request: UpscaleRequest[Upscaler], settings: FileSettings, on_progress: OnProgress
) -> Path:
    """Upscale a picture file. Returns where the result is.

    A result of more than `STREAM_FROM` pixels, or of more than the free memory holds, becomes an uncompressed BigTIFF
    that is written piece by piece, and so does one that was begun like that and not finished.

    Raises:
        InputError: the picture cannot be read, upscaled or written.
        OSError: the disk does not take it.
    """
    with open_source(task.picture.path) as source:
        return upscale_source(source, task, request, settings, on_progress)


def upscale_source(
    source: Source, task: Task, request: UpscaleRequest[Upscaler], settings: FileSettings, on_progress: OnProgress
) -> Path:
    """`upscale_file` for an open picture."""
    task.target.parent.mkdir(parents=True, exist_ok=True)
    job, journal = _FileJob(source, request, settings, on_progress), Journal(task.streamed)
    description = _description(task, request, job)
    if is_too_large(job.plan, source.channels) or journal.read(description) is not None:
        size, corner = job.plan.size, (job.plan.window.x0, job.plan.window.y0)
        layout = TiffLayout(*size, source.channels, job.facts)
        stream_picture(task.streamed, layout, description, job.pieces, corner, settings.overwrite)
        return task.streamed
    check_sides(task.target.name, task.format, *job.plan.size)
    journal.discard()
    write_picture(task.target, job.picture(), task.format, settings.quality, settings.overwrite)
    return task.target


def upscaled(
    source: Source, request: UpscaleRequest[Upscaler], settings: FileSettings, on_progress: OnProgress
) -> Picture:
    """Upscale an open picture in memory. Raises InputError if that is not possible."""
    return _FileJob(source, request, settings, on_progress).picture()


def is_finished(task: Task, result: Path | None) -> bool:
    """Whether a result is there already; then what a job left that was killed at its very end is removed."""
    if result is not None:
        Journal(task.streamed).discard()
    return result is not None


def is_too_large(plan: UpscalePlan[Upscaler], channels: int) -> bool:
    """Whether a result has to be written piece by piece."""
    pixels = max(width * height for width, height in (plan.size, plan.up))
    return pixels > STREAM_FROM or pixels * channels * _MEMORY_PER_VALUE > free_main_memory()


class _FileJob:
    """The upscaling of one open picture."""

    def __init__(
        self, source: Source, request: UpscaleRequest[Upscaler], settings: FileSettings, on_progress: OnProgress
    ) -> None:
        depth = settings.depth or source.facts.depth
        if depth == _DEEP:
            # half precision is judged by what 8 bits show, and keeps no more
            request = replace(request, tiles=replace(request.tiles, precision="float32"))
        self.plan = request.plan((source.width, source.height))
        text = {**source.facts.text, **_extras_text(request, self.plan.source)}
        self.facts = replace(source.facts, depth=depth, text=text)
        """The file's own, and beside them the text that A1111 would write."""

        self._source = source
        self._upscale = PieceUpscale(self.plan, request.share, on_progress)
        self.tiles = self._upscale.tiles

    def pieces(self, marks: Marks) -> Iterator[Piece]:
        """See `PieceUpscale.pieces`."""
        return self._upscale.pieces(self._source, marks)

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


def _description(task: Task, request: UpscaleRequest[Upscaler], job: _FileJob) -> dict[str, Any]:
    """Everything that decides about the pixels, as JSON can hold it."""
    file, plan = task.picture.path.stat(), job.plan
    sizes = (*plan.up, *plan.size)
    return {
        "input": [str(task.picture.path), file.st_size, file.st_mtime_ns],
        "upscalers": [(one.name, _checksum(one)) for one in request.upscalers],
        "visibility": request.share,
        "size": dict(zip(("up_width", "up_height", "width", "height"), sizes, strict=True)),
        "tiles": [asdict(tiles) for tiles in job.tiles],
        "computed": [torch.__version__, str(comfy.model_management.get_torch_device())],
    }


_checksums: WeakKeyDictionary[torch.nn.Module, int] = WeakKeyDictionary()


def _checksum(upscaler: Upscaler) -> int:
    """Tell apart upscalers of one name."""
    if not isinstance(upscaler, ModelUpscaler):
        return 0
    network = upscaler.descriptor.model
    if network not in _checksums:
        checksum = 0
        for tensor in network.state_dict().values():
            checksum = zlib.crc32(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy(), checksum)
        _checksums[network] = checksum
    return _checksums[network]

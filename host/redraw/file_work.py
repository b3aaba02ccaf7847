"""A picture file redrawn: enlarged if that is asked, then window by window, from file to file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ...hires.plan.upscale import UpscaleRequest
from ...hires.sizes.image_sizes import Size
from ...hires.tiles.bands import Bands
from ...hires.tiles.boxes import Box
from ...pictures import FileFacts, Picture
from ...pictures.base.file_names import fitting
from ...pictures.folders.names import Task
from ...pictures.formats.tiff.write import TiffLayout
from ...pictures.source import Source, open_source
from ...pictures.streams.file import stream_picture
from ...pictures.streams.kept import KeptParts
from ...pictures.streams.pieces import Marks, Piece, pieces_of_one
from ...pictures.write import check_sides, write_source
from ...upscale_models import ClassicalUpscaler, Upscaler
from ..folders.picture_job import FileJob, computed_words, input_words, is_too_large, size_words, upscaler_words
from ..folders.work import FileSettings, OnProgress
from .request import RedrawRequest
from .so_far import SoFar
from .window import draw_window

_ENLARGING = 0.05
"""Share of the progress that enlarging gets where it is asked for."""

_ENDING = ".unfinished"
"""Of the folder beside a result that holds what is done of it."""

_LETTERS = 12
"""Of the names of the folders inside it, one for each job."""


class Redrawing:
    """What Tiled Redraw does to a picture file: `FileWork`."""

    done = "redrawn"

    def __init__(self, request: RedrawRequest, enlarging: UpscaleRequest[Upscaler], origin: str) -> None:
        """`origin` stands for the models and prompts, see `identity.origin`."""
        self._request, self._enlarging, self._origin = request, enlarging, origin

    @property
    def words(self) -> dict[str, str]:
        """See `FileWork`."""
        return size_words(self._enlarging)

    def size(self, source: Size) -> Size:
        """See `FileWork`."""
        return self._enlarging.plan(source).size

    def is_too_large(self, source: Size, channels: int) -> bool:
        """See `FileWork`."""
        return is_too_large(self.size(source), _channels(channels))

    def to_file(self, source: Source, task: Task, settings: FileSettings, on_progress: OnProgress) -> Path:
        """See `FileWork`. Everything is drawn into an unfinished file, so that nothing is drawn twice after a kill."""
        size = self.size((source.width, source.height))
        large = self.is_too_large((source.width, source.height), source.channels)
        if not large:
            check_sides(task.target.name, task.format, *size)
        job = self._job(source, task, settings)
        job.only()
        drawn = job.draw(on_progress)
        if large:
            os.replace(drawn, task.streamed)
        else:
            with open_source(drawn) as stored:
                write_source(task.target, stored, job.facts, task.format, settings.quality, settings.overwrite)
        self.tidy(task)
        return task.streamed if large else task.target

    def picture(self, source: Source, task: Task, settings: FileSettings, on_progress: OnProgress) -> Picture:
        """See `FileWork`."""
        job = self._job(source, task, settings)
        return job.read(job.draw(on_progress))

    def tidy(self, task: Task) -> None:
        """See `FileWork`."""
        shutil.rmtree(_folder(task), ignore_errors=True)

    def _job(self, source: Source, task: Task, settings: FileSettings) -> _Job:
        return _Job(self._request, self._enlarging, self._origin, source, task, settings)


@dataclass(frozen=True)
class _Job:
    """One open picture."""

    request: RedrawRequest
    enlarging: UpscaleRequest[Upscaler]
    origin: str
    source: Source
    task: Task
    settings: FileSettings

    @property
    def size(self) -> Size:
        return self.enlarging.plan((self.source.width, self.source.height)).size

    @property
    def is_enlarged(self) -> bool:
        """Whether anything is done before the windows: some models only clean what they see."""
        has_model = any(not isinstance(one, ClassicalUpscaler) for one in self.enlarging.upscalers)
        return has_model or self.size != (self.source.width, self.source.height)

    @property
    def bands(self) -> Bands:
        return self.request.bands(self.size)

    @property
    def words(self) -> dict[str, Any]:
        """Everything that decides about the pixels, as JSON can hold it."""
        bands = self.bands
        return {
            **input_words(self.task),
            "size": self.size,
            "enlarged": [(upscaler_words(one), asdict(self.enlarging.tiles)) for one in self.enlarging.upscalers]
            if self.is_enlarged
            else None,
            "windows": [bands.columns, bands.rows, bands.blending],
            "depth": self.facts.depth,
            "origin": self.origin,
            **self.request.words,
            **computed_words(),
        }

    @property
    def folder(self) -> Path:
        digest = hashlib.sha256(json.dumps(self.words, sort_keys=True).encode()).hexdigest()
        return _folder(self.task) / digest[:_LETTERS]

    @property
    def facts(self) -> FileFacts:
        """Of the result: the file's own. A profile for grey does not fit colours."""
        facts = self.source.facts
        icc = facts.icc if self.source.channels > 2 else None
        return replace(facts, depth=self.settings.depth or facts.depth, icc=icc)

    def only(self) -> None:
        """Remove what jobs with other settings have left of this result."""
        own = self.folder
        if own.parent.is_dir():
            for other in own.parent.iterdir():
                if other != own:
                    shutil.rmtree(other, ignore_errors=True)

    def draw(self, on_progress: OnProgress) -> Path:
        """Draw what is not drawn yet. Returns a TIFF file with the result."""
        folder, words = self.folder, self.words
        folder.mkdir(parents=True, exist_ok=True)
        drawn = folder / "drawn"
        if not drawn.exists():
            with self._opened(folder, words, on_progress) as (source, rest):
                layout = TiffLayout(*self.size, _channels(source.channels), self.facts)
                drawing = _Drawing(self.request, source, self.bands, KeptParts(folder), rest)
                stream_picture(drawn, layout, words, drawing.pieces)
        return drawn

    def read(self, drawn: Path) -> Picture:
        """Return the result from its file."""
        with open_source(drawn) as source:
            return Picture(source.read(Box(0, 0, source.width, source.height)), self.facts)

    @contextmanager
    def _opened(
        self, folder: Path, words: dict[str, Any], on_progress: OnProgress
    ) -> Iterator[tuple[Source, OnProgress]]:
        """The picture at its final size, and how to tell the progress of what is left to do."""
        if not self.is_enlarged:
            yield self.source, on_progress
            return
        enlarged = folder / "enlarged"
        if not enlarged.exists():
            deep = replace(self.settings, depth=16)
            job = FileJob(self.source, self.enlarging, deep, partial(_share, on_progress, 0.0, _ENLARGING))
            job.stream(enlarged, {**words, **job.words}, overwrite=False)
        with open_source(enlarged) as source:
            yield source, partial(_share, on_progress, _ENLARGING, 1.0)


class _Drawing:
    """The windows of one picture at work."""

    def __init__(
        self, request: RedrawRequest, source: Source, bands: Bands, kept: KeptParts, on_progress: OnProgress
    ) -> None:
        self._request, self._source, self._bands = request, source, bands
        self._kept, self._on_progress = kept, on_progress
        self._so_far = SoFar((source.width, source.height))
        self._row, self._done = 0, 0

    def pieces(self, marks: Marks) -> Iterator[Piece]:
        """Make the result from a mark on; `()` makes all."""
        start = marks[0] if marks else 0
        self._done = self._bands.skipped(start)
        return pieces_of_one(self._bands.blocks(self._window, start), self._bands.width, (start,))

    def _window(self, box: Box) -> torch.Tensor:
        if box.y0 > self._row:
            # a row of windows reaches into the next one, not further
            self._kept.forget_above(self._row)
            self._row = box.y0
        drawn = self._kept.get(box)
        if drawn is None:
            drawn = draw_window(self._request, box, self._source.read(box), self._on_step)
            self._kept.keep(box, drawn)
        self._so_far.put(box, drawn)
        self._done += 1
        self._on_progress(self._done / self._bands.count, self._so_far.preview())
        return drawn

    def _on_step(self, index: int, denoised: torch.Tensor, latent: torch.Tensor, total: int) -> None:
        # encoding and decoding count as a step together
        self._on_progress((self._done + min(1.0, (index + 1) / (total + 1))) / self._bands.count)


def _folder(task: Task) -> Path:
    return task.target.with_name(fitting(task.target.name, _ENDING))


def _channels(channels: int) -> int:
    """Of a result: a model draws colours."""
    return 4 if channels in (2, 4) else 3


def _share(on_progress: OnProgress, start: float, end: float, part: float, preview: Any = None) -> None:
    on_progress(start + (end - start) * part, preview)

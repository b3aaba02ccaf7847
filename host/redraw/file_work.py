"""A picture file redrawn: enlarged if that is asked, then window by window, from file to file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

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
from ...pictures.streams.pieces import Blocks, Marks, Piece, pieces_of_one
from ...pictures.write import check_sides, write_source
from ...upscale_models import ClassicalUpscaler, Upscaler
from ..folders.picture_job import FileJob, computed_words, input_words, is_too_large, size_words, upscaler_words
from ..folders.work import FileSettings, OnProgress
from ..tiles.planned import is_drawn
from .ahead import Ahead, Drawers, Given
from .in_tiles import InTiles
from .request import RedrawRequest
from .so_far import SoFar
from .window import draw_window

_ENLARGING = 0.05
"""Share of the progress that enlarging gets where it is asked for."""

_ENDING = ".unfinished"
"""Of the folder beside a result that holds what is done of it."""

_LETTERS = 12
"""Of the names of the folders inside it, one for each job."""

_FADE = 16
"""Pixels over which what is drawn fades into what a plan leaves as it is, outside of what is drawn."""


class Redrawing:
    """What Tiled Redraw does to a picture file: `FileWork`."""

    done = "redrawn"

    def __init__(self, request: RedrawRequest, enlarging: UpscaleRequest[Upscaler], origin: str) -> None:
        """`origin` stands for the models and prompts, see `identity.origin`."""
        self.request, self._enlarging, self._origin = request, enlarging, origin
        self.drawers: Drawers | None = None
        """Others who draw windows."""

        self._said: Counter[str] = Counter()

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

    def remark(self) -> str:
        """See `FileWork`."""
        said, self._said = self._said, Counter()
        return "; ".join(f"{text} (in {count} pictures of the file)" if count > 1 else text
                         for text, count in said.items())  # fmt: skip

    def tidy(self, task: Task) -> None:
        """See `FileWork`."""
        shutil.rmtree(_folder(task), ignore_errors=True)

    def _job(self, source: Source, task: Task, settings: FileSettings) -> _Job:
        return _Job(self.request, self._enlarging, self._origin, source, task, settings, self._said, self.drawers)


@dataclass(frozen=True)
class _Job:
    """One open picture."""

    request: RedrawRequest
    enlarging: UpscaleRequest[Upscaler]
    origin: str
    source: Source
    task: Task
    settings: FileSettings
    said: Counter[str]
    """What there is to say of the result."""

    drawers: Drawers | None

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
                kept, in_tiles = KeptParts(folder), InTiles(folder)
                drawing = _Drawing(self.request, source, self.bands, kept, in_tiles, rest, self.drawers)
                stream_picture(drawn, layout, words, drawing.pieces)
                self.said.update(filter(None, drawing.remarks))
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
        self,
        request: RedrawRequest,
        source: Source,
        bands: Bands,
        kept: KeptParts,
        in_tiles: InTiles,
        on_progress: OnProgress,
        drawers: Drawers | None,
    ) -> None:
        """Raises InputError where nothing of a prompt reaches a window, see `RedrawRequest.prompts`."""
        self._request, self._source, self._bands = request, source, bands
        self._kept, self._in_tiles, self._on_progress = kept, in_tiles, on_progress
        self._drawers = drawers
        self._ahead: Ahead | None = None
        self._size = source.width, source.height
        self._so_far = SoFar(self._size)
        self._row, self._done, self._told = 0, 0, 0.0
        shares = [self._share(owned) for _, owned in bands.windows]
        self._boxes = [box for box, _ in bands.windows]
        self._left = {box for box, share in zip(self._boxes, shares, strict=True) if not share}
        """Windows of which nothing is drawn: they are as they were."""
        self._keeps = request.plan is not None and request.plan.changes_strength
        """Whether a plan may leave parts of the picture as they are."""
        work = sum(box.area for box in self._boxes)
        self._saved = 1 - sum(box.area * share for box, share in zip(self._boxes, shares, strict=True)) / work
        if request.has_places:
            for box in self._boxes:
                if box not in self._left:
                    request.prompts(request.part(box, self._size), has_hints=False)

    @property
    def remarks(self) -> Iterator[str]:
        """What there is to say of the result."""
        if self._saved > 0:
            yield f"{len(self._left)} of {self._bands.count} windows left as they were, {self._saved:.0%} less work"
        yield self._in_tiles.remark

    def pieces(self, marks: Marks) -> Iterator[Piece]:
        """Make the result from a mark on; `()` makes all."""
        start = marks[0] if marks else 0
        self._done = sum(box not in self._left for box in self._boxes[: self._bands.skipped(start)])
        blocks = self._bands.blocks(self._window, start)
        if self._drawers is not None:
            blocks = self._with_others(blocks, self._drawers, self._boxes[self._bands.skipped(start) :])
        return pieces_of_one(self._over_source(blocks) if self._keeps else blocks, self._bands.width, (start,))

    def _with_others(self, blocks: Blocks, drawers: Drawers, boxes: list[Box]) -> Blocks:
        left = (box for box in boxes if box not in self._left and self._kept.get(box) is None)
        self._ahead = Ahead(drawers, left, partial(self._give, drawers))
        try:
            yield from blocks
        finally:
            self._ahead.close()

    def _give(self, drawers: Drawers, box: Box) -> Given:
        channels = _channels(self._source.channels)
        pixels, keep = self._source.read(box), partial(self._kept.keep, box)
        return drawers.give(box, self._size, pixels, channels, self._in_tiles.of(box), keep)

    def _share(self, owned: Box) -> float:
        """The largest share of the strength in what a window owns."""
        shares = self._request.shares(self._request.part(owned, self._size))
        return 1.0 if shares is None else float((shares * is_drawn(shares)).max())

    def _window(self, box: Box) -> torch.Tensor:
        """A window; where a plan leaves some out, with the weight of those that are drawn as the last channel."""
        if box.y0 > self._row:
            # a row of windows reaches into the next one, not further
            self._kept.forget_above(self._row)
            self._row = box.y0
        if box in self._left:
            self._so_far.put(box, self._before(box))
            return torch.zeros(box.height, box.width, _channels(self._source.channels) + 1)
        drawn = self._ahead.take(box) if self._ahead is not None else None
        if drawn is None:
            drawn = self._kept.get(box)
        if drawn is None:
            drawn = self._drawn_here(box)
            self._kept.keep(box, drawn)
        self._so_far.put(box, drawn)
        self._done += 1
        self._tell(self._done, self._so_far.preview())
        return torch.cat([drawn, torch.ones_like(drawn[..., :1])], dim=-1) if self._keeps else drawn

    def _drawn_here(self, box: Box) -> torch.Tensor:
        noted, tiles, pixels = partial(self._in_tiles.note, box), self._in_tiles.of(box), self._source.read(box)
        return draw_window(self._request, box, self._size, pixels, self._on_step, tiles, noted)

    def _on_step(self, index: int, denoised: torch.Tensor, latent: torch.Tensor, total: int) -> None:
        # encoding and decoding count as a step together
        self._tell(self._done + min(1.0, (index + 1) / (total + 1)), None)

    def _tell(self, done: float, preview: Any) -> None:
        # a window whose sampling begins again does not go back
        self._told = max(self._told, done)
        self._on_progress(self._told / max(1, len(self._boxes) - len(self._left)), preview)

    def _over_source(self, blocks: Blocks) -> Iterator[tuple[Box, torch.Tensor]]:
        """Lay what is drawn over the picture, which stays as it is where a plan leaves it."""
        for box, pixels in blocks:
            weights, colours = pixels[..., -1:], pixels[..., :-1]
            # windows that were drawn have the weight of those beside them that were not
            whole = (weights - 1).abs() < 1e-5
            colours = torch.where(whole, colours, colours / weights.clamp_min(1e-6))
            # what a window owns, it has a quarter of the weight of or more
            seen = self._alpha(box)[..., None] * (4 * weights).clamp(max=1)
            if not bool((seen == 1).all()):
                before = self._before(box).to(colours)
                seen = seen.expand_as(colours)
                colours = torch.where(seen == 1, colours, torch.lerp(before, colours, seen))
            yield box, colours

    def _before(self, box: Box) -> torch.Tensor:
        """The picture as it was, `(h, w, 3 or 4)`."""
        pixels = self._source.read(box).float()
        return pixels if pixels.shape[-1] > 2 else torch.cat([pixels[..., :1].expand(-1, -1, 3), pixels[..., 1:]], -1)

    def _alpha(self, box: Box) -> torch.Tensor:
        """How much is seen of what is drawn, by the place alone: `(h, w)`, 1 where a plan draws, 0 beyond the fade."""
        width, height = self._size
        cell = self._request.cell
        x0, y0 = (max(0, side - _FADE) // cell * cell for side in box[:2])
        part = self._request.part(Box(x0, y0, min(width, box.x1 + _FADE), min(height, box.y1 + _FADE)), self._size)
        shares = self._request.shares(part)
        if shares is None:
            return torch.ones(box.height, box.width)
        drawn = is_drawn(shares).float().repeat_interleave(cell, 0).repeat_interleave(cell, 1)
        # beyond the picture it goes on as it ends
        around = F.pad(drawn[None, None], (_FADE,) * 4, mode="replicate")[0]
        x, y = box.x0 - x0, box.y0 - y0
        seen, side = around[:, y : y + box.height + 2 * _FADE, x : x + box.width + 2 * _FADE], _FADE + 1
        for pool in (F.max_pool2d, F.avg_pool2d):
            seen = pool(pool(seen, (side, 1), stride=1), (1, side), stride=1)
        return torch.where(seen > 1 - 1e-5, torch.ones_like(seen), seen)[0]


def _folder(task: Task) -> Path:
    return task.target.with_name(fitting(task.target.name, _ENDING))


def _channels(channels: int) -> int:
    """Of a result: a model draws colours."""
    return 4 if channels in (2, 4) else 3


def _share(on_progress: OnProgress, start: float, end: float, part: float, preview: Any = None) -> None:
    on_progress(start + (end - start) * part, preview)

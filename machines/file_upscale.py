"""Upscaling one open picture file, with whatever runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch

from ..hires.infotext.from_graph.extras import EXTRAS_KEYS, extras_text, upscale_parameters
from ..hires.plan.upscale import UpscalePlan, UpscaleRequest
from ..hires.sizes.image_sizes import Size
from ..hires.tiles.settings import Precision, TileSettings
from ..pictures import Picture
from ..pictures.source import Source
from ..pictures.streams.kept import KeptParts
from ..pictures.streams.pieces import Marks, Piece, cut, pieces_of_one, pieces_of_two
from ..upscale_models import Helpers, PictureSource, Runtime, Upscaler, settle_tiles, upscale_blocks
from ..upscale_models.tiles.automatic import SMALL_RESULT

Runtimes = Callable[[int], Sequence[Runtime]]
"""Makes as many as a picture has upscalers, which take turns."""

Kept = Callable[[int, int], KeptParts]

_DEEP = 16  # bits a channel


class PieceUpscale:
    """Upscaling with exact numbers for one picture that need not fit the memory."""

    def __init__(
        self,
        plan: UpscalePlan[Upscaler],
        share: float,
        runtimes: Sequence[Runtime],
        tiles: Sequence[TileSettings] = (),
        helpers: Helpers | None = None,
    ) -> None:
        """`share`: of the second upscaler's result, 0 to 1. `tiles`: of each upscaler, if they are settled. `helpers`:
        see `upscale_to`."""
        self._plan, self._share, self._runtimes, self._helpers = plan, share, runtimes, helpers
        self.tiles: list[TileSettings] = list(tiles) or [
            settle_tiles(job.upscaler, *job.target, job.tiles, runtime)
            for job, runtime in zip(plan.jobs, runtimes, strict=True)
        ]
        """Of each upscaler, nothing automatic left."""

    def pieces(
        self, source: PictureSource, marks: Marks = (), kept: Kept | None = None, depth: int = 0
    ) -> Iterator[Piece]:
        """Make the result, before the crop, from these marks on; `()` makes all.

        Args:
            kept: where windows that come back early outlive this process, by the numbers of upscaler and run.
            depth: see `upscale_blocks`.
        """
        depth = depth if len(self._runtimes) == 1 else 0
        marks = marks or (0,) * len(self._runtimes)
        streams = [
            upscale_blocks(
                source, job.upscaler, *job.target, self.tiles[index], self._runtimes[index], marks[index],
                self._helpers, kept and partial(kept, index), depth,
            )
            for index, job in enumerate(self._plan.jobs)
        ]  # fmt: skip
        width = self._plan.up[0]
        if len(streams) == 1:
            return pieces_of_one(streams[0], width, marks)
        return pieces_of_two(streams[0], streams[1], width, self._share, marks)


class FileUpscale:
    """The upscaling of one open picture."""

    def __init__(
        self,
        source: Source,
        request: UpscaleRequest[Upscaler],
        depth: int,
        with_text: bool,
        runtimes: Runtimes,
        settled: Mapping[Precision, Sequence[TileSettings]] | None = None,
        helpers: Helpers | None = None,
    ) -> None:
        """See `PieceUpscale`.

        Args:
            depth: bits a channel of the result, 8 or 16; 0 for the picture's.
            with_text: whether the file gets the text that A1111 would write.
            settled: tiles as another machine has settled them, see `settled_for_all`.
        """
        depth = depth or source.facts.depth
        request = for_depth(request, depth)
        self.request = request
        self.plan = request.plan((source.width, source.height))
        text = {**source.facts.text, **(_extras_text(request, self.plan.source) if with_text else {})}
        self.facts = replace(source.facts, depth=depth, text=text)
        """The file's own, and beside them the text that A1111 would write."""

        self.source = source
        is_small = self.plan.up[0] * self.plan.up[1] <= SMALL_RESULT
        tiles = settled[request.tiles.precision] if settled and not is_small else ()
        self._upscale = PieceUpscale(self.plan, request.share, runtimes(len(self.plan.jobs)), tiles, helpers)
        self.tiles = self._upscale.tiles

    def pieces(self, marks: Marks, kept: Kept | None = None, depth: int = 0) -> Iterator[Piece]:
        """See `PieceUpscale.pieces`."""
        return self._upscale.pieces(self.source, marks, kept, depth)

    def picture(self) -> Picture:
        """Make the result in memory."""
        window, size = self.plan.window, self.plan.size
        pixels = torch.empty(size[1], size[0], self.source.channels)
        for piece in self.pieces(()):
            inside = cut(piece, (window.x0, window.y0), size)
            if inside is not None:
                box, values = inside
                pixels[box.y0 : box.y1, box.x0 : box.x1] = values
        return Picture(pixels, self.facts)


def for_depth(request: UpscaleRequest[Upscaler], depth: int) -> UpscaleRequest[Upscaler]:
    """The request for results of so many bits: half precision is judged by what 8 bits show, and keeps no more."""
    if depth != _DEEP or request.tiles.precision != "auto":
        return request
    return replace(request, tiles=replace(request.tiles, precision="float32 (fast convolutions)"))


def _extras_text(request: UpscaleRequest[Upscaler], size: Size) -> dict[str, str]:
    """What A1111's Extras tab would write into the file of the result of such a picture."""
    second = request.seen_second.name if request.seen_second else None
    words = upscale_parameters(request.upscaler.name, request.resize, request.crop, request.max_side, second, size)
    return dict.fromkeys(EXTRAS_KEYS, extras_text(words))

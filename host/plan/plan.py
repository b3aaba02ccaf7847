"""The facts of this host for badges, and the answer to the editor's question for them."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import time
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import folder_paths
from aiohttp import web

from ...hires.errors import InputError
from ...hires.plan.facts import FolderSearch, UpscalerJob
from ...hires.plan.graph import Shown, plan
from ...hires.sampling import ldsr
from ...hires.sampling.ldsr import LdsrSettings
from ...hires.sizes.diffusion import DiffusionWindows
from ...hires.sizes.image_sizes import MAX_PICTURE_SIDE, Size
from ...hires.sizes.runs import a1111_runs, model_runs
from ...hires.tiles.boxes import plan_tiles
from ...pictures.formats.pillow import open_header
from ...upscale_models import CLASSICAL, count_a1111_tiles, count_tiles
from ...upscale_models.tiles.automatic import smallest_window
from ..folders import access as folder_access
from ..memory import free_main_memory
from ..plugins.upscalers import registered
from ..prompts.loras import loras_of
from ..prompts.styles import known_styles
from ..upscaling.runtime import HostRuntime
from . import models as plan_models

logger = logging.getLogger("hires-fix")

LONGEST_LOOK = 1.0
"""Seconds after which no further folder or node is looked at: the graph changes often, and disks can be slow."""

LONGEST_BODY = 2**22
"""Bytes of a question."""

_LISTEN = 0.1  # seconds between two looks whether somebody still waits for the answer

_ANIMATED = ("GIF", "WEBP", "PNG", "AVIF", "TIFF")  # what Pillow counts in others are layers and previews

_ORIENTATION = 0x0112
_ON_THEIR_SIDE = (5, 6, 7, 8)
"""Values of EXIF's orientation that swap width and height."""


class _TooLongError(Exception):
    """See `LONGEST_LOOK`."""


async def answer(request: web.Request) -> web.Response:
    """Answer `{"prompt": …}` with what each node will do; with `{}` where nothing is known or understood.

    `{"error"}` with status 413 for a graph that is too large. The work ends when the client leaves.
    """
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > LONGEST_BODY:
            return _too_large(f"The graph has more than {LONGEST_BODY} bytes, too many to tell what a run will do.")
    is_left = threading.Event()
    # off the event loop: files are looked into
    work = asyncio.ensure_future(asyncio.to_thread(_plan_of_json, bytes(body), is_left.is_set))
    try:
        while not work.done():
            await asyncio.wait([work], timeout=_LISTEN)
            if request.transport is None or request.transport.is_closing():
                is_left.set()
        return web.json_response(work.result())
    except InputError as error:
        return _too_large(str(error))
    finally:
        is_left.set()


def _too_large(reason: str) -> web.Response:
    return web.json_response({"error": reason}, status=413)


def _plan_of_json(body: bytes, is_left: Callable[[], bool]) -> dict[str, Shown]:
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    end = time.monotonic() + LONGEST_LOOK

    def go_on() -> bool:
        return not is_left() and time.monotonic() < end

    return plan(asked.get("prompt"), HostFacts(go_on), go_on) if isinstance(asked, dict) else {}


class HostFacts:
    """The `Facts` of this host for one question: its files and its memory, each looked at once."""

    def __init__(self, go_on: Callable[[], bool]) -> None:
        """`go_on`: asked on the way through a folder, whether to look further."""
        self._go_on = go_on
        self.pictures_in = cache(self._pictures_in)
        self.tiles = cache(self._tiles)
        self.free_memory = cache(free_main_memory)

    def picture_size(self, name: str) -> Size | None:
        """Look at the file's header only."""
        try:
            path = folder_paths.get_annotated_filepath(name)
            status = os.stat(path)
        except (OSError, ValueError):
            return None
        return _picture_size(path, (status.st_mtime_ns, status.st_size))

    def _pictures_in(self, search: FolderSearch) -> int | None:
        """None also where counting takes too long."""

        def check() -> None:
            if not self._go_on():
                raise _TooLongError

        try:
            _, _, scan = folder_access.find(search, check)
        except (OSError, _TooLongError) as error:
            logger.debug("no number of pictures in %s: %s", search.input_folder, error)
            return None
        return len(scan.pictures)

    latent_cell = staticmethod(plan_models.latent_cell)
    trained_side = staticmethod(plan_models.trained_side)
    is_sd_x4 = staticmethod(plan_models.is_sd_x4)
    work = staticmethod(plan_models.work)

    prompt_loras = staticmethod(loras_of)
    styles = staticmethod(known_styles)

    is_ldsr = staticmethod(plan_models.is_ldsr)

    def upscaler_scale(self, name: str) -> int | None:
        if name in CLASSICAL:
            return CLASSICAL[name].scale
        entry = registered(name)
        if entry:
            return entry.scale
        outline = plan_models.upscaler_outline(name)
        return outline.scale if outline else None

    def _tiles(self, job: UpscalerJob[Any]) -> int | None:
        name = job.upscaler.name
        settings = job.upscaler.ldsr
        if settings:
            return _ldsr_windows(job, settings)
        if job.upscaler.diffusion:
            return _diffusion_windows(job, job.upscaler.diffusion.windows)
        outline = None if name in CLASSICAL else plan_models.upscaler_outline(name)
        if outline is None:
            return 0
        if job.factor is None:
            return count_tiles(outline, job.source, job.target, job.tiles, HostRuntime())
        return count_a1111_tiles(outline, job.source, job.factor, job.tiles)


def _ldsr_windows(job: UpscalerJob[Any], settings: LdsrSettings) -> int:
    """How many windows of LDSR one picture has; 0 if it is not run."""
    if job.factor is not None:
        runs = a1111_runs(ldsr.SCALE, job.source, job.factor, MAX_PICTURE_SIDE, most=1)
        return ldsr.count_windows(settings.a1111_size(job.source, job.factor)) if runs else 0
    if not model_runs(*job.source, ldsr.SCALE, *job.target, most=1):
        return 0
    overlap = ldsr.STRIDE if job.tiles.overlap < 0 else job.tiles.overlap
    tile = smallest_window(job.tiles.size or ldsr.TILE, overlap, ldsr.STRIDE)
    parts = plan_tiles(*settings.input_size(job.source, job.target), tile, overlap, ldsr.STRIDE)
    return sum(ldsr.count_windows((part.window.width, part.window.height)) for part in parts)


def _diffusion_windows(job: UpscalerJob[Any], windows: DiffusionWindows) -> int:
    """In how many windows a step of a diffusion model sees one picture; 0 if it is not run."""
    if job.factor is not None:
        runs = a1111_runs(windows.scale, job.source, job.factor, MAX_PICTURE_SIDE, most=1)
        target = int(job.source[0] * job.factor), int(job.source[1] * job.factor)
        return windows.count_inside(windows.input_size(job.source, target)) if runs else 0
    if not model_runs(*job.source, windows.scale, *job.target, most=1):
        return 0
    overlap = windows.overlap if job.tiles.overlap < 0 else job.tiles.overlap
    tile = smallest_window(job.tiles.size or windows.tile, overlap, windows.align)
    parts = plan_tiles(*windows.input_size(job.source, job.target), tile, overlap, windows.align)
    return sum(windows.count_inside((part.window.width, part.window.height)) for part in parts)


@lru_cache(256)
def _picture_size(path: str, version: tuple[int, int]) -> Size | None:
    try:
        with open(path, "rb") as file:
            image = open_header(file)
            if image.format in _ANIMATED and getattr(image, "is_animated", False):
                return None  # a batch of as many pictures as only reading all of it tells
            width, height = image.size
            upright = image.getexif().get(_ORIENTATION) not in _ON_THEIR_SIDE
    except Exception as error:  # every format has its own complaints about a damaged file
        logger.debug("no size of %s: %s", path, error)
        return None
    return (width, height) if upright else (height, width)

"""The upscaling of one picture file as plain data, which any process can be handed: texts, numbers and bytes."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..hires.errors import InputError
from ..hires.plan.upscale import UpscaleRequest
from ..hires.sizes.image_sizes import Size
from ..hires.tiles.settings import Precision, TileSettings
from ..pictures.source import open_source
from ..pictures.write import PictureFormat, check_sides, encode
from ..upscale_models import CLASSICAL, ClassicalUpscaler, ModelUpscaler, Upscaler, settle_tiles
from .file_upscale import FileUpscale, Runtimes, for_depth

ROOT = Path(__file__).absolute().parent.parent
ROOMS = ("hires", "pictures", "upscale_models", "machines")
"""What decides about the pixels of upscaled pictures."""

ALL_ROOMS = (*ROOMS, "host", "nodes")
"""The same of pictures that a diffusion model draws."""

_LONG = 4096
"""A side of results whose tiles go by memory."""

Plain = dict[str, Any]
"""What travels: its values are texts, numbers, bytes, None, and lists and dictionaries of those."""


def code_digest(rooms: Sequence[str] = ROOMS) -> str:
    """SHA-256 of the code that decides about pixels: equal where two machines have the same version of the pack."""
    digest = hashlib.sha256()
    for path in sorted(path for room in rooms for path in (ROOT / room).rglob("*.py")):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@dataclass(frozen=True)
class ModelFile:
    """A file of weights, the same on every machine that has one with this SHA-256."""

    name: str
    sha256: str
    size: int


class CannotTravelError(Exception):
    """Something that only this process has, as the end of a sentence."""


def upscaler_to_plain(upscaler: Upscaler, file_of: Callable[[str], ModelFile | None]) -> Plain:
    """An upscaler as data. `file_of`: the file of a model by its name in Load Upscaler.

    Raises:
        CannotTravelError: it is neither a filter nor a model of a file.
    """
    if isinstance(upscaler, ClassicalUpscaler):
        return {"filter": upscaler.name}
    file = file_of(upscaler.name) if isinstance(upscaler, ModelUpscaler) else None
    if file is None:
        raise CannotTravelError(f"'{upscaler.name}' is no model file of Load Upscaler")
    return asdict(file)


def settled_for_all(
    request: UpscaleRequest[Upscaler], runtimes: Runtimes, depth: int
) -> dict[Precision, list[TileSettings]]:
    """The tiles of each upscaler as they are settled here, by the precision that pictures may come to; see `for_depth`.

    `depth`: bits of the results, 0 for each picture's own. Those of very small results are not among them: they are
    settled the same everywhere.
    """
    found: dict[Precision, list[TileSettings]] = {}
    for bits in (depth,) if depth else (8, 16):
        tiles = for_depth(request, bits).tiles
        if tiles.precision not in found:
            used = zip(request.upscalers, runtimes(len(request.upscalers)), strict=True)
            found[tiles.precision] = [settle_tiles(one, _LONG, _LONG, tiles, runtime) for one, runtime in used]
    return found


def job_of(
    path: Path,
    request: UpscaleRequest[Upscaler],
    upscalers: Sequence[Plain],
    tiles: Mapping[Precision, Sequence[TileSettings]],
    format: PictureFormat,
    depth: int,
    quality: int,
    with_text: bool,
) -> Plain:
    """The work on one file. `upscalers`: those of the request, see `upscaler_to_plain`; `tiles`: `settled_for_all`.

    Raises:
        OSError: the file cannot be read.
    """
    return {
        "name": path.name,
        "data": path.read_bytes(),
        "upscalers": list(upscalers),
        "asked": asdict(request.tiles),
        "resize": request.resize if isinstance(request.resize, (int, float)) else list(request.resize),
        "crop": request.crop,
        "max_side": request.max_side,
        "visibility": request.visibility,
        "tiles": {precision: [asdict(one) for one in some] for precision, some in tiles.items()},
        "format": format,
        "depth": depth,
        "quality": quality,
        "with_text": with_text,
    }


def do_job(job: Plain, load: Callable[[ModelFile], Upscaler], runtimes: Runtimes) -> Plain:
    """Do it: returns the finished file as `data`, its `size`, and the `seconds` it took.

    Raises:
        InputError: the picture cannot be read, upscaled or written in this format.
    """
    started = time.monotonic()
    upscalers = [_upscaler_of(one, load) for one in job["upscalers"]]
    resize: float | Size = tuple(job["resize"]) if isinstance(job["resize"], list) else job["resize"]
    asked = TileSettings(**job["asked"])
    settled = {precision: [TileSettings(**one) for one in some] for precision, some in job["tiles"].items()}
    request = UpscaleRequest(
        upscalers[0], resize, job["crop"], job["max_side"], asked, *upscalers[1:], visibility=job["visibility"]
    )
    with tempfile.TemporaryDirectory(prefix="hires-fix-") as folder:
        # its own name, which is part of sentences about it
        path = Path(folder) / (os.path.basename(job["name"]) or "picture")
        path.write_bytes(job["data"])
        with open_source(path) as source:
            upscale = FileUpscale(source, request, job["depth"], job["with_text"], runtimes, settled)
            check_sides(path.name, job["format"], *upscale.plan.size)
            picture, made = upscale.picture(), io.BytesIO()
    encode(made, picture, job["format"], job["quality"])
    return {"data": made.getvalue(), "size": list(upscale.plan.size), "seconds": time.monotonic() - started}


def _upscaler_of(plain: Plain, load: Callable[[ModelFile], Upscaler]) -> Upscaler:
    if "filter" not in plain:
        return load(ModelFile(**plain))
    if plain["filter"] not in CLASSICAL:
        raise InputError(f"there is no filter '{plain['filter']}'.", "upscaler")
    return CLASSICAL[plain["filter"]]

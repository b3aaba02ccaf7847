"""Pictures into files in memory, beside other libraries where they are installed, and what ComfyUI saves with."""

from __future__ import annotations

import importlib
import io
import random
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image

from ....pictures.base.picture import FileFacts, Picture
from ....pictures.write import encode
from ...training.world.scenes import draw, random_scene
from .row import Row, compared

SIDE = 1024
SEED = 77
LEVEL = 4
"""Of zlib: ComfyUI's for PNG files."""


def rows(rounds: int) -> Iterator[Row]:
    """For each kind of file, the others over the pack."""
    pixels = torch.from_numpy(np.array(draw(random_scene(random.Random(SEED)), SIDE, SIDE))).float() / 255
    grain = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(1))
    pixels = (pixels + grain / 255).clamp(0, 1)  # as of a camera or a model: no two values alike
    for kind in ("png", "tiff"):
        for depth in (8, 16):
            yield from _rows(f"{kind}, {depth} bits", kind, depth, pixels, rounds)


def _rows(name: str, kind: Any, depth: int, pixels: torch.Tensor, rounds: int) -> Iterator[Row]:
    picture = Picture(pixels, FileFacts(depth))
    levels = (pixels.numpy() * (2**depth - 1)).round().astype(np.uint8 if depth == 8 else np.uint16)

    def ours() -> int:
        file = io.BytesIO()
        encode(file, picture, kind, 95)
        return file.tell()

    own = f"the pack's {name}"
    ways = {own: ours, **{f"{name}: {other}": way for other, way in _others(kind, depth, levels)}}
    sizes = {way: run() / levels.nbytes for way, run in ways.items()}
    yield from compared(ways, own, rounds, sizes)
    print(f"| (size of {own}) | | | | | {sizes[own]:.3f} |", flush=True)


def _others(kind: str, depth: int, levels: np.ndarray) -> Iterator[tuple[str, Callable[[], int]]]:
    if kind == "png" and depth == 8:
        yield "Pillow, as ComfyUI", lambda: _pillow(levels)
    yield f"zlib level {LEVEL} of differences, one stream", lambda: _zlib(levels)
    cv2 = _installed("cv2")
    if cv2 is not None:
        yield "OpenCV", lambda: len(cv2.imencode(f".{kind}", levels)[1])
    tifffile = _installed("tifffile")
    if tifffile is not None and kind == "tiff":
        yield "tifffile", lambda: _tifffile(tifffile, levels)


def _installed(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _pillow(levels: np.ndarray) -> int:
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG", compress_level=LEVEL)
    return file.tell()


def _zlib(levels: np.ndarray) -> int:
    differences = levels.astype(levels.dtype.newbyteorder(">"))
    differences[:, 1:] -= levels[:, :-1]
    return len(zlib.compress(differences.tobytes(), LEVEL))


def _tifffile(tifffile: Any, levels: np.ndarray) -> int:
    file = io.BytesIO()
    tifffile.imwrite(file, levels, compression="zlib", predictor=True)
    return file.tell()

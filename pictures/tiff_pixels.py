"""The pixels of TIFF files that Pillow would cut down to 8 bits or finds too large."""

from __future__ import annotations

import math
import os
import zlib
from typing import BinaryIO

import numpy as np

from . import sixteen_bit, tiff
from .orientation import upright
from .picture import PictureError
from .tiff import TiffInfo, as_tuple

_PLAIN, _DEFLATE, _OLD_DEFLATE = 1, 8, 32946
_BEST_PACKING = 1032  # bytes that Deflate can make of one
_DIFFERENCES = 2
_UNSIGNED = 1
_IGNORED, _MULTIPLIED = 0, 1  # what an extra channel is; 2 is straight alpha


_COLOURS = {0: 1, 1: 1, 2: 3}  # channels by photometric interpretation: white is zero, black is zero, RGB


def is_simple(info: TiffInfo) -> bool:
    """Say whether `read_pixels` takes the file, and without help: grey or RGB of 8 or 16 bits, at most deflated."""
    return (
        info.depth in (8, 16)
        and info.tags.get(tiff.COMPRESSION, _PLAIN) in (_PLAIN, _DEFLATE, _OLD_DEFLATE)
        and info.tags.get(tiff.PHOTOMETRIC) in _COLOURS
        and 0 <= info.tags.get(tiff.CHANNELS, 1) - _COLOURS[info.tags[tiff.PHOTOMETRIC]] <= 1
    )


def read_pixels(file: BinaryIO, info: TiffInfo) -> np.ndarray:
    """Read the pixels of a file of 16 bits a channel, or of 8 if it `is_simple`.

    Returns:
        `(H, W, C)` uint8 or uint16, upright, 1 to 4 channels, straight alpha last if there is any.

    Raises:
        PictureError: of a kind that cannot be read, or cut off; without the file's name: "it …". Damaged tags and
            packed data raise whatever they raise.
    """
    tags = info.tags
    channels, colours = tags.get(tiff.CHANNELS, 1), _COLOURS.get(tags.get(tiff.PHOTOMETRIC))
    if colours is None or set(as_tuple(tags.get(tiff.NUMBER_FORMAT, _UNSIGNED))) != {_UNSIGNED}:
        raise PictureError(f"it has {info.depth} bits a channel, but is neither grey nor RGB. Convert it to RGB")
    if not colours <= channels <= colours + 1:
        raise PictureError(f"it has {channels} channels; grey or RGB with one for transparency can be read")
    if is_simple(info):
        levels = _from_segments(file, info, channels)
    elif info.big or tiff.TILE_OFFSETS in tags or (tags.get(tiff.PLANES, 1) != 1 and channels > 1):
        levels = _by_tifffile(file)
    else:
        _check_strips(file, info)
        file.seek(0)
        levels = sixteen_bit.decode(file, "tiff_pipe")
    kind = next(iter(as_tuple(tags.get(tiff.EXTRA_CHANNELS, ()))), None)
    if channels > colours and kind == _IGNORED:
        levels = levels[..., :colours]
    elif channels > colours and kind == _MULTIPLIED:
        levels = _divided(levels)
    return upright(levels, tags.get(tiff.ORIENTATION, 1))


def _from_segments(file: BinaryIO, info: TiffInfo, channels: int) -> np.ndarray:
    """Put strips or tiles together."""
    tags = info.tags
    width, height = tags[tiff.WIDTH], tags[tiff.HEIGHT]
    tiled = tiff.TILE_OFFSETS in tags
    if tiled:
        across, down = tags[tiff.TILE_WIDTH], tags[tiff.TILE_HEIGHT]
        places, sizes = tags[tiff.TILE_OFFSETS], tags[tiff.TILE_SIZES]
    else:
        across, down = width, min(height, tags.get(tiff.ROWS_PER_STRIP, height))
        places, sizes = tags[tiff.STRIP_OFFSETS], tags[tiff.STRIP_SIZES]
    planes = channels if tags.get(tiff.PLANES, 1) == 2 else 1
    columns, rows = math.ceil(width / across), math.ceil(height / down)
    places, sizes = as_tuple(places), as_tuple(sizes)
    if not len(places) == len(sizes) == columns * rows * planes:
        raise PictureError(f"it is damaged: {columns * rows * planes} parts of it are needed, {len(places)} listed")
    if width * height * channels * info.depth > 8 * _BEST_PACKING * sum(sizes):
        raise PictureError(f"it claims to have {width}x{height} pixels, but is too small for that")
    out = np.empty((height, width, channels), np.uint8 if info.depth == 8 else np.uint16)
    for index, (place, size) in enumerate(zip(places, sizes, strict=True)):
        plane, rest = divmod(index, columns * rows)
        y, x = rest // columns * down, rest % columns * across
        shape = (down if tiled else min(down, height - y), across, channels // planes)
        file.seek(place)
        part = _unpacked(file.read(size), shape, info)[: height - y, : width - x]
        target = out[..., plane : plane + 1] if planes > 1 else out
        target[y : y + part.shape[0], x : x + part.shape[1]] = part
    return out


def _unpacked(data: bytes, shape: tuple[int, int, int], info: TiffInfo) -> np.ndarray:
    size = info.depth // 8 * math.prod(shape)
    if info.tags.get(tiff.COMPRESSION, _PLAIN) != _PLAIN:
        # one byte more than needed, so that the end with its checksum is read as well
        data = zlib.decompressobj().decompress(data, size + 1)
    if len(data) < size:
        raise PictureError("it is cut off")
    levels = np.frombuffer(data[:size], f"{info.order}u{info.depth // 8}").reshape(shape)
    if info.tags.get(tiff.PREDICTOR, 1) == _DIFFERENCES:
        levels = np.cumsum(levels, axis=1, dtype=levels.dtype.newbyteorder("="))
    return ~levels if info.tags[tiff.PHOTOMETRIC] == 0 else levels


def _by_tifffile(file: BinaryIO) -> np.ndarray:
    try:
        import tifffile
    except ImportError as error:
        raise PictureError(
            "BigTIFF files and tiles or planes of 16 bits need a Python package that is not installed, unless they are "
            "packed with Deflate (ZIP) or not at all. Save the picture that way, or install the package: "
            "'pip install tifffile' in ComfyUI's Python"
        ) from error
    file.seek(0)
    with tifffile.TiffFile(file) as pages:
        page = pages.pages[0]
        levels, in_planes = page.asarray(), page.axes.startswith("S")
    levels = levels[..., None] if levels.ndim == 2 else np.moveaxis(levels, 0, -1) if in_planes else levels
    return ~levels if page.photometric == 0 else levels


def _check_strips(file: BinaryIO, info: TiffInfo) -> None:
    """Refuse a file that ends before its pixels do: FFmpeg would make them up."""
    strips = zip(as_tuple(info.tags[tiff.STRIP_OFFSETS]), as_tuple(info.tags[tiff.STRIP_SIZES]), strict=True)
    if max(place + size for place, size in strips) > file.seek(0, os.SEEK_END):
        raise PictureError("it is cut off")


def _divided(levels: np.ndarray) -> np.ndarray:
    """Take the alpha out of the colours that it was multiplied into."""
    top, alpha = np.iinfo(levels.dtype).max, levels[..., -1:].astype(np.float64)
    colours = np.divide(levels[..., :-1] * float(top), alpha, out=np.zeros(levels[..., :-1].shape), where=alpha > 0)
    return np.concatenate([colours.round().clip(0, top).astype(levels.dtype), levels[..., -1:]], axis=-1)

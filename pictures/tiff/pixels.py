"""The pixels of TIFF files that Pillow would cut down to 8 bits, does not know, or finds too large."""

from __future__ import annotations

import io
import math
import os
import struct
import zlib
from typing import BinaryIO

import numpy as np
from PIL import TiffImagePlugin

from ..lab import lab_to_srgb
from ..limits import BEST_PACKING, check_part
from ..orientation import upright
from ..picture import PictureError
from ..ranges import in_range
from . import tiff
from .tiff import TiffInfo, as_tuple

_PLAIN, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS, _LZMA, _ZSTD = 1, 5, 8, 32946, 32773, 34925, 50000
_OURS = (_PLAIN, _DEFLATE, _OLD_DEFLATE)
_PACKINGS = (*_OURS, _LZW, _PACKBITS, _LZMA, _ZSTD)
"""Those of bytes, whatever they mean."""

_DIFFERENCES, _FLOAT_DIFFERENCES = 2, 3
_IGNORED, _MULTIPLIED = 0, 1  # what an extra channel is; 2 is straight alpha

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, CMYK, _CIELAB, _ICCLAB = 0, 1, 2, 5, 8, 9
_COLOURS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, CMYK: 4, _CIELAB: 3, _ICCLAB: 3}
"""Channels by photometric interpretation."""

_LABS = (_CIELAB, _ICCLAB)
KEPT = (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB)
"""Those whose pixels `read_pixels` leaves in the colours that the profile is about."""

_KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}  # of numbers; the last is "undefined"


def is_taken(info: TiffInfo) -> bool:
    """Say whether `read_pixels` is for this file: Pillow takes 8 bits of anything but plain grey and RGB."""
    kind = info.tags.get(tiff.PHOTOMETRIC)
    plain = info.tags.get(tiff.COMPRESSION, _PLAIN) in _OURS and kind in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB)
    fits = 0 <= info.tags.get(tiff.CHANNELS, 1) - _COLOURS.get(kind, 0) <= 1
    return info.depth > 8 or kind in _LABS or _letter(info) != "u" or (info.depth == 8 and plain and fits)


def read_pixels(file: BinaryIO, info: TiffInfo) -> tuple[np.ndarray, str]:
    """Read the pixels of a file that `is_taken`.

    Returns:
        `(H, W, C)` uint8 or uint16, or float32 from 0 to 1; upright, 1 to 4 channels, straight alpha last if there is
        any, or the inks of a CMYK picture. And what was assumed about them; see `in_range`.

    Raises:
        PictureError: of a kind that cannot be read, or cut off; without the file's name: "it …". Damaged tags and
            packed data raise whatever they raise.
    """
    tags = info.tags
    channels, photometric = tags.get(tiff.CHANNELS, 1), tags.get(tiff.PHOTOMETRIC)
    colours, numbers = _COLOURS.get(photometric), _numbers(info)
    if colours is None or (photometric in (CMYK, *_LABS) and numbers.str[1:] not in ("u1", "u2")):
        raise PictureError(
            f"it has {info.depth} bits a channel, but is neither grey nor RGB, nor CMYK or LAB of 8 or 16. Convert it"
        )
    if not colours <= channels <= colours + 1:
        raise PictureError(f"it has {channels} channels; grey or RGB with one for transparency can be read")
    if tags.get(tiff.COMPRESSION, _PLAIN) not in _PACKINGS:
        raise PictureError(
            f"its {info.depth} bits a channel are packed by a method (number {tags[tiff.COMPRESSION]}) that is not "
            "known. Save it with LZW or Deflate (ZIP)"
        )
    raw = _from_parts(file, info, channels, numbers)
    if photometric in _LABS:
        return upright(lab_to_srgb(raw[..., :3], photometric == _ICCLAB), tags.get(tiff.ORIENTATION, 1)), ""
    levels, note = in_range(raw)
    if photometric == _WHITE_IS_ZERO:
        levels = 1 - levels if levels.dtype.kind == "f" else ~levels
    kind = next(iter(as_tuple(tags.get(tiff.EXTRA_CHANNELS, ()))), None)
    if channels > colours and (kind == _IGNORED or photometric == CMYK):
        levels = levels[..., :colours]
    elif channels > colours and kind == _MULTIPLIED:
        levels = _divided(levels)
    return upright(levels, tags.get(tiff.ORIENTATION, 1)), note


def _letter(info: TiffInfo) -> str:
    """The kind of the numbers, as numpy has it; "?" if they are of several or others."""
    formats = set(as_tuple(info.tags.get(tiff.NUMBER_FORMAT, 1)))
    return _KINDS.get(formats.pop(), "?") if len(formats) == 1 else "?"


def _numbers(info: TiffInfo) -> np.dtype:
    try:
        return np.dtype(f"{info.order}{_letter(info)}{info.depth // 8}" if info.depth % 8 == 0 else "")
    except TypeError as error:
        raise PictureError(
            f"it has {info.depth} bits a channel, of a kind of numbers that is not known. Convert it to 8 or 16"
        ) from error


def _from_parts(file: BinaryIO, info: TiffInfo, channels: int, numbers: np.dtype) -> np.ndarray:
    """Put strips or tiles together."""
    tags = info.tags
    width, height = tags[tiff.WIDTH], tags[tiff.HEIGHT]
    tiled = tiff.TILE_OFFSETS in tags
    across, down = part_size(info)
    places, sizes = (
        (tags[tiff.TILE_OFFSETS], tags[tiff.TILE_SIZES])
        if tiled
        else (tags[tiff.STRIP_OFFSETS], tags[tiff.STRIP_SIZES])
    )
    planes = channels if tags.get(tiff.PLANES, 1) == 2 else 1
    columns, rows = math.ceil(width / across), math.ceil(height / down)
    places, sizes = as_tuple(places), as_tuple(sizes)
    if not len(places) == len(sizes) == columns * rows * planes:
        raise PictureError(f"it is damaged: {columns * rows * planes} parts of it are needed, {len(places)} listed")
    if max(map(sum, zip(places, sizes, strict=True))) > file.seek(0, os.SEEK_END):
        raise PictureError("it is cut off")
    deflated = tags.get(tiff.COMPRESSION, _PLAIN) in _OURS
    if deflated and width * height * channels * info.depth > 8 * BEST_PACKING * sum(sizes):
        raise PictureError(f"it claims to have {width}x{height} pixels, but is too small for that")
    out = np.empty((height, width, channels), numbers.newbyteorder("="))
    for index, (place, size) in enumerate(zip(places, sizes, strict=True)):
        plane, rest = divmod(index, columns * rows)
        y, x = rest // columns * down, rest % columns * across
        shape = (down if tiled else min(down, height - y), across, channels // planes)
        file.seek(place)
        part = _unpacked(file.read(size), shape, info, numbers)[: height - y, : width - x]
        target = out[..., plane : plane + 1] if planes > 1 else out
        target[y : y + part.shape[0], x : x + part.shape[1]] = part
    return out


def part_size(info: TiffInfo) -> tuple[int, int]:
    """Pixels across and down of a tile or strip. Raises PictureError if they make no sense."""
    tags = info.tags
    width, height = tags[tiff.WIDTH], tags[tiff.HEIGHT]
    if tiff.TILE_OFFSETS not in tags:
        return width, max(1, min(height, tags.get(tiff.ROWS_PER_STRIP, height)))
    across, down = tags[tiff.TILE_WIDTH], tags[tiff.TILE_HEIGHT]
    check_part(width, height, across, down)
    return across, down


def _unpacked(data: bytes, shape: tuple[int, int, int], info: TiffInfo, numbers: np.dtype) -> np.ndarray:
    row, size = shape[1] * shape[2] * numbers.itemsize, numbers.itemsize * math.prod(shape)
    packing = info.tags.get(tiff.COMPRESSION, _PLAIN)
    if packing not in _OURS:
        data = _by_libtiff(data, row, shape[0], packing, info.tags.get(tiff.FILL_ORDER, 1))
    elif packing != _PLAIN:
        # one byte more than needed, so that the end with its checksum is read as well
        data = zlib.decompressobj().decompress(data, size + 1)
    if len(data) < size:
        raise PictureError("it is cut off")
    values, predictor = np.frombuffer(data[:size], numbers), info.tags.get(tiff.PREDICTOR, 1)
    if predictor == _FLOAT_DIFFERENCES:
        # of bytes, of which the highest of all numbers of a row come first
        sums = values.view(np.uint8).reshape(shape[0], -1, shape[2]).cumsum(axis=1, dtype=np.uint8)
        values = np.ascontiguousarray(sums.reshape(shape[0], numbers.itemsize, -1).transpose(0, 2, 1))
        return values.view(numbers.newbyteorder(">")).reshape(shape)
    if predictor == _DIFFERENCES:
        # of the bits as whole numbers, also where they are floats
        whole = values.view(f"{info.order}u{numbers.itemsize}").reshape(shape)
        return whole.cumsum(axis=1, dtype=f"u{numbers.itemsize}").view(numbers.newbyteorder("="))
    return values.reshape(shape)


def _by_libtiff(data: bytes, row: int, rows: int, packing: int, fill_order: int) -> bytes:
    """Unpack a strip or tile: Pillow's libtiff is given it as a picture of bytes."""
    entries = (
        (tiff.WIDTH, row),
        (tiff.HEIGHT, rows),
        (tiff.BITS, 8),
        (tiff.COMPRESSION, packing),
        (tiff.PHOTOMETRIC, _BLACK_IS_ZERO),
        (tiff.FILL_ORDER, fill_order),
        (tiff.STRIP_OFFSETS, 8),
        (tiff.CHANNELS, 1),
        (tiff.ROWS_PER_STRIP, rows),
        (tiff.STRIP_SIZES, len(data)),
    )
    body = b"II*\0" + struct.pack("<I", 8 + len(data) + len(data) % 2) + data + bytes(len(data) % 2)
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    file = io.BytesIO(body + struct.pack("<H", len(entries)) + directory + bytes(4))
    with TiffImagePlugin.TiffImageFile(file) as image:
        return image.tobytes()


def _divided(levels: np.ndarray) -> np.ndarray:
    """Take the alpha out of the colours that it was multiplied into."""
    is_float = levels.dtype.kind == "f"
    top, alpha = 1 if is_float else np.iinfo(levels.dtype).max, levels[..., -1:].astype(np.float64)
    colours = np.divide(levels[..., :-1] * float(top), alpha, out=np.zeros(levels[..., :-1].shape), where=alpha > 0)
    colours = (colours if is_float else colours.round()).clip(0, top).astype(levels.dtype)
    return np.concatenate([colours, levels[..., -1:]], axis=-1)

"""PNG files: what is in their chunks, and writing them with 8 or 16 bits a channel, row by row."""

from __future__ import annotations

import io
import logging
import struct
import zlib
from collections.abc import Container, Iterator
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import numpy as np

from ..base.errors import PictureError
from ..base.limits import BEST_PACKING
from ..base.picture import FileFacts
from . import packing

log = logging.getLogger("hires-fix")

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type, 3 being a palette
_ZLIB = b"\x78\x5e"  # a window of 32 kB, packed fast
_NO_MORE = b"\x03\0"  # Deflate's last block, with nothing in it
_BAND = 64  # rows that are filtered together
_MOST_TEXT = 2**26  # bytes that all texts and the colour profile of a file may have
_STEP = 2**16  # bytes of them that are unpacked at once
_METRES_AN_INCH = 0.0254


@dataclass
class PngInfo:
    """What a PNG file says about its picture."""

    width: int = 0
    """Pixels across."""
    height: int = 0
    """Pixels down."""
    bits: int = 8
    """A channel: 1, 2, 4, 8 or 16."""
    channels: int = 0
    """1 to 4; a palette is one."""
    facts: FileFacts = field(default_factory=FileFacts)
    """The EXIF block as it is in the file; of several texts with the same keyword, the last."""
    bare: io.BytesIO = field(default_factory=io.BytesIO)
    """The file without all that is not needed for the pixels: decoders stumble over damaged texts."""


def read_info(file: BinaryIO) -> PngInfo:
    """Read all chunks. Every checksum is compared: what is cut off or damaged is found (PictureError, "it …")."""
    info, budget = PngInfo(), _Budget()
    info.bare.write(SIGNATURE)
    for kind, data in chunks(file):
        if kind in _NEEDED:
            write_chunk(info.bare, kind, data)
        try:
            _take(info, kind, data, budget)
        except (ValueError, KeyError, struct.error, zlib.error) as error:
            if kind == b"IHDR":
                raise PictureError("it is damaged: its header makes no sense") from error
            _log_left_out(kind, error)
    if info.width * info.height * info.channels * info.bits > 8 * BEST_PACKING * info.bare.tell():
        raise PictureError(f"it claims to have {info.width}x{info.height} pixels, but is too small for that")
    info.bare.seek(0)
    return info


def read_texts(file: BinaryIO, keys: Container[str]) -> tuple[FileFacts, str]:
    """Read the EXIF block and the texts with these keywords, and leave all else packed. Nothing raises.

    In a file that is cut off, they mostly stand before the place. Returns block and texts; what is wrong with the file
    behind them, as a sentence without its end: "it …", or "".
    """
    info, budget, damage = PngInfo(), _Budget(), ""
    try:
        for kind, data in chunks(file):
            if kind != b"eXIf" and (kind not in _TEXTS or _keyword(data) not in keys):
                continue
            try:
                _take(info, kind, data, budget)
            except (ValueError, struct.error, zlib.error) as error:
                _log_left_out(kind, error)
    except PictureError as error:
        damage = str(error)
    return info.facts, damage


class PngWriter:
    """Writes a PNG file from top to bottom, in as many parts as one likes."""

    def __init__(self, file: BinaryIO, width: int, height: int, channels: int, facts: FileFacts) -> None:
        """Write to an empty file everything that comes before the pixels; 1 to 4 channels."""
        self._file = file
        self._size, self._depth = channels * facts.depth // 8, facts.depth
        self._above = np.zeros((1, width * self._size), np.uint8)
        self._rows = max(1, packing.PIECE // (width * self._size))
        self._begun: list[np.ndarray] = []  # rows of the next piece
        self._pieces = packing.SideBySide(self._packed)
        self._sum = zlib.adler32(b"")
        file.write(SIGNATURE)
        header = struct.pack(">IIBBBBB", width, height, facts.depth, _COLOUR_TYPES[channels], 0, 0, 0)
        write_chunk(self._file, b"IHDR", header)
        for kind, data in _describe(facts):
            write_chunk(self._file, kind, data)
        write_chunk(self._file, b"IDAT", _ZLIB)

    def write(self, levels: np.ndarray) -> None:
        """Write the next rows: `(rows, width, channels)`, uint8 or uint16 as the depth says."""
        while len(levels):
            missing = self._rows - sum(map(len, self._begun))
            part, levels = levels[:missing], levels[missing:]
            # PNG has the high byte first
            rows = np.array(part, part.dtype.newbyteorder(">"), order="C").view(np.uint8).reshape(len(part), -1)
            self._begun.append(rows)
            if len(rows) == missing:
                self._give()

    def close(self) -> None:
        """Write the end. The file stays open."""
        if self._begun:
            self._give()
        for piece in self._pieces.rest():
            self._write(*piece)
        write_chunk(self._file, b"IDAT", _NO_MORE + struct.pack(">I", self._sum))
        write_chunk(self._file, b"IEND", b"")

    def _give(self) -> None:
        rows = np.concatenate(self._begun)
        self._begun.clear()
        above, self._above = self._above, rows[-1:].copy()
        for piece in self._pieces.give((rows, above)):
            self._write(*piece)

    def _packed(self, piece: tuple[np.ndarray, np.ndarray]) -> tuple[bytes, int, int]:
        """Rows and the one above; returns them packed, their checksum and length."""
        rows, above = piece
        parts = []
        for start in range(0, len(rows), _BAND):
            parts.append(_filtered(rows[start : start + _BAND], above, self._size).tobytes())
            above = rows[start + _BAND - 1 : start + _BAND]
        data = b"".join(parts)
        deflate = packing.packer(data, self._depth, packing.RAW)
        return deflate.compress(data) + deflate.flush(zlib.Z_SYNC_FLUSH), zlib.adler32(data), len(data)

    def _write(self, packed: bytes, checksum: int, length: int) -> None:
        write_chunk(self._file, b"IDAT", packed)
        self._sum = packing.adler32_of_both(self._sum, checksum, length)


def write_chunk(file: BinaryIO, kind: bytes, data: bytes) -> None:
    """Write a chunk with its length and checksum."""
    file.write(struct.pack(">I", len(data)) + kind)
    file.write(data)
    file.write(struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))


def _filtered(rows: np.ndarray, above: np.ndarray, size: int) -> np.ndarray:
    """Replace bytes by differences to their neighbours, row by row in the way that gives the smallest ones.

    `rows` are `(H, N)` uint8, `above` is the row before, `(1, N)`, zeros for the top of a picture, `size` the bytes of
    a pixel. Returns `(H, 1 + N)`: first the number of the filter.
    """
    left = np.zeros_like(rows)
    left[:, size:] = rows[:, :-size]
    up = np.concatenate([above, rows[:-1]])
    candidates = (rows, rows - left, rows - up, rows - ((left & up) + ((left ^ up) >> 1)))
    costs = [np.abs(each.view(np.int8).astype(np.int16)).sum(axis=1, dtype=np.int64) for each in candidates]
    best = np.argmin(costs, axis=0)
    out = np.empty((rows.shape[0], 1 + rows.shape[1]), np.uint8)
    out[:, 0] = best
    for number, each in enumerate(candidates):
        out[best == number, 1:] = each[best == number]
    return out


def _describe(facts: FileFacts) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks that go between header and pixels."""
    if facts.icc:
        yield b"iCCP", b"ICC profile\0\0" + zlib.compress(facts.icc)
    if facts.dpi:
        yield b"pHYs", struct.pack(">IIB", *(round(value / _METRES_AN_INCH) for value in facts.dpi), 1)
    if facts.exif:
        yield b"eXIf", facts.exif
    for key, value in facts.text.items():
        keyword = key.encode("latin-1", "replace").strip()[:79]
        if not keyword or b"\0" in keyword or "\0" in value:
            log.warning("The text '%s' cannot be kept in a PNG file and is left out.", key)
        elif value.isascii():
            yield b"tEXt", keyword + b"\0" + value.encode("ascii")
        else:
            yield b"iTXt", keyword + b"\0\0\0\0\0" + value.encode("utf-8", "replace")


def chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield (kind, content) of every chunk but the damaged ones that a picture can do without."""
    if file.read(len(SIGNATURE)) != SIGNATURE:
        raise PictureError("it is not a PNG file")
    first = True
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise PictureError("it is cut off")
        length, kind = struct.unpack(">I4s", head)
        if first != (kind == b"IHDR") or length >= 2**31:
            raise PictureError("it is damaged: its chunks make no sense")
        first = False
        body = file.read(length + 4)
        if len(body) < length + 4:
            raise PictureError("it is cut off")
        intact = zlib.crc32(memoryview(body)[:length], zlib.crc32(kind)) == struct.unpack(">I", body[length:])[0]
        if not intact and kind[:1].isupper():
            raise PictureError(f"it is damaged: chunk {kind.decode('latin-1')!r} has a wrong checksum")
        if intact:
            yield kind, body[:length]
        if kind == b"IEND":
            return


class _Budget:
    """How many bytes of texts and profiles may still come out of a file: packed, they take a thousandth of that."""

    def __init__(self) -> None:
        self._left = _MOST_TEXT

    def plain(self, data: bytes) -> bytes:
        """The bytes themselves. Raises ValueError if they are too many."""
        if len(data) > self._left:
            raise ValueError("it is too long")
        self._left -= len(data)
        return data

    def inflated(self, data: bytes) -> bytes:
        """Unpack them. Raises ValueError if they are cut off or too many."""
        unpacker, packed, parts = zlib.decompressobj(), memoryview(data), []
        while packed and not unpacker.eof:
            if not self._left:  # which zlib takes for no limit
                raise ValueError("it is too long")
            given, most = packed[: 2 * _STEP], min(_STEP, self._left)
            self._left -= most  # if zlib raises, nobody knows how much of this step it has unpacked
            parts.append(unpacker.decompress(given, most))
            self._left += most - len(parts[-1])
            packed = packed[len(given) - len(unpacker.unconsumed_tail) :]
        if not unpacker.eof:
            raise ValueError("it is cut off")
        return b"".join(parts)


def _log_left_out(kind: bytes, reason: Exception) -> None:
    log.warning("A PNG chunk '%s' cannot be read and is left out (%s).", kind.decode("latin-1"), reason)


def _take(info: PngInfo, kind: bytes, data: bytes, budget: _Budget) -> None:
    if kind == b"IHDR":
        info.width, info.height, info.bits, colour = struct.unpack(">IIBB", data[:10])
        info.channels = _CHANNELS[colour]
    elif kind == b"iCCP":
        info.facts = replace(info.facts, icc=budget.inflated(data[data.index(b"\0") + 2 :]))
    elif kind == b"eXIf":
        info.facts = replace(info.facts, exif=data)
    elif kind == b"pHYs":
        across, down, measure = struct.unpack(">IIB", data)
        if measure == 1 and across and down:
            info.facts = replace(info.facts, dpi=(across * _METRES_AN_INCH, down * _METRES_AN_INCH))
    elif kind in _TEXTS:
        _, rest = data.split(b"\0", 1)
        info.facts.text[_keyword(data)] = _text(kind, rest, budget)


def _keyword(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("latin-1")


def _text(kind: bytes, data: bytes, budget: _Budget) -> str:
    if kind == b"tEXt":
        return budget.plain(data).decode("latin-1")
    if kind == b"zTXt":
        return budget.inflated(data[1:]).decode("latin-1")
    packed = data[0] if data else 0
    _language, _translated, body = data[2:].split(b"\0", 2)
    return (budget.inflated if packed else budget.plain)(body).decode("utf-8", "replace")

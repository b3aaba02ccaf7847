"""PNG files written and read by the letter of the specification: what the pack's own files are compared with."""

import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def chunk(kind, data):
    """One chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def encode(levels, chunks=(), interlaced=False):
    """A file of `(H, W, C)` uint8 or uint16 with some (kind, data) before the pixels."""
    height, width, channels = levels.shape
    depth = 8 * levels.itemsize
    passes = [levels[y::dy, x::dx] for y, x, dy, dx in ADAM7] if interlaced else [levels]
    rows = b"".join(b"\0" + row.astype(f">u{depth // 8}").tobytes() for part in passes if part.size for row in part)
    header = struct.pack(">IIBBBBB", width, height, depth, COLOUR_TYPES[channels], 0, 0, interlaced)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return SIGNATURE + b"".join(chunk(*part) for part in parts)


def chunks(data):
    """All (kind, content) of a file; checks every checksum."""
    assert data.startswith(SIGNATURE)
    found, place = [], len(SIGNATURE)
    while place < len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        content = data[place + 8 : place + 8 + length]
        assert data[place : place + 12 + length] == chunk(kind, content)
        found.append((kind, content))
        place += 12 + length
    return found


def decode(data):
    """The `(H, W, C)` levels of a file that is not interlaced."""
    found = chunks(data)
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", dict(found)[b"IHDR"])
    assert not interlaced
    channels = {code: count for count, code in COLOUR_TYPES.items()}[colour]
    size = channels * depth // 8
    packed = np.frombuffer(zlib.decompress(b"".join(content for kind, content in found if kind == b"IDAT")), np.uint8)
    packed = packed.reshape(height, 1 + width * size)
    rows = np.zeros((height + 1, width * size), np.uint8)
    for y in range(height):
        rows[y + 1] = _unfiltered(packed[y, 0], packed[y, 1:], rows[y], size)
    return rows[1:].view(f">u{depth // 8}").astype(f"u{depth // 8}").reshape(height, width, channels)


def _unfiltered(kind, row, above, size):
    if kind == 0:
        return row
    if kind == 1:
        return np.cumsum(row.reshape(-1, size), axis=0, dtype=np.uint8).reshape(-1)
    if kind == 2:
        return row + above
    out = [0] * size
    for i, (value, up) in enumerate(zip(row.tolist(), above.tolist(), strict=True)):
        left, corner = out[i], int(above[i - size]) if i >= size else 0
        if kind == 3:
            guess = (left + up) // 2
        else:
            guess = min((left, up, corner), key=lambda near: abs(left + up - corner - near))  # the first of equals
        out.append((value + guess) % 256)
    return np.array(out[size:], np.uint8)

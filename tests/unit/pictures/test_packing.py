"""Pixels packed in pieces: valid files whose bytes depend on the pixels alone."""

import io
import zlib
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hires_pack.pictures import FileFacts, Picture, read_picture
from hires_pack.pictures.base.levels import to_levels
from hires_pack.pictures.formats.packing import PIECE, RAW, adler32_of_both, packer
from hires_pack.pictures.formats.png import PngWriter, chunks
from hires_pack.pictures.write import encode

WIDTH, HEIGHT = 701, 903


@contextmanager
def threads(count: int):
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture(scope="module")
def deep():
    """Smooth with grain, as of a camera, 16 bits: several pieces long."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] / WIDTH
    waves = np.stack([x, y, 0.5 + 0.5 * np.sin(9 * x * y)], -1)
    levels = (60000 * waves / waves.max() + np.random.default_rng(0).integers(0, 900, waves.shape)).astype(np.uint16)
    assert levels.nbytes > 3 * PIECE
    return levels


def written(levels, kind):
    file = io.BytesIO()
    depth = 8 * levels.itemsize
    pixels = torch.from_numpy((levels / (2**depth - 1)).astype(np.float32))
    encode(file, Picture(pixels, FileFacts(depth)), kind, 95)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_bytes_do_not_depend_on_threads_and_pixels_come_back(deep, kind, tmp_path):
    with threads(1):
        alone = written(deep, kind)
    with threads(3):
        assert written(deep, kind) == alone
    (tmp_path / "file").write_bytes(alone)
    np.testing.assert_array_equal(to_levels(read_picture(tmp_path / "file").pixels, 16), deep)


def test_a_png_has_the_same_bytes_however_its_rows_come(deep):
    files = []
    for rows in (1, 64, HEIGHT):
        files.append(io.BytesIO())
        writer = PngWriter(files[-1], WIDTH, HEIGHT, 3, FileFacts(16))
        for start in range(0, HEIGHT, rows):
            writer.write(deep[start : start + rows])
        writer.close()
    assert files[0].getvalue() == files[1].getvalue() == files[2].getvalue()


def test_the_pieces_of_a_png_are_one_stream_with_the_checksum_of_all(deep):
    packed = b"".join(data for kind, data in chunks(io.BytesIO(written(deep, "png"))) if kind == b"IDAT")
    unpacker = zlib.decompressobj()
    assert len(unpacker.decompress(packed)) == HEIGHT * (1 + 6 * WIDTH)  # zlib compares the checksum
    assert unpacker.eof
    assert unpacker.unused_data == b""


def test_checksums_of_texts_behind_each_other():
    first, second = np.random.default_rng(1).bytes(100_000), bytes(70_000)
    assert adler32_of_both(zlib.adler32(first), zlib.adler32(second), len(second)) == zlib.adler32(first + second)


def packed(data, depth):
    packing = packer(data, depth, RAW)
    return packing.compress(data) + packing.flush()


def level_4(data):
    packing = zlib.compressobj(4, zlib.DEFLATED, RAW)
    return packing.compress(data) + packing.flush()


def test_grain_of_16_bits_is_packed_without_a_search(deep):
    data = np.diff(deep.astype(">u2"), axis=1).tobytes()
    runs = zlib.compressobj(1, zlib.DEFLATED, RAW, zlib.DEF_MEM_LEVEL, 3)
    assert packed(data, 16) == runs.compress(data) + runs.flush()
    assert len(packed(data, 16)) <= 1.025 * len(level_4(data))


def test_what_repeats_itself_is_searched_as_are_8_bits():
    tile = np.random.default_rng(2).bytes(999)
    for depth in (8, 16):
        assert packed(tile * 500, depth) == level_4(tile * 500)

"""TIFF files read and written piece by piece; tifffile and Pillow, which have nothing to do with ours, decide."""

import io
import struct
import tracemalloc
import weakref
from itertools import product

import numpy as np
import psutil
import pytest
import tifffile
import torch
from hires_pack.hires.errors import InputError
from hires_pack.hires.tiles.boxes import Box
from hires_pack.pictures import FileFacts, Picture, PictureError, read_picture
from hires_pack.pictures.base.levels import from_levels
from hires_pack.pictures.base.picture import XMP
from hires_pack.pictures.formats.tiff.source import TiffSource
from hires_pack.pictures.formats.tiff.write import TiffLayout, TiffSink
from hires_pack.pictures.source import MemorySource, open_source
from PIL import Image, ImageCms

BOXES = (Box(0, 0, 37, 53), Box(0, 0, 1, 1), Box(36, 52, 37, 53), Box(3, 5, 30, 20), Box(0, 17, 37, 33))
PHOTOMETRIC = {1: "minisblack", 2: "minisblack", 3: "rgb", 4: "rgb"}


def levels(channels=3, depth=8, width=37, height=53, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, 1 << depth, (height, width, channels), np.uint8 if depth == 8 else np.uint16)


def write(path, data, **options):
    channels = data.shape[2]
    tifffile.imwrite(
        path,
        data if channels > 1 else data[..., 0],
        photometric=options.pop("photometric", PHOTOMETRIC[channels]),
        extrasamples=options.pop("extrasamples", ["unassalpha"] if channels in (2, 4) else None),
        planarconfig=options.pop("planarconfig", "contig" if channels > 1 else None),
        **options,
    )


def pixels_of(data, box):
    top = np.iinfo(data.dtype).max
    return data[box.y0 : box.y1, box.x0 : box.x1].astype(np.float32) / np.float32(top)


@pytest.mark.parametrize(("channels", "depth"), [*product((1, 2, 3, 4), (8, 16))])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bigtiff": True, "rowsperstrip": 7},
        {"byteorder": ">", "rowsperstrip": 10},
        {"tile": (16, 32)},
        {"compression": "zlib", "rowsperstrip": 9},
        {"compression": "zlib", "predictor": True, "rowsperstrip": 9, "byteorder": ">"},
        {"compression": "zlib", "predictor": True, "tile": (32, 16)},
    ],
    ids=str,
)
def test_a_tiff_is_read_piece_by_piece(channels, depth, options, tmp_path):
    data = levels(channels, depth)
    write(tmp_path / "a.tif", data, **options)
    source = TiffSource.open(tmp_path / "a.tif")
    assert source is not None, "it was read as a whole"
    assert (source.width, source.height, source.channels, source.facts.depth) == (37, 53, channels, depth)
    for box in BOXES:
        found = source.read(box)
        assert found.dtype == torch.float32
        np.testing.assert_array_equal(found.numpy(), pixels_of(data, box))
    source.close()


@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "rowsperstrip": 8}], ids=["rows", "strips"])
def test_only_what_is_asked_for_is_read_and_nothing_is_kept(options, tmp_path):
    """A picture 4000 pixels high: a box of 10 rows needs less than a hundredth of the file, and of the memory."""
    data = levels(3, 8, width=100, height=4000)
    write(tmp_path / "a.tif", data, **options)
    source = TiffSource.open(tmp_path / "a.tif")
    tracemalloc.start()
    before = psutil.Process().io_counters().read_chars
    source.read(Box(0, 0, 50, 10))
    assert psutil.Process().io_counters().read_chars - before < data.nbytes / 100
    for top in range(10, 4000, 10):
        source.read(Box(0, top, 50, top + 10))
    assert tracemalloc.get_traced_memory()[0] < data.nbytes / 50
    tracemalloc.stop()
    source.close()


@pytest.mark.parametrize(
    "options",
    [
        {"planarconfig": "separate"},
        {"extrasamples": ["assocalpha"], "channels": 4},
        {"photometric": "miniswhite", "channels": 1},
        {"extratags": [(274, 3, 1, 6, True)]},
    ],
    ids=str,
)
def test_other_kinds_are_read_as_a_whole(options, tmp_path):
    data = levels(options.pop("channels", 3))
    if options.get("planarconfig") == "separate":
        tifffile.imwrite(tmp_path / "a.tif", np.moveaxis(data, 2, 0), photometric="rgb", **options)
    else:
        write(tmp_path / "a.tif", data, **options)
    assert TiffSource.open(tmp_path / "a.tif") is None
    expected = read_picture(tmp_path / "a.tif").pixels
    with open_source(tmp_path / "a.tif") as source:
        assert isinstance(source, MemorySource)
        assert (source.height, source.width) == expected.shape[:2]
        assert torch.equal(source.read(Box(0, 0, source.width, source.height)), expected)


def test_a_float_tiff_is_read_as_a_whole_and_a_bad_one_named(tmp_path):
    values = np.linspace(0, 1, 8 * 8 * 3, dtype=np.float32).reshape(8, 8, 3)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    with open_source(tmp_path / "a.tif") as source:
        assert isinstance(source, MemorySource)
        assert np.abs(source.read(Box(0, 0, 8, 8)).numpy() - values).max() <= 0.51 / 65535
    tifffile.imwrite(tmp_path / "a.tif", values * np.float32("nan"), photometric="rgb")
    with pytest.raises(PictureError, match=r"'a\.tif' cannot be read: 192 of its numbers are not finite"):
        open_source(tmp_path / "a.tif").__enter__()


@pytest.mark.parametrize("kept", [0, 5, 200, 3000])
def test_a_file_that_was_cut_off_is_refused(kept, tmp_path):
    buffer = io.BytesIO()
    write(buffer, levels())
    (tmp_path / "a.tif").write_bytes(buffer.getvalue()[:kept])
    with pytest.raises(PictureError, match=r"a\.tif"), open_source(tmp_path / "a.tif"):
        pass


def test_damage_in_the_middle_is_found_when_it_is_reached(tmp_path):
    write(tmp_path / "a.tif", levels(height=100), compression="zlib", rowsperstrip=10)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        at = file.pages[0].dataoffsets[5]
    with open(tmp_path / "a.tif", "r+b") as file:
        file.seek(at)
        file.write(b"\xff" * 40)
    with open_source(tmp_path / "a.tif") as source:
        source.read(Box(0, 0, 37, 50))
        with pytest.raises(PictureError, match=r"a\.tif.*damaged"):
            source.read(Box(0, 50, 37, 60))


@pytest.mark.parametrize(("channels", "depth"), [*product((1, 2, 3, 4), (8, 16))])
def test_a_picture_in_memory_is_a_source(channels, depth):
    data = levels(channels, depth)
    source = MemorySource(Picture(from_levels(data), FileFacts(depth)))
    for box in BOXES:
        np.testing.assert_array_equal(source.read(box).numpy(), pixels_of(data, box))


@pytest.mark.parametrize("depth", [8, 16])
def test_a_picture_in_memory_is_kept_in_whole_numbers_alone(depth):
    data = levels(3, depth, width=500, height=400)
    pixels = from_levels(data)
    given = weakref.ref(pixels)
    tracemalloc.start()
    try:
        source = MemorySource(Picture(pixels, FileFacts(depth)))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del pixels
    assert source.width == 500
    assert given() is None
    assert kept == pytest.approx(data.nbytes, rel=0.01)


@pytest.mark.parametrize(("channels", "depth"), [*product((1, 2, 3, 4), (8, 16))])
def test_what_is_written_in_pieces_is_one_picture(channels, depth, tmp_path):
    data = levels(channels, depth)
    layout = TiffLayout(37, 53, channels, FileFacts(depth))
    sink = TiffSink.create(tmp_path / "a.tif", layout)
    pixels = from_levels(data)
    sink.write(Box(0, 20, 37, 53), pixels[20:])
    sink.close()
    sink = TiffSink(tmp_path / "a.tif", layout)  # as after a restart
    for x0, x1 in ((0, 11), (11, 37)):
        sink.write(Box(x0, 0, x1, 20), pixels[:20, x0:x1])
    sink.flush()
    sink.close()
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        page = file.pages[0]
        assert file.is_bigtiff
        assert page.photometric.name.lower() == PHOTOMETRIC[channels]
        assert tuple(page.extrasamples) == ((2,) if channels in (2, 4) else ())
        np.testing.assert_array_equal(page.asarray().reshape(data.shape), data)
    if depth == 8:
        with Image.open(tmp_path / "a.tif") as image:
            np.testing.assert_array_equal(np.asarray(image).reshape(data.shape), data)
    source = TiffSource.open(tmp_path / "a.tif")
    np.testing.assert_array_equal(source.read(BOXES[0]).numpy(), pixels_of(data, BOXES[0]))
    source.close()


def test_strips_stay_small_and_values_are_rounded_and_clamped(tmp_path):
    sink = TiffSink.create(tmp_path / "a.tif", TiffLayout(2000, 500, 3))
    sink.write(Box(0, 0, 4, 1), torch.tensor([-1.0, 0.5, 100.4 / 255, 2.0]).reshape(1, 4, 1).expand(1, 4, 3))
    sink.close()
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert max(file.pages[0].databytecounts) <= 1 << 18
        assert sum(file.pages[0].databytecounts) == 2000 * 500 * 3
        assert file.pages[0].asarray()[0, :5, 0].tolist() == [0, 128, 100, 255, 0]


@pytest.mark.parametrize("order", ["little", "big"])
def test_what_the_picture_says_is_carried(order, tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif.endian = "<" if order == "little" else ">"
    exif[270] = "a description that is longer than eight bytes"
    exif[271] = "Maker"
    exif.get_ifd(0x8769)[0x829A] = (1, 250)  # exposure time
    exif.get_ifd(0x8769)[0x8827] = 400  # sensitivity
    exif.get_ifd(0x8825)[2] = (48.0, 8.0, 15.5)  # latitude
    text = {"parameters": "a prompt, ein Gemälde\nSteps: 20", XMP: "<x/>", "workflow": '{"nodes": []}'}
    layout = TiffLayout(9, 5, 3, FileFacts(8, profile, exif.tobytes()[6:], text, (300.0, 150.0)))
    TiffSink.create(tmp_path / "a.tif", layout).close()
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        tags = file.pages[0].tags
        assert file.pages[0].iccprofile == profile
        assert tags[282].value == (300000, 1000)
        assert tags[34665].value["ExposureTime"] == (1, 250)
        assert tags[34665].value["ISOSpeedRatings"] == 400
        assert tags[34853].value["GPSLatitude"][:2] == (48, 1)
    comment = struct.pack("<HHQ", 0x9286, 7, 8 + 2 * len(text["parameters"]))  # 7: UNDEFINED, as EXIF has it
    assert comment in (tmp_path / "a.tif").read_bytes()
    found = read_picture(tmp_path / "a.tif").facts
    assert {**text, **found.text} == found.text
    assert found.icc == profile
    assert found.dpi == (300.0, 150.0)
    with open_source(tmp_path / "a.tif") as source:
        assert source.facts == found


def test_a_damaged_exif_block_is_left_out(tmp_path):
    TiffSink.create(tmp_path / "a.tif", TiffLayout(9, 5, 3, FileFacts(exif=b"II*\0\xff\xff\xff\xff"))).close()
    assert tifffile.imread(tmp_path / "a.tif").shape == (5, 9, 3)


def test_another_file_is_not_taken_for_the_unfinished_one(tmp_path):
    layout = TiffLayout(9, 5, 3)
    TiffSink.create(tmp_path / "a.tif", layout).close()
    with pytest.raises(InputError, match="unfinished"):
        TiffSink(tmp_path / "a.tif", TiffLayout(5, 9, 3))
    with open(tmp_path / "a.tif", "ab") as file:
        file.write(b"x")
    with pytest.raises(InputError, match="unfinished"):
        TiffSink(tmp_path / "a.tif", layout)


def test_a_disk_that_is_too_small_is_named_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match="GB free"):
        TiffSink.create(tmp_path / "a.tif", TiffLayout(2**26, 2**26, 4, FileFacts(16)))
    assert not list(tmp_path.iterdir())

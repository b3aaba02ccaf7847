"""TIFF files: what tifffile and Pillow write is read, what is written they read."""

import builtins
import contextlib
import io
import struct
from itertools import product

import numpy as np
import pytest
import tifffile
import torch
from hires_pack.pictures import Picture, PictureError, read_picture, write_picture
from hires_pack.pictures.tiff_write import write_tiff
from PIL import Image, ImageCms

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
KINDS = {
    1: {"photometric": "minisblack"},
    2: {"photometric": "minisblack", "extrasamples": ["unassalpha"]},
    3: {"photometric": "rgb"},
    4: {"photometric": "rgb", "extrasamples": ["unassalpha"]},
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "picture.tif"


def write(path, levels, byteorder="<", bigtiff=False, **options):
    """By tifffile; grey as a plain matrix, planes first where asked."""
    channels = levels.shape[-1]
    data = levels[..., 0] if channels == 1 else levels
    if options.get("planarconfig") == "separate":
        data = np.moveaxis(levels, -1, 0)
    with tifffile.TiffWriter(path, byteorder=byteorder, bigtiff=bigtiff) as file:
        file.write(data, metadata=None, **{**KINDS[channels], **options})


def levels_of(picture):
    return (picture.pixels.double() * (2**picture.depth - 1)).round().numpy().astype(np.uint16)


LAYOUTS = ({}, {"rowsperstrip": 5}, {"tile": (16, 32)}, {"planarconfig": "separate"})


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("byteorder", "layout"), [*product("<>", LAYOUTS), ("<", {"bigtiff": True})])
@pytest.mark.parametrize(
    "packing",
    [{}, {"compression": "zlib"}, {"compression": "zlib", "predictor": True}],
    ids=["plain", "deflate", "differences"],
)
def test_every_layout_is_read(path, rng, packing, layout, byteorder, dtype):
    for channels in KINDS:
        if channels == 1 and "planarconfig" in layout:
            continue
        levels = rng.integers(0, np.iinfo(dtype).max, (37, 45, channels), dtype, endpoint=True)
        write(path, levels, byteorder, **layout, **packing)
        picture = read_picture(path)
        assert picture.depth == 8 * levels.itemsize
        assert np.array_equal(levels_of(picture), levels)


# 2x3 pixels of grey packed by the letter of TIFF 6.0, row by row: a run of one byte, and bytes as they are
PACKBITS = bytes([0x100 - 3, 0x12, 1, 0, 1, 5, 0xFF, 0xFE, 0x12, 0x34, 0x56, 0x78])


def by_hand(path, tags, data, byteorder="<"):
    """A file of single numbers; `data` follows right after the header."""
    start = 8 + len(data) + len(data) % 2
    entries = b"".join(
        struct.pack(f"{byteorder}HHI", tag, 3 if value < 65536 else 4, 1)
        + struct.pack(f"{byteorder}H2x" if value < 65536 else f"{byteorder}I", value)
        for tag, value in sorted(tags.items())
    )
    head = (b"II*\0" if byteorder == "<" else b"MM\0*") + struct.pack(f"{byteorder}I", start)
    count = struct.pack(f"{byteorder}H", len(tags))
    path.write_bytes(head + data.ljust(start - 8, b"\0") + count + entries + bytes(4))


GREY = {256: 3, 257: 2, 258: 16, 259: 1, 262: 1, 273: 8, 277: 1, 278: 2, 279: 12}
VALUES = np.array([[0x1212, 0x1212, 0x0100], [0xFEFF, 0x3412, 0x7856]], np.uint16)


def test_packbits_goes_through_ffmpeg(path):
    by_hand(path, {**GREY, 259: 32773, 279: len(PACKBITS)}, PACKBITS)
    assert np.array_equal(levels_of(read_picture(path))[..., 0], VALUES)


@pytest.mark.parametrize("compression", [1, 32773])
def test_white_is_zero(path, compression):
    data = VALUES.astype("<u2").tobytes() if compression == 1 else PACKBITS
    by_hand(path, {**GREY, 259: compression, 262: 0, 279: len(data)}, data)
    assert np.array_equal(levels_of(read_picture(path))[..., 0], 65535 - VALUES)


def test_only_the_high_byte_of_the_order_decides(path):
    by_hand(path, GREY, VALUES.astype(">u2").tobytes(), ">")
    assert np.array_equal(levels_of(read_picture(path))[..., 0], VALUES)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_alpha_that_was_multiplied_in_is_taken_out(path, dtype):
    top = np.iinfo(dtype).max
    alpha = np.array([0, top // 3, top // 2, top], dtype)[None, :, None]
    colour = np.full((1, 4, 3), top // 5, np.float64)
    levels = np.concatenate([(colour * alpha / top).round().astype(dtype), alpha], axis=-1)
    write(path, levels, photometric="rgb", extrasamples=["assocalpha"])
    found = levels_of(read_picture(path)).astype(int)
    assert np.array_equal(found[..., 3:], alpha)
    assert found[0, 0, :3].tolist() == [0, 0, 0]
    assert np.abs(found[0, 1:, :3] - top // 5).max() <= 2  # what rounding the product costs


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_channel_of_unknown_meaning_is_not_alpha(path, rng, dtype):
    levels = rng.integers(0, 255, (5, 6, 4)).astype(dtype)
    write(path, levels, photometric="rgb", extrasamples=["unspecified"])
    assert np.array_equal(levels_of(read_picture(path)), levels[..., :3])


def test_the_first_page_counts(path):
    with tifffile.TiffWriter(path) as file:
        for value in (1, 2):
            file.write(np.full((4, 4, 3), value, np.uint16), photometric="rgb", compression="zlib")
    assert levels_of(read_picture(path)).max() == 1


@pytest.mark.parametrize(
    ("levels", "options", "message"),
    [
        (np.zeros((4, 4, 3), np.float32), {"photometric": "rgb"}, "32 bits a channel"),
        (
            np.zeros((4, 4, 4), np.uint16),
            {"photometric": "separated"},
            "16 bits a channel, but is neither grey nor RGB",
        ),
        (np.zeros((4, 4, 3), np.int16), {"photometric": "rgb"}, "16 bits a channel, but is neither grey nor RGB"),
        (np.zeros((4, 4, 5), np.uint16), {"photometric": "rgb", "planarconfig": "contig"}, "5 channels"),
        (np.zeros((4, 4), np.float16), {"photometric": "minisblack"}, "16 bits a channel, but is neither grey nor RGB"),
    ],
)
def test_what_cannot_be_read_is_said(path, levels, options, message):
    tifffile.imwrite(path, levels, **options)
    with pytest.raises(PictureError, match=f"'picture.tif' cannot be read: it has {message}"):
        read_picture(path)


def test_big_tiff_with_the_high_byte_first_is_refused(path):
    write(path, np.zeros((4, 4, 3), np.uint16), ">", bigtiff=True)
    with pytest.raises(PictureError, match="low byte first"):
        read_picture(path)


@pytest.mark.parametrize("packing", [{}, {"compression": "zlib"}])
@pytest.mark.parametrize("layout", [{"rowsperstrip": 8}, {"tile": (16, 16)}])
def test_a_file_cut_off_anywhere_is_refused(path, rng, layout, packing):
    write(path, rng.integers(0, 65536, (40, 40, 3)).astype(np.uint16), **layout, **packing)
    whole = path.read_bytes()
    for length in range(1, len(whole), 301):
        path.write_bytes(whole[:length])
        with pytest.raises(PictureError, match="cannot be read"):
            read_picture(path)


def test_packbits_cut_off_is_refused(path):
    by_hand(path, {**GREY, 259: 32773, 279: len(PACKBITS) + 1000}, PACKBITS)
    with pytest.raises(PictureError, match="cut off"):
        read_picture(path)


def test_one_wrong_bit_in_deflated_pixels_is_found(path, rng):
    write(path, rng.integers(0, 65536, (40, 40, 3)).astype(np.uint16), compression="zlib")
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)
    with pytest.raises(PictureError, match="damaged"):
        read_picture(path)


def test_without_tifffile_the_error_says_what_to_do(path, monkeypatch):
    """Tiles packed with PackBits need it."""
    by_hand(path, {**GREY, 259: 32773, 322: 16, 323: 16, 324: 8, 325: len(PACKBITS)}, PACKBITS)
    real = builtins.__import__

    def without(name, *rest):
        if name == "tifffile":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PictureError, match="pip install tifffile"):
        read_picture(path)


def test_tags_that_make_no_sense_are_an_error_of_the_file(path, rng):
    """Whatever single number is wrong, it ends in a picture or in a PictureError."""
    for tag in GREY:
        for value in (0, 1, 5, 60000, 2**32 - 1):
            by_hand(path, {**GREY, tag: value}, VALUES.astype("<u2").tobytes())
            with contextlib.suppress(PictureError):
                assert read_picture(path).pixels.ndim == 3


# ---- writing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (333, 257)])
@pytest.mark.parametrize("channels", KINDS)
@pytest.mark.parametrize("depth", [8, 16])
def test_tifffile_and_pillow_read_what_is_written(path, rng, depth, channels, size):
    levels = rng.integers(0, 2**depth, (*size, channels)).astype(f"u{depth // 8}")
    write_picture(path, Picture(torch.from_numpy(levels / (2**depth - 1)).float(), depth), "tiff")
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        assert np.array_equal(page.asarray().reshape(levels.shape), levels)
        assert page.asarray().dtype == levels.dtype
        assert page.photometric.name == ("RGB" if channels > 2 else "MINISBLACK")
        assert [int(extra) for extra in page.extrasamples] == ([2] if channels in (2, 4) else [])
    if depth == 8:
        assert np.array_equal(np.asarray(Image.open(path)).reshape(levels.shape), levels)
    elif channels == 1:
        assert np.array_equal(np.asarray(Image.open(path)), levels[..., 0])
    assert np.array_equal(levels_of(read_picture(path)), levels)


def test_a_written_file_says_what_the_picture_says(path):
    exif = Image.Exif()
    exif[0x010F], exif[0x013B] = "a camera", "Jörg".encode()
    exif[0x8769] = {0x829A: 0.25, 0x9003: "2024:01:02 03:04:05"}
    exif[0x8825] = {1: "N", 2: (48.0, 8.0, 0.5)}
    text = {"parameters": "木\nSteps: 20", "prompt": '{"1": "ü"}', "XML:com.adobe.xmp": "<x:xmpmeta>ü</x:xmpmeta>"}
    block = exif.tobytes()[6:]
    picture = Picture(torch.zeros(4, 5, 3), 16, SRGB, block, text, (300.0, 72.5))
    write_picture(path, picture, "tiff")
    with tifffile.TiffFile(path) as file:
        tags = file.pages[0].tags
        assert tags["InterColorProfile"].value == SRGB
        assert tags["Make"].value == "a camera"
        assert tags["ImageDescription"].value == 'prompt:{"1": "ü"}'
        assert tags["XMP"].value.decode() == text["XML:com.adobe.xmp"]
        assert tags["ExifTag"].value["ExposureTime"] == 0.25
        assert "Jörg" in tags["Artist"].value
        assert [across / unit for across, unit in (tags["XResolution"].value, tags["YResolution"].value)] == [300, 72.5]
    again = read_picture(path)
    assert (again.icc, again.text, again.dpi) == (SRGB, text, (300, 72.5))
    found = Image.Exif()
    found.load(again.exif)
    assert (found[0x010F], found.get_ifd(0x8769)[0x9003]) == ("a camera", "2024:01:02 03:04:05")
    assert found.get_ifd(0x8825)[2] == (48, 8, 0.5)
    with Image.open(path) as opened:
        assert opened.info["icc_profile"] == SRGB
        opened.load()


def test_a_description_of_the_array_is_not_handed_on(path):
    tifffile.imwrite(path, np.zeros((4, 4, 3), np.uint16), photometric="rgb", software=False)
    with tifffile.TiffFile(path) as file:
        assert file.pages[0].description.startswith('{"shape"')  # what this test is about
    assert read_picture(path).exif is None


def test_a_stream_is_what_the_writer_needs():
    """Offsets count from the beginning of the file."""
    stream = io.BytesIO()
    write_tiff(stream, np.full((3, 3, 3), 9, np.uint8), Picture(torch.zeros(1, 1, 3)))
    assert np.asarray(Image.open(stream)).tolist() == np.full((3, 3, 3), 9).tolist()

"""TIFF files: what tifffile and Pillow write is read, what is written they read."""

import contextlib
import io
import struct
import zlib
from itertools import product

import numpy as np
import pytest
import tifffile
import torch
from hires_pack.pictures import FileFacts, Picture, PictureError, read_picture, write_picture
from hires_pack.pictures.formats.tiff.write import write_tiff
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
    return (picture.pixels.double() * (2**picture.facts.depth - 1)).round().numpy().astype(np.uint16)


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
        assert picture.facts.depth == 8 * levels.itemsize
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


def test_packbits_in_strips_and_tiles(path):
    by_hand(path, {**GREY, 259: 32773, 279: len(PACKBITS)}, PACKBITS)
    assert np.array_equal(levels_of(read_picture(path))[..., 0], VALUES)
    tile = (bytes([0x100 - 5]) + b"\x12" + bytes([1, 0, 1]) + bytes([0x100 - 23, 0])) + bytes([0x100 - 31, 0]) * 15
    by_hand(path, {**GREY, 259: 32773, 322: 16, 323: 16, 324: 8, 325: len(tile)}, tile)
    assert levels_of(read_picture(path))[..., 0].tolist() == [[0x1212, 0x1212, 0x1212], [0, 0, 0]]


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", None])
@pytest.mark.parametrize(("mode", "dtype"), [("I;16", np.uint16), ("F", np.float32)])
def test_what_libtiff_packs(path, rng, mode, dtype, compression):
    values = (rng.random((37, 45)) if mode == "F" else rng.integers(0, 65536, (37, 45))).astype(dtype)
    values[5:30] = values[5]  # so that there is something to pack
    Image.fromarray(values).save(path, compression=compression)
    expected = values if mode == "F" else values / np.float32(65535)
    assert torch.equal(read_picture(path).pixels[..., 0], torch.from_numpy(expected))


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
        (np.zeros((4, 4, 4), np.float32), {"photometric": "separated"}, "it has 32 bits a channel, but is neither"),
        (np.zeros((4, 4, 3), np.complex64), {"photometric": "rgb"}, "it has 64 bits a channel, of a kind of numbers"),
        (np.full((4, 4), -9, np.int16), {"photometric": "minisblack"}, "its numbers go from -9 to -9"),
        (np.zeros((4, 4, 5), np.uint16), {"photometric": "rgb", "planarconfig": "contig"}, "it has 5 channels"),
    ],
)
def test_what_cannot_be_read_is_said(path, levels, options, message):
    tifffile.imwrite(path, levels, **options)
    with pytest.raises(PictureError, match=f"'picture.tif' cannot be read: {message}"):
        read_picture(path)


# ---- other numbers than levels of 8 and 16 bits ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("byteorder", "layout"), [*product("<>", LAYOUTS), ("<", {"bigtiff": True})])
@pytest.mark.parametrize("packing", [{}, {"compression": "zlib"}], ids=["plain", "deflate"])
def test_floats_from_0_to_1_are_read_as_they_are(path, rng, packing, layout, byteorder, dtype):
    for channels in KINDS:
        if channels == 1 and "planarconfig" in layout:
            continue
        values = rng.random((37, 45, channels)).astype(dtype)
        write(path, values, byteorder, **layout, **packing)
        picture = read_picture(path)
        assert torch.equal(picture.pixels, torch.from_numpy(values.astype(np.float32)))
        assert (picture.facts.depth, picture.note) == (16, "")


@pytest.mark.parametrize("predictor", [2, 3])
@pytest.mark.parametrize("byteorder", "<>")
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_packed_as_differences(path, rng, dtype, byteorder, predictor):
    """By the letter: 2 is for numbers of that size, 3 for their bytes, the highest of the whole row first."""
    size, values = dtype().itemsize, rng.random((5, 7, 3)).astype(dtype)
    if predictor == 2:
        numbers = values.view(f"u{size}")
        packed = np.diff(numbers, axis=1, prepend=numbers.dtype.type(0)).astype(f"{byteorder}u{size}")
    else:
        octets = values.astype(f">f{size}").view(np.uint8).reshape(5, 21, size).transpose(0, 2, 1)
        packed = np.diff(octets.reshape(5, -1, 3), axis=1, prepend=np.uint8(0))
    data = zlib.compress(packed.tobytes())
    shape = {256: 7, 257: 5, 258: 8 * size, 277: 3, 278: 5}
    tags = {**shape, 259: 8, 262: 2, 273: 8, 279: len(data), 317: predictor, 339: 3}
    by_hand(path, tags, data, byteorder)
    assert torch.equal(read_picture(path).pixels, torch.from_numpy(values.astype(np.float32)))


def test_differences_of_floats_by_libtiff(path, rng):
    values = rng.random((37, 45)).astype(np.float32)
    Image.fromarray(values).save(path, compression="tiff_adobe_deflate", tiffinfo={317: 3})
    with tifffile.TiffFile(path) as file:
        assert file.pages[0].predictor == 3
    assert torch.equal(read_picture(path).pixels[..., 0], torch.from_numpy(values))


@pytest.mark.parametrize(
    ("values", "expected", "note"),
    [
        ([-0.05, 0.25, 1.02], [0, 0.25, 1], "Its numbers go from -0.05 to 1.02; 1 was taken for white, and what lies"),
        ([0.1, 0.2, 0.3, 0.4, 3.5], [0.1, 0.2, 0.3, 0.4, 1], "from 0.1 to 3.5; 1 was taken"),  # a lamp
        ([0, 51, 127.5, 255], [0, 0.2, 0.5, 1], "from 0 to 255; 255 was taken for white."),
        ([-4, 51, 255, 260], [0, 0.2, 1, 1], "from -4 to 260; 255 was taken for white, and what"),
        ([0, 13107, 65535], [0, 0.2, 1], "from 0 to 65535; 65535 was taken"),
    ],
)
def test_floats_of_another_range(path, values, expected, note, caplog):
    write(path, np.array(values, np.float32)[None, :, None])
    picture = read_picture(path)
    assert picture.pixels[0, :, 0].tolist() == pytest.approx(expected, abs=1e-6)
    assert note in picture.note
    assert note in caplog.text


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0, np.nan, np.inf], "2 of its numbers are not finite"),
        ([-1, 0, 1], "its numbers go from -1 to 1. Bring them to 0"),
        ([-9999, 0, 900], "its numbers go from -9999 to 900"),
        ([0, 1e6, 2e6], "its numbers go from 0 to 2e"),
    ],
)
def test_floats_that_are_no_picture(path, values, message):
    write(path, np.array(values, np.float32)[None, :, None])
    with pytest.raises(PictureError, match=f"'picture.tif' cannot be read: {message}"):
        read_picture(path)


@pytest.mark.parametrize(
    ("dtype", "values", "top"),
    [
        (np.uint32, [0, 2**31, 2**32 - 1], 2**32 - 1),
        (np.uint32, [0, 300, 65535], 65535),
        (np.int32, [0, 2**30, 2**31 - 1], 2**31 - 1),
        (np.int32, [0, 300, 65535], 65535),
        (np.uint64, [0, 2**62, 2**63], 2**64 - 1),
        (np.int16, [0, 16384, 32767], 32767),
        (np.int8, [0, 64, 127], 127),
    ],
)
@pytest.mark.parametrize("byteorder", "<>")
def test_other_integers(path, byteorder, dtype, values, top):
    write(path, np.array(values, dtype)[None, :, None], byteorder)
    picture = read_picture(path)
    assert picture.pixels[0, :, 0].tolist() == pytest.approx([value / top for value in values], abs=1e-6)
    assert (picture.facts.depth, f"{top}" in picture.note) == (16, True)


def test_white_is_zero_of_floats(path):
    write(path, np.array([0, 0.25, 1], np.float32)[None, :, None], photometric="miniswhite")
    assert read_picture(path).pixels[0, :, 0].tolist() == [1, 0.75, 0]


@pytest.mark.parametrize("photometric", ["cielab", "icclab"])
@pytest.mark.parametrize("depth", [8, 16])
def test_lab_becomes_srgb(path, depth, photometric):
    """L*a*b* under D50 of sRGB colours, as colour scientists list them (Lindbloom's calculator)."""
    lab = {(255, 0, 0): (54.29, 80.81, 69.89), (0, 0, 255): (29.57, 68.30, -112.03), (119, 119, 119): (50.03, 0, 0)}
    white, unit = (255, 1) if depth == 8 else (65535 if photometric == "cielab" else 0xFF00, 256)
    offset = 128 * unit if photometric == "icclab" else 0
    rows = [[light * white / 100, a * unit + offset, b * unit + offset] for light, a, b in lab.values()]
    values = np.array([rows]).round().astype(np.int64).astype(np.uint8 if depth == 8 else np.uint16)
    tifffile.imwrite(path, values, photometric=photometric)
    picture = read_picture(path)
    assert (picture.facts.depth, picture.facts.icc) == (depth, None)
    assert np.abs(picture.pixels.numpy()[0] * 255 - np.array(list(lab))).max() < (3 if depth == 8 else 0.5)


def test_lab_as_pillow_converts_it(path):
    colours = Image.fromarray(np.random.default_rng(0).integers(40, 216, (8, 12, 3)).astype(np.uint8))
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    ImageCms.profileToProfile(colours, *profiles, outputMode="LAB").save(path)
    assert np.abs(read_picture(path).pixels.numpy() * 255 - np.asarray(colours)).max() < 4  # steps of 1 in a* and b*


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"planarconfig": "separate"}], ids=str)
def test_cmyk_of_16_bits(path, options):
    inks = np.array([[[0, 0, 0, 0], [0, 65535, 65535, 0], [0, 0, 0, 65535]]], np.uint16)
    tifffile.imwrite(
        path, np.moveaxis(inks, -1, 0) if "planarconfig" in options else inks, photometric="separated", **options
    )
    picture = read_picture(path)
    assert (picture.pixels[0] * 255).round().tolist() == [[255, 255, 255], [255, 0, 0], [0, 0, 0]]
    assert picture.facts.depth == 8


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
    write_picture(path, Picture(torch.from_numpy(levels / (2**depth - 1)).float(), FileFacts(depth)), "tiff")
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
    picture = Picture(torch.zeros(4, 5, 3), FileFacts(16, SRGB, block, text, (300.0, 72.5)))
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
    again = read_picture(path).facts
    assert (again.icc, again.text, again.dpi) == (SRGB, text, (300, 72.5))
    found = Image.Exif()
    found.load(again.exif)
    assert (found[0x010F], found.get_ifd(0x8769)[0x9003]) == ("a camera", "2024:01:02 03:04:05")
    assert found.get_ifd(0x8825)[2] == (48, 8, 0.5)
    with Image.open(path) as opened:
        assert opened.info["icc_profile"] == SRGB
        opened.load()


def test_a_resolution_in_centimetres(path):
    write(path, np.zeros((4, 4, 3), np.uint8), resolution=(100, 50), resolutionunit="CENTIMETER")
    assert read_picture(path).facts.dpi == (254, 127)


def test_a_description_of_the_array_is_not_handed_on(path):
    tifffile.imwrite(path, np.zeros((4, 4, 3), np.uint16), photometric="rgb", software=False)
    with tifffile.TiffFile(path) as file:
        assert file.pages[0].description.startswith('{"shape"')  # what this test is about
    assert read_picture(path).facts.exif is None


def test_a_stream_is_what_the_writer_needs():
    """Offsets count from the beginning of the file."""
    stream = io.BytesIO()
    write_tiff(stream, np.full((3, 3, 3), 9, np.uint8), FileFacts())
    assert np.asarray(Image.open(stream)).tolist() == np.full((3, 3, 3), 9).tolist()


@pytest.mark.parametrize("before", [100, 2**18])
def test_a_classic_file_ends_at_4_gb(tmp_path, before):
    """With pixels, or with the directory behind them: offsets have 32 bits."""
    facts = FileFacts(icc=SRGB)
    with open(tmp_path / "a.tif", "w+b") as file:
        link = write_tiff(file, np.zeros((3, 3, 3), np.uint8), facts)
        file.truncate(2**32 - before)
        file.seek(0, io.SEEK_END)
        levels = np.random.default_rng(0).integers(0, 256, (300, 300, 3)).astype(np.uint8)
        with pytest.raises(PictureError, match="up to 4 GB"):
            write_tiff(file, levels, facts, link)

"""Reading pictures: files written by Pillow, tifffile and by hand have to come back value by value."""

import io
import struct
import zlib

import numpy as np
import psutil
import pytest
import torch
from hires_pack.pictures import PictureError, read_picture, read_texts
from hires_pack.pictures.base import limits
from hires_pack.pictures.base.limits import MAX_PIXELS
from hires_pack.pictures.formats import png
from hires_pack.pictures.formats.pillow import open_header
from hires_pack.pictures.source import open_source
from hires_pack.tests import png_by_hand
from PIL import Image, ImageCms

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def read(tmp_path):
    def read(content, name="picture"):
        (tmp_path / name).write_bytes(content)
        return read_picture(tmp_path / name)

    return read


def saved(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def exactly(picture, levels, depth=8):
    """Whether the picture has these levels: divided, not only close."""
    assert picture.facts.depth == depth
    assert picture.pixels.dtype == torch.float32
    expected = torch.from_numpy((np.asarray(levels, np.float64) / (2**depth - 1)).astype(np.float32))
    return torch.equal(picture.pixels, expected)


# ---- PNG ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_of_every_depth_and_channel_count(read, rng, dtype, channels, interlaced):
    levels = rng.integers(0, np.iinfo(dtype).max, (13, 17, channels), dtype, endpoint=True)
    picture = read(png_by_hand.encode(levels, interlaced=interlaced))
    assert exactly(picture, levels, 8 * levels.itemsize)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1)])
def test_png_of_one_pixel_a_side(read, rng, size):
    levels = rng.integers(0, 65536, (*size, 3)).astype(np.uint16)
    assert exactly(read(png_by_hand.encode(levels)), levels, 16)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_png_of_a_few_grey_levels(read, bits):
    top = 2**bits - 1
    row = np.arange(8) % (top + 1)
    packed = sum(int(value) << (8 * bits - bits * (i + 1)) for i, value in enumerate(row)).to_bytes(bits, "big")
    header = struct.pack(">IIBBBBB", 8, 1, bits, 0, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" + packed)), (b"IEND", b"")]
    picture = read(png_by_hand.SIGNATURE + b"".join(png_by_hand.chunk(*part) for part in parts))
    assert exactly(picture, (row * 255 // top)[None, :, None])


@pytest.mark.parametrize("transparent", [False, True])
def test_png_with_a_palette(read, rng, transparent):
    indices, palette = rng.integers(0, 4, (5, 6)).astype(np.uint8), rng.integers(0, 256, (4, 3)).astype(np.uint8)
    image = Image.fromarray(indices, "L").copy()
    image = Image.frombytes("P", (6, 5), indices.tobytes())
    image.putpalette(palette.tobytes())
    alphas = np.array([0, 60, 120, 255], np.uint8)
    content = saved(image, "PNG", **({"transparency": alphas.tobytes()} if transparent else {}))
    colours = np.concatenate([palette, alphas[:, None]], axis=1) if transparent else palette
    assert exactly(read(content), colours[indices])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_png_with_one_transparent_colour(read, rng, dtype, channels):
    levels = rng.integers(0, 3, (6, 7, channels)).astype(dtype) * (np.iinfo(dtype).max // 2)
    levels[0, 0] = levels[3, 4]
    key = levels[0, 0].astype(np.uint16)
    content = png_by_hand.encode(levels, [(b"tRNS", key.astype(">u2").tobytes())])
    alpha = np.where((levels == levels[0, 0]).all(axis=-1, keepdims=True), 0, np.iinfo(dtype).max)
    assert exactly(read(content), np.concatenate([levels, alpha], axis=-1), 8 * levels.itemsize)


def test_png_says_profile_texts_exif_and_resolution(read):
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    texts = [
        (b"tEXt", b"parameters\0B\xe4ume\nSteps: 20"),
        (b"zTXt", b"packed\0\0" + zlib.compress(b"C" * 5000)),
        (b"iTXt", "wörk\0\0\0de\0übersetzt\0木".replace("wörk", "workflow").encode()),
        (b"iTXt", b"long\0\1\0\0\0" + zlib.compress("木".encode() * 3000)),
    ]
    content = png_by_hand.encode(
        np.zeros((2, 2, 3), np.uint16),
        [
            (b"iCCP", b"name\0\0" + zlib.compress(SRGB)),
            (b"pHYs", struct.pack(">IIB", 11811, 5906, 1)),
            (b"eXIf", exif.tobytes()[6:]),
            *texts,
        ],
    )
    picture = read(content)
    assert picture.facts.icc == SRGB
    assert picture.facts.exif == exif.tobytes()[6:]
    assert [round(value) for value in picture.facts.dpi] == [300, 150]
    assert picture.facts.text == {
        "parameters": "Bäume\nSteps: 20",
        "packed": "C" * 5000,
        "workflow": "木",
        "long": "木" * 3000,
    }


def test_a_text_after_the_pixels_counts_too(read):
    whole = png_by_hand.encode(np.zeros((2, 2, 1), np.uint8))
    end = png_by_hand.chunk(b"IEND", b"")
    assert read(whole[: -len(end)] + png_by_hand.chunk(b"tEXt", b"late\0yes") + end).facts.text == {"late": "yes"}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_cut_off_anywhere_is_refused(read, rng, dtype):
    whole = png_by_hand.encode(rng.integers(0, 256, (40, 40, 3)).astype(dtype))
    for length in range(1, len(whole), 97):
        with pytest.raises(PictureError, match=r"'picture' cannot be read: .*\.$"):
            read(whole[:length])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_one_wrong_bit_in_the_pixels_is_found(read, rng, dtype):
    whole = bytearray(png_by_hand.encode(rng.integers(0, 256, (40, 40, 3)).astype(dtype)))
    whole[len(whole) // 2] ^= 1
    with pytest.raises(PictureError, match="damaged: chunk 'IDAT'"):
        read(bytes(whole))


def test_a_damaged_text_does_not_spoil_the_picture(read):
    levels = np.full((2, 2, 3), 7, np.uint8)
    bad = [(b"zTXt", b"packed\0\0nonsense"), (b"tEXt", b"no end"), (b"iCCP", b"name\0\0nonsense"), (b"pHYs", b"1")]
    content = png_by_hand.encode(levels, [*bad, (b"tEXt", b"good\0text")])
    picture = read(content)
    assert exactly(picture, levels)
    assert (picture.facts.text, picture.facts.icc, picture.facts.dpi) == ({"good": "text"}, None, None)


def test_a_text_that_unpacks_without_end_is_left_out(read):
    bomb = zlib.compress(bytes(2**26 + 1))
    content = png_by_hand.encode(np.zeros((1, 1, 3), np.uint16), [(b"zTXt", b"bomb\0\0" + bomb)])
    assert read(content).facts.text == {}


def test_all_texts_of_a_file_have_one_limit(read, caplog):
    """67108864 bytes: two of three such chunks; then there is room for little, and then for nothing."""
    third = zlib.compress(bytes(30 * 2**20))
    packed = [(b"zTXt", f"{name}\0\0".encode() + third) for name in "ab"]
    packed += [(b"iTXt", b"c\0\1\0\0\0" + third), (b"iCCP", b"d\0\0" + third), (b"tEXt", b"e\0short")]
    content = png_by_hand.encode(np.zeros((1, 1, 3), np.uint16), packed)
    picture = read(content)
    assert {key: len(value) for key, value in picture.facts.text.items()} == {"a": 30 * 2**20, "b": 30 * 2**20}
    assert picture.facts.icc is None
    assert [caplog.text.count(f"A PNG chunk '{kind}'") for kind in ("zTXt", "iTXt", "iCCP", "tEXt")] == [0, 1, 1, 1]


@pytest.mark.parametrize(("count", "size"), [(3, 30 * 2**20), (2000, 60_000)])
def test_texts_that_are_damaged_at_their_end_have_unpacked_as_much(read, count, size):
    part = bytearray(zlib.compress(bytes(size)))
    part[-1] ^= 1
    chunks = [*[(b"zTXt", b"a\0\0" + bytes(part))] * count, (b"tEXt", b"e\0short")]
    assert read(png_by_hand.encode(np.zeros((1, 1, 3), np.uint16), chunks)).facts.text == {}


@pytest.mark.slow
@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
@pytest.mark.parametrize("flaw", ["its start", "its end"])
def test_a_large_damaged_chunk_takes_no_room_from_the_others(read, rng, kind, flaw, caplog):
    """Noise hardly packs: if each byte counted as the 1032 that it could be, 70000 would fill the limit."""
    noise = rng.bytes(70_000)
    damaged = noise if flaw == "its start" else zlib.compress(noise)[:-1] + b"?"
    chunks = [
        (kind, b"a\0\0" + damaged),
        (b"tEXt", b"parameters\0Steps: 20"),
        (b"zTXt", b"packed\0\0" + zlib.compress(b"C" * (2**26 - 2**18))),
        (b"iCCP", b"name\0\0" + zlib.compress(SRGB)),
    ]
    picture = read(png_by_hand.encode(np.zeros((1, 1, 3), np.uint16), chunks))
    assert {key: len(value) for key, value in picture.facts.text.items()} == {"parameters": 9, "packed": 2**26 - 2**18}
    assert picture.facts.icc == SRGB
    assert [line.split("'")[1] for line in caplog.messages] == [kind.decode()]


@pytest.mark.slow
@pytest.mark.parametrize("spare", [0, -1])
@pytest.mark.parametrize("noise", [0, 200_000])
def test_a_text_as_long_as_the_limit(read, rng, noise, spare):
    text = bytes(2**26 - noise - spare) + rng.bytes(noise)
    chunk = (b"zTXt", b"all\0\0" + zlib.compress(text))
    found = read(png_by_hand.encode(np.zeros((1, 1, 3), np.uint16), [chunk])).facts.text
    assert found == ({"all": text.decode("latin-1")} if spare == 0 else {})


def texts_of(content, *keys):
    return read_texts(io.BytesIO(content), keys)


def test_texts_that_are_not_wanted_stay_packed(caplog):
    bomb = (b"zTXt", b"bomb\0\0" + zlib.compress(bytes(2**26 + 1)))
    chunks = [*[bomb] * 3, (b"zTXt", b"mine\0\0" + zlib.compress(b"yes")), (b"tEXt", b"other\0no")]
    content = png_by_hand.encode(np.zeros((1, 1, 3), np.uint16), chunks)
    assert texts_of(content, "mine", "parameters") == ({"mine": "yes"}, "")
    assert not caplog.text
    assert texts_of(content, "bomb", "mine") == ({}, "")


@pytest.mark.parametrize(
    ("spoil", "damage"),
    [
        (lambda whole: whole[:-20], "it is cut off"),
        (lambda whole: whole[:-20] + bytes([whole[-20] ^ 1]) + whole[-19:], "it is damaged: chunk 'IDAT' has"),
    ],
)
def test_texts_before_damaged_pixels_are_read(spoil, damage):
    spoilt = spoil(png_by_hand.encode(np.zeros((9, 9, 3), np.uint16), [(b"tEXt", b"mine\0yes")]))
    texts, found = texts_of(spoilt, "mine")
    assert texts == {"mine": "yes"}
    assert found.startswith(damage)
    with pytest.raises(PictureError, match=rf"cannot be read: {damage}.*\. Copy the file again"):
        texts_of(spoilt, "other")


def test_a_text_that_is_cut_off_itself_is_not_read():
    whole = png_by_hand.encode(np.zeros((1, 1, 3), np.uint16), [(b"tEXt", b"mine\0yes")])
    with pytest.raises(PictureError, match="it is cut off"):
        texts_of(whole[: whole.index(b"mine") + 6], "mine")


@pytest.mark.parametrize("format", ["png", "bmp", "tiff"])
def test_a_small_file_that_claims_to_be_huge_is_refused(read, format):
    side = 1 + int(MAX_PIXELS**0.5)
    if format == "png":
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        parts = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
        content = png_by_hand.SIGNATURE + b"".join(png_by_hand.chunk(*part) for part in parts)
    elif format == "bmp":
        content = bytearray(saved(Image.new("RGB", (2, 2)), "BMP"))
        content[18:26] = struct.pack("<ii", side, side)
    else:
        tags = [(256, 3, side), (257, 3, side), (258, 3, 16), (259, 3, 1), (262, 3, 1), (273, 4, 8), (279, 4, 8)]
        entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
        content = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)
    with pytest.raises(PictureError, match=f"{side}x{side} pixels"):
        read(bytes(content))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("format", ["png", "tiff"])
def test_so_few_bytes_cannot_hold_so_many_pixels(read, format, bits):
    """Below the limit, and still nothing that one wants to make room for."""
    side, packed = 20000, zlib.compress(bytes(10**5))
    if format == "png":
        header = struct.pack(">IIBBBBB", side, side, bits, 2, 0, 0, 0)
        parts = [(b"IHDR", header), (b"IDAT", packed), (b"IEND", b"")]
        content = png_by_hand.SIGNATURE + b"".join(png_by_hand.chunk(*part) for part in parts)
    else:
        shape = [(256, 3, side), (257, 3, side), (258, 3, bits), (259, 3, 8), (262, 3, 1)]
        tags = [*shape, (273, 4, 8), (277, 3, 1), (279, 4, len(packed))]
        entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
        place = 8 + len(packed)
        content = b"II*\0" + struct.pack("<I", place) + packed + struct.pack("<H", len(tags)) + entries + bytes(4)
    with pytest.raises(PictureError, match=f"it claims to have {side}x{side} pixels"):
        read(content)


def test_a_large_drawing_in_black_and_white_takes_few_bytes():
    """More pixels than Pillow takes by itself, of one bit, and more than 1032 for each of the file's bytes."""
    width, height = 40_000, 4_600
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    packed = zlib.compress(bytes((1 + width // 8) * height), 9)
    parts = [(b"IHDR", header), (b"IDAT", packed), (b"IEND", b"")]
    content = png_by_hand.SIGNATURE + b"".join(png_by_hand.chunk(*part) for part in parts)
    assert width * height > 1032 * len(content)
    info = png.read_info(io.BytesIO(content))
    limits.check_picture(info.width, info.height, info.channels, 1, len(content))


def png_header(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    return png_by_hand.SIGNATURE + b"".join(png_by_hand.chunk(*part) for part in parts)


def jp2_header(width, height):
    def box(kind, data):
        return struct.pack(">I4s", 8 + len(data), kind) + data

    inner = box(b"ihdr", struct.pack(">IIHBBBB", height, width, 3, 7, 7, 0, 0)) + box(b"colr", b"\1\0\0\0\0\0\x10")
    start = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
    shape = struct.pack(">HH8IH", 47, 0, width, height, 0, 0, width, height, 0, 0, 3) + b"\7\1\1" * 3
    codes = b"\xff\x4f\xff\x51" + shape + b"\xff\x90\0\x0a" + bytes(8)
    return start + box(b"jp2h", inner) + box(b"jp2c", codes)


def tiff_header(width, height, compression, tile):
    tags = [
        (256, width),
        (257, height),
        (258, 8),
        (259, compression),
        (262, 1),
        (322, tile),
        (323, tile),
        (324, 8),
        (325, 8),
    ]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0\x10\0\0\0" + bytes(8) + struct.pack("<H", len(tags)) + entries + bytes(4)


LARGE = 20000
CLAIMS = {
    "webp": bytes.fromhex("524946461a000000574542505650384c0e0000002ffebfff0f07101 1fd0f4444ff03".replace(" ", "")),
    "webp, extended": b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(4) + (LARGE - 1).to_bytes(3, "little") * 2,
    "webp, lossy": b"RIFF\x16\0\0\0WEBPVP8 \x0a\0\0\0\x30\1\0\x9d\1*" + struct.pack("<HH", 16383, 16383),
    "jp2": jp2_header(LARGE, LARGE),
    "gif": b"GIF89a"
    + struct.pack("<HH", LARGE, LARGE)
    + b"\0\0\0,\0\0\0\0"
    + struct.pack("<HH", LARGE, LARGE)
    + b"\0\2\0;",
    "psd": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, LARGE, LARGE, 8, 3) + bytes(12) + b"\0\0",
    "ppm": b"P6 20000 20000 255\n",
    "tga": struct.pack("<BBBHHBHHHHBB", 0, 0, 10, 0, 0, 0, 0, 0, LARGE, LARGE, 24, 32),
    "ico": struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, 100, 22) + png_header(LARGE, LARGE),
    "tiff": tiff_header(LARGE, LARGE, 5, 16),
}


@pytest.mark.parametrize("format", CLAIMS)
def test_what_unpacks_without_bound_is_refused_by_its_header(read, format, monkeypatch):
    """Also where somebody has taken Pillow's own limit away."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(PictureError, match=r"it claims to have (\d+)x\1 pixels, but is too small for that"):
        read(CLAIMS[format])


@pytest.mark.parametrize("format", ["webp", "webp, extended", "webp, lossy"])
def test_a_picture_that_is_only_named_takes_no_memory(format):
    """The plan of a graph looks at the sizes of its pictures; Pillow makes room for a WebP picture when it opens it."""
    with pytest.raises(PictureError, match="is too small for that"):
        open_header(io.BytesIO(CLAIMS[format]))


@pytest.mark.parametrize("compression", [1, 5, 7, 8])
def test_tiles_far_larger_than_the_picture_are_refused(read, tmp_path, compression):
    content = tiff_header(16, 16, compression, LARGE)
    with pytest.raises(PictureError, match="it has 16x16 pixels, but its tiles 20000x20000"):
        read(content)
    with pytest.raises(PictureError, match="it has 16x16 pixels, but its tiles 20000x20000"):
        open_source(tmp_path / "picture").__enter__()


def test_memory_is_asked_for_before_it_is_taken(read, rng, monkeypatch):
    """100x100 pixels of 3 values: their levels twice, and once 4 bytes each."""
    image = Image.fromarray(rng.integers(0, 256, (100, 100, 3)).astype(np.uint8))
    files = [saved(image, format) for format in ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")]
    deep = png_by_hand.encode(rng.integers(0, 65536, (100, 100, 3)).astype(np.uint16))
    free = psutil.virtual_memory()._replace(available=100 * 100 * 3 * 6)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    for content in files[:-2]:
        assert read(content).pixels.shape == (100, 100, 3)
    free = free._replace(available=100 * 100 * 3 * 6 - 1)
    for content in (*files[:-1], deep):
        with pytest.raises(PictureError, match=r"100x100 pixels, which take at least \d+ KB of memory, and 180 KB"):
            read(content)


def test_larger_than_the_host_allows_pillow_is_read(read, monkeypatch):
    """The host shares Pillow's limit with all packs: it stays as it is and does not count here."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    image = Image.new("RGB", (40, 40), (1, 2, 3))
    for format in ("PNG", "JPEG", "BMP", "TIFF"):
        assert read(saved(image, format)).pixels.shape == (40, 40, 3)
    with pytest.raises(PictureError, match="more pixels than Pillow takes"):
        read(saved(image, "WEBP"))
    assert Image.MAX_IMAGE_PIXELS == 10


# ---- other formats --------------------------------------------------------------------------------------------------


LOSSLESS = {
    "PNG": ("1", "L", "LA", "RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "RGB", "RGBA"),
    "WEBP": ("L", "LA", "RGB", "RGBA"),
    "BMP": ("1", "L", "RGB"),
}
"""Pillow's modes that a format holds."""


@pytest.mark.parametrize(("format", "mode"), [(format, mode) for format, modes in LOSSLESS.items() for mode in modes])
def test_lossless_formats_by_pillow(read, rng, mode, format):
    channels = {"1": 1, "L": 1, "LA": 2, "RGB": 3, "RGBA": 4}[mode]
    levels = rng.integers(0, 256, (9, 11, channels)).astype(np.uint8)
    if mode == "1":
        levels = (levels > 127).astype(np.uint8) * 255
        image = Image.fromarray(levels[..., 0]).convert("1")
    else:
        image = Image.fromarray(levels[..., 0] if channels == 1 else levels, mode)
    picture = read(saved(image, format, **({"lossless": True, "exact": True} if format == "WEBP" else {})))
    if format == "WEBP" and channels <= 2:
        levels = np.concatenate([levels[..., :1].repeat(3, axis=-1), levels[..., 1:]], axis=-1)
    assert exactly(picture, levels)


def test_the_first_picture_of_a_gif(read):
    frames = [Image.new("RGB", (4, 3), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    picture = read(saved(frames[0], "GIF", save_all=True, append_images=frames[1:], comment=b"a comment"))
    assert exactly(picture, np.full((3, 4, 3), (255, 0, 0)))
    assert picture.facts.text == {"Comment": "a comment"}


def test_jpeg_says_profile_xmp_comment_and_resolution(read, rng):
    levels = rng.integers(0, 256, (16, 16, 3)).astype(np.uint8)
    content = saved(
        Image.fromarray(levels), "JPEG", icc_profile=SRGB, dpi=(72, 96), comment=b"said", xmp=b"<x:xmpmeta/>"
    )
    picture = read(content)
    assert exactly(picture, np.asarray(Image.open(io.BytesIO(content))))
    assert picture.facts.icc == SRGB
    assert picture.facts.dpi == (72, 96)
    assert picture.facts.text == {"Comment": "said", "XML:com.adobe.xmp": "<x:xmpmeta/>"}


def test_cmyk_without_a_profile(read):
    """White paper is white, full inks are dark: Adobe's inverted values are turned back."""
    image = Image.new("CMYK", (8, 8), (0, 0, 0, 0))
    image.paste((0, 255, 255, 0), (0, 0, 4, 8))
    picture = read(saved(image, "JPEG", quality=100, subsampling=0))
    assert picture.pixels.shape == (8, 8, 3)
    assert picture.pixels[4, 1].tolist() == pytest.approx([1, 0, 0], abs=0.02)
    assert picture.pixels[4, 6].tolist() == pytest.approx([1, 1, 1], abs=0.02)
    assert picture.facts.icc is None


def test_a_cmyk_profile_that_is_none_is_not_handed_on(read):
    image = Image.new("CMYK", (8, 8), (0, 0, 0, 255))
    for format in ("JPEG", "TIFF"):
        picture = read(saved(image, format, icc_profile=b"not a profile" * 20))
        assert picture.facts.icc is None
        assert float(picture.pixels.max()) < 0.02


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
@pytest.mark.parametrize("options", [{}, {"compression": "tga_rle"}], ids=str)
def test_tga(read, rng, mode, options):
    levels = rng.integers(0, 256, (9, 11, {"L": 1, "P": 1}.get(mode, len(mode)))).astype(np.uint8)
    levels[2:5] = levels[2, 0]
    image = Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels)
    if mode == "P":
        image = image.quantize(16)
        levels = np.asarray(image.convert("RGB"))
    assert exactly(read(saved(image, "TGA", **options)), levels)


def test_a_grey_float_map(read, rng):
    values = rng.random((3, 5)).astype(np.float32)
    picture = read(b"Pf\n5 3\n-1.0\n" + values[::-1].astype("<f4").tobytes())
    assert torch.equal(picture.pixels[..., 0], torch.from_numpy(values))
    assert picture.facts.depth == 16


def test_more_than_8_bits_of_grey_in_other_formats(read):
    levels = np.array([[0, 1, 256, 65535]], np.uint16)
    content = b"P5 4 1 65535\n" + levels.astype(">u2").tobytes()
    assert exactly(read(content), levels[..., None], 16)


# ---- the orientation ------------------------------------------------------------------------------------------------

# where the corners of the upright picture a b / c d are in the file, by the EXIF standard
TURNED = {
    1: ["ab", "cd"],
    2: ["ba", "dc"],
    3: ["dc", "ba"],
    4: ["cd", "ab"],
    5: ["ac", "bd"],
    6: ["bd", "ac"],
    7: ["db", "ca"],
    8: ["ca", "db"],
}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("kind", ["png 8", "png 16", "tiff 8", "tiff 16", "webp"])
def test_the_picture_is_upright(read, kind, orientation):
    values = {"a": 10, "b": 80, "c": 160, "d": 240}
    file = np.array([[values[letter] for letter in row] for row in TURNED[orientation]], np.uint8)
    file = file.repeat(2, axis=1)[..., None].repeat(3, axis=-1)  # 4x2: exchanged sides show
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "a camera"
    if kind.startswith("png"):
        levels = file if kind == "png 8" else file.astype(np.uint16) * 257
        content = png_by_hand.encode(
            levels, [(b"eXIf", exif.tobytes()[6:]), (b"pHYs", struct.pack(">IIB", 10000, 20000, 1))]
        )
    elif kind == "webp":
        content = saved(Image.fromarray(file), "WEBP", lossless=True, exif=exif)
    elif kind == "tiff 8":
        content = saved(Image.fromarray(file), "TIFF", tiffinfo=dict(exif), dpi=(254, 508))
    else:
        tifffile = pytest.importorskip("tifffile")
        stream = io.BytesIO()
        tags = [(274, 3, 1, orientation, True), (271, 2, 0, "a camera", True)]
        tifffile.imwrite(
            stream, file.astype(np.uint16) * 257, photometric="rgb", extratags=tags, metadata=None, software=False
        )
        content = stream.getvalue()
    picture = read(content)
    corners = picture.pixels[:: picture.pixels.shape[0] - 1, :: picture.pixels.shape[1] - 1, 0]
    assert (corners * 255).round().tolist() == [[10, 80], [160, 240]]
    assert picture.pixels.shape == ((4, 2, 3) if orientation >= 5 else (2, 4, 3))
    left = Image.Exif()
    left.load(picture.facts.exif)
    assert dict(left) == {0x010F: "a camera"}
    if kind.startswith("png"):
        assert picture.facts.dpi == pytest.approx((508, 254) if orientation >= 5 else (254, 508))


# ---- what is no picture ---------------------------------------------------------------------------------------------


def test_what_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(PictureError, match=r"^'gone\.png' cannot be read: No such file or directory\.$") as caught:
        read_picture(tmp_path / "gone.png")
    assert caught.value.input_name == "image"
    with pytest.raises(PictureError, match=r"cannot be read: Is a directory\.$"):
        read_picture(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"x", b"text, not a picture\n" * 50, b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg/>", bytes(1000)]
)
def test_what_is_no_picture_is_refused(read, content):
    with pytest.raises(PictureError, match=r"it is (empty|not a picture)"):
        read(content)


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_file_cut_off_in_the_middle_is_refused(read, rng, format):
    whole = saved(Image.fromarray(rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)), format)
    with pytest.raises(PictureError, match="cut off"):
        read(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    "name", ["mit Leerzeichen.png", "木と海.png", ".hidden", "no-ending", "wrong.jpg", "a'b\"c.png"]
)
def test_odd_names(read, name):
    levels = np.full((2, 3, 3), 9, np.uint8)
    assert exactly(read(png_by_hand.encode(levels), name), levels)

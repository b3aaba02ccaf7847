"""Files with several pictures: animations and documents, read and written."""

import struct
import zlib
from fractions import Fraction

import numpy as np
import pytest
import tifffile
import torch
from hires_pack.hires.tiles.boxes import Box
from hires_pack.pictures import FileFacts, Picture, PictureError, read_picture
from hires_pack.pictures.base.levels import from_levels, to_levels, with_channels
from hires_pack.pictures.base.picture import Timing
from hires_pack.pictures.series import find_series, holds_another
from hires_pack.pictures.write_series import takes_series, write_series
from hires_pack.tests.png_by_hand import COLOUR_TYPES, SIGNATURE, chunk
from PIL import Image, ImageSequence

COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def levels_of(path):
    """Every picture of a file, `(H, W, C)` as whole numbers."""
    found = []
    for part in find_series(path).parts():
        with part as source:
            found.append(to_levels(source.read(Box(0, 0, source.width, source.height)), source.facts.depth))
    return found


def save(path, frames, **options):
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    return path


# ----------------------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("name", "options"), [("a.gif", {"loop": 0}), ("a.webp", {"lossless": True}), ("a.png", {}), ("a.avif", {})]
)
def test_all_frames_of_an_animation(name, options, tmp_path):
    frames = [Image.new("RGB", (12, 8), colour) for colour in COLOURS]
    path = save(tmp_path / name, frames, duration=[80, 90, 100], **options)
    series = find_series(path)
    assert series.sizes == ((12, 8),) * 3
    assert series.timing == Timing((80, 90, 100), 0)
    off = 3 if name == "a.avif" else 0  # which is lossy
    for levels, colour in zip(levels_of(path), COLOURS, strict=True):
        assert levels.shape == (8, 12, 3)
        assert np.abs(levels - np.array(colour)).max() <= off


@pytest.mark.parametrize(("loop", "plays"), [(None, 1), (0, 0), (2, 3)])
def test_a_gif_says_how_often_it_is_repeated(loop, plays, tmp_path):
    frames = [Image.new("RGB", (4, 3), colour) for colour in COLOURS]
    path = save(tmp_path / "a.gif", frames, **({} if loop is None else {"loop": loop}))
    assert find_series(path).timing.plays == plays


def test_frames_of_a_gif_have_the_same_channels(tmp_path):
    """One with a transparent place, others without; grey palettes and some in colour."""
    frames = [Image.new("P", (4, 3), 1), Image.new("P", (4, 3), 2)]
    frames[0].putpixel((0, 0), 0)
    for frame in frames:
        frame.putpalette([0, 0, 0, 9, 9, 9, 9, 99, 0])
    path = save(tmp_path / "a.gif", frames, transparency=0, disposal=2)
    found = levels_of(path)
    assert [levels.shape for levels in found] == [(3, 4, 4)] * 2
    assert found[0][0, 0, 3] == 0
    assert found[0][2, 2].tolist() == [9, 9, 9, 255]
    assert found[1][2, 2].tolist() == [9, 99, 0, 255]
    path = save(tmp_path / "a.gif", [Image.new("L", (4, 3), 9), Image.new("RGB", (4, 3), (9, 99, 0))])
    assert [levels[0, 0].tolist() for levels in levels_of(path)] == [[9, 9, 9], [9, 99, 0]]


def test_grey_and_opaque_pictures_get_the_channels_of_the_others():
    assert with_channels(torch.full((1, 1, 1), 0.5), 3, True).tolist() == [[[0.5, 0.5, 0.5, 1]]]
    assert with_channels(torch.tensor([[[0.5, 0.25]]]), 1, False).tolist() == [[[0.5]]]


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.tif", "a.jpg", "a.bmp", "a.avif", "a.jp2", "a.ico"])
def test_one_picture_is_no_series(name, tmp_path):
    Image.new("RGB", (16, 16), (9, 99, 0)).save(tmp_path / name)
    assert find_series(tmp_path / name) is None


def test_pages_of_a_tiff_have_their_own_size_and_kind(tmp_path, rng):
    pages = [
        rng.integers(0, 65536, (9, 7, 3)).astype(np.uint16),
        rng.integers(0, 256, (5, 8)).astype(np.uint8),
        rng.integers(0, 256, (6, 4, 3)).astype(np.uint8),
    ]
    colours = rng.integers(0, 65536, (3, 256)).astype(np.uint16)
    for big in (False, True):
        path = tmp_path / "a.tif"
        with tifffile.TiffWriter(path, bigtiff=big) as file:
            file.write(pages[0])
            file.write(pages[1], compression="deflate")
            file.write(pages[0][:4, :3] >> 8, subfiletype=1)  # a preview
            file.write(pages[2], extratags=[(274, "H", 1, 6)])  # lies on its side
            file.write(pages[1], photometric="palette", colormap=colours)  # which Pillow reads
        assert find_series(path).sizes == ((7, 9), (8, 5), (6, 4), (8, 5))
        coloured = (colours >> 8).astype(np.uint8).T[pages[1]]
        expected = [pages[0], pages[1][..., None], np.rot90(pages[2], -1), coloured]
        for found, levels in zip(levels_of(path), expected, strict=True):
            assert found.dtype == levels.dtype
            np.testing.assert_array_equal(found, levels)


def test_a_preview_in_front_is_not_taken_for_the_picture(tmp_path, rng):
    levels = rng.integers(0, 256, (9, 7, 3)).astype(np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(levels[::4, ::4], subfiletype=1)
        file.write(levels)
    assert find_series(tmp_path / "a.tif").sizes == ((7, 9),)
    np.testing.assert_array_equal(levels_of(tmp_path / "a.tif")[0], levels)


def test_pages_in_a_circle_are_damaged(tmp_path):
    path = tmp_path / "a.tif"
    frames = [Image.new("L", (4, 3), 9)] * 2
    save(path, frames)
    content = bytearray(path.read_bytes())
    first = struct.unpack_from("<I", content, 4)[0]
    count = struct.unpack_from("<H", content, first)[0]
    second = struct.unpack_from("<I", content, first + 2 + 12 * count)[0]
    count = struct.unpack_from("<H", content, second)[0]
    for place, word in ((first, "circle"), (len(content) + 9, "cut off")):
        struct.pack_into("<I", content, second + 2 + 12 * count, place)
        path.write_bytes(content)
        with pytest.raises(PictureError, match=rf"^'a\.tif' cannot be read: it is .*{word}"):
            find_series(path)


def test_frames_that_are_cut_off_are_named(tmp_path):
    noise = [Image.effect_noise((60, 40), 90) for _ in range(3)]
    for name in ("a.png", "a.webp", "a.gif"):
        path = save(tmp_path / name, noise)
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
        with pytest.raises(PictureError, match=rf"^'{name}' cannot be read: "):
            levels_of(path)


def apng(canvas, frames, plays=0, still=None):
    """An animated PNG by the letter of the specification: frames are (levels, x, y, dispose, blend, delay)."""
    first = frames[0][0]
    channels, depth = first.shape[-1], 8 * first.itemsize
    width, height = canvas
    header = struct.pack(">IIBBBBB", width, height, depth, COLOUR_TYPES[channels], 0, 0, 0)
    out = SIGNATURE + chunk(b"IHDR", header) + chunk(b"acTL", struct.pack(">II", len(frames), plays))

    def packed(levels):
        return zlib.compress(b"".join(b"\0" + row.astype(f">u{depth // 8}").tobytes() for row in levels))

    sequence = 0
    if still is not None:
        out += chunk(b"IDAT", packed(still))
    for index, (levels, x, y, dispose, blend, (delay, parts)) in enumerate(frames):
        h, w, _ = levels.shape
        out += chunk(b"fcTL", struct.pack(">IIIIIHHBB", sequence, w, h, x, y, delay, parts, dispose, blend))
        sequence += 1
        if index == 0 and still is None:
            out += chunk(b"IDAT", packed(levels))
        else:
            out += chunk(b"fdAT", struct.pack(">I", sequence) + packed(levels))
            sequence += 1
    return out + chunk(b"IEND", b"")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_frames_of_a_png_are_laid_on_each_other(dtype, tmp_path):
    """As the specification says, with both depths: half clear over clear, over half clear; cleared; restored."""
    top = np.iinfo(dtype).max
    half = top // 5 * 2  # a whole number of both depths

    def of(height, width, *pixel):
        return np.full((height, width, 4), pixel, dtype)

    first, second = of(2, 3, top, 0, 0, half), of(1, 2, 0, top, 0, half)
    frames = [
        (first, 0, 0, 0, 0, (1, 10)),
        (second, 1, 1, 2, 1, (1, 0)),
        (of(1, 1, 0, 0, top, top), 0, 0, 1, 0, (0, 1)),
        (second, 1, 1, 0, 1, (3, 2)),
    ]
    path = tmp_path / "a.png"
    path.write_bytes(apng((3, 2), frames, plays=4))
    series, found = find_series(path), levels_of(path)
    assert series.timing == Timing((100, 10, 0, 1500), 4)
    alpha = Fraction(half, top)
    whole = alpha + (1 - alpha) * alpha
    both = [round((1 - alpha) * alpha / whole * top), round(alpha / whole * top), 0, round(whole * top)]
    seen = first.copy()
    np.testing.assert_array_equal(found[0], seen)
    seen[1, 1:] = both
    np.testing.assert_array_equal(found[1], seen)
    seen = first.copy()
    seen[0, 0] = 0, 0, top, top
    np.testing.assert_array_equal(found[2], seen)
    seen[0, 0] = 0
    seen[1, 1:] = both
    np.testing.assert_array_equal(found[3], seen)


def test_a_frame_outside_of_the_picture_is_damaged(tmp_path):
    frame = np.zeros((2, 2, 3), np.uint8)
    path = tmp_path / "a.png"
    path.write_bytes(apng((2, 2), [(frame, 0, 0, 0, 0, (1, 10)), (frame, 1, 0, 0, 0, (1, 10))]))
    with pytest.raises(PictureError, match="a frame of 2x2 at 1, 0 is not inside"):
        levels_of(path)


def test_a_jpeg_with_another_picture_behind_it(tmp_path):
    views = [Image.new("RGB", (16, 16), colour) for colour in COLOURS[:2]]
    views[0].save(tmp_path / "one.jpg")
    save(tmp_path / "two.mpo", views)
    assert not holds_another(tmp_path / "one.jpg")
    assert holds_another(tmp_path / "two.mpo")
    assert find_series(tmp_path / "two.mpo") is None


# ----------------------------------------------------------------------------------------------------------- writing


def pictures(*arrays, **more):
    return [Picture(from_levels(levels), FileFacts(8 * levels.itemsize, **more)) for levels in arrays]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_animated_png(channels, dtype, tmp_path, rng):
    """What was written is read again, by another program, too."""
    arrays = [rng.integers(0, np.iinfo(dtype).max + 1, (7, 9, channels)).astype(dtype) for _ in range(3)]
    timing = Timing((40, 70000, 0.5), 3)
    path = tmp_path / "a.png"
    write_series(path, iter(pictures(*arrays, text={"parameters": "a cat"}, dpi=(72, 72))), timing, "png", 95)
    found = find_series(path)
    assert found.timing.plays == 3
    assert found.timing.durations == pytest.approx((40, 70000, 0.5), abs=0.5)
    for read, levels in zip(levels_of(path), arrays, strict=True):
        np.testing.assert_array_equal(read, levels)
    assert read_picture(path).facts.text == {"parameters": "a cat"}
    with Image.open(path) as image:
        assert image.n_frames == 3
        if dtype == np.uint8:
            for frame, levels in zip(ImageSequence.Iterator(image), arrays, strict=True):
                np.testing.assert_array_equal(np.asarray(frame).reshape(levels.shape), levels)


def test_the_still_picture_of_a_png_stays_outside_of_the_animation(tmp_path, rng):
    arrays = [rng.integers(0, 256, (3, 4, 3)).astype(np.uint8) for _ in range(3)]
    frames = [(levels, 0, 0, 0, 0, (1, 10)) for levels in arrays[1:]]
    first, second = tmp_path / "a.png", tmp_path / "b.png"
    first.write_bytes(apng((4, 3), frames, still=arrays[0]))
    timing = find_series(first).timing
    assert timing == Timing((100, 100), 0, still=True)
    assert not takes_series("webp", timing)
    write_series(second, iter(pictures(*arrays)), timing, "png", 95)
    for path in (first, second):
        assert find_series(path).timing == timing
        assert len(find_series(path)) == 3
        for read, levels in zip(levels_of(path), arrays, strict=True):
            np.testing.assert_array_equal(read, levels)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_an_animated_webp(channels, tmp_path, rng):
    arrays = [rng.integers(0, 256, (7, 9, channels)).astype(np.uint8) for _ in range(3)]
    if channels in (2, 4):
        for levels in arrays:
            levels[..., -1] |= 1  # where nothing is seen, colours are not kept
    path = tmp_path / "a.webp"
    write_series(path, iter(pictures(*arrays)), Timing((40, 50, 60), 3), "webp", 100)
    assert find_series(path).timing == Timing((40, 50, 60), 3)
    for read, levels in zip(levels_of(path), arrays, strict=True):
        colours = levels[..., :1].repeat(3, axis=-1) if channels <= 2 else levels[..., :3]
        np.testing.assert_array_equal(read[..., :3], colours)
        if channels in (2, 4):
            np.testing.assert_array_equal(read[..., 3], levels[..., -1])


def test_pages(tmp_path, rng):
    arrays = [
        rng.integers(0, 65536, (9, 7, 3)).astype(np.uint16),
        rng.integers(0, 256, (5, 8, 1)).astype(np.uint8),
        rng.integers(0, 256, (6, 3, 4)).astype(np.uint8),
    ]
    path = tmp_path / "a.tif"
    write_series(path, iter(pictures(*arrays, dpi=(300, 300))), None, "tiff", 95)
    with tifffile.TiffFile(path) as file:
        for page, levels in zip(file.pages, arrays, strict=True):
            np.testing.assert_array_equal(page.asarray().reshape(levels.shape), levels)
            assert page.tags["XResolution"].value == (300000, 1000)
    for read, levels in zip(levels_of(path), arrays, strict=True):
        np.testing.assert_array_equal(read, levels)


def test_a_series_appears_complete_or_not_at_all(tmp_path):
    def broken():
        yield from pictures(np.zeros((3, 4, 3), np.uint8))
        raise PictureError("'a.gif' cannot be read: it is cut off.", "image")

    for format in ("png", "webp"):
        with pytest.raises(PictureError, match=r"^'a\.gif' cannot be read: it is cut off\.$"):
            write_series(tmp_path / "a", broken(), Timing((1, 1), 0), format, 95)
    with pytest.raises(PictureError, match=r"^'a\.gif'"):
        write_series(tmp_path / "a", broken(), None, "tiff", 95)
    assert not list(tmp_path.iterdir())


def test_which_format_takes_what():
    timing = Timing((1, 1), 0)
    assert [takes_series(format, timing) for format in ("png", "jpeg", "webp", "tiff")] == [True, False, True, False]
    assert [takes_series(format, None) for format in ("png", "jpeg", "webp", "tiff")] == [False, False, False, True]

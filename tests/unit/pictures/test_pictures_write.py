"""Writing pictures: what other programs read has to be what was given."""

import io
import itertools

import av
import numpy as np
import pytest
import torch
from hires_pack.pictures import FORMATS, FileFacts, Picture, PictureError, read_picture, write_picture
from hires_pack.pictures.base.levels import to_levels
from hires_pack.pictures.formats.png import PngWriter
from hires_pack.tests import exif_by_hand, png_by_hand
from PIL import Image, ImageCms

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY = SRGB[:16] + b"GRAY" + SRGB[20:]


def picture_of(levels, **more):
    depth = 8 * levels.itemsize
    return Picture(torch.from_numpy((levels / (2**depth - 1)).astype(np.float32)), FileFacts(depth, **more))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def write(tmp_path):
    """Write a picture and return the file's bytes."""
    numbers = itertools.count()

    def write(picture, format, **options):
        path = tmp_path / f"{next(numbers)}.{format}"
        write_picture(path, picture, format, **options)
        assert [found.name for found in tmp_path.iterdir() if found.name.startswith(".")] == []
        return path.read_bytes()

    return write


def opened(content):
    return Image.open(io.BytesIO(content))


# ---- pixels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (200, 1), (65, 33), (130, 64)])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_by_the_letter(write, rng, dtype, channels, size):
    levels = rng.integers(0, np.iinfo(dtype).max, (*size, channels), dtype, endpoint=True)
    assert np.array_equal(png_by_hand.decode(write(picture_of(levels), "png")), levels)


def test_every_one_of_65536_levels_survives(write):
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1).repeat(3, axis=-1)
    content = write(picture_of(levels), "png")
    assert np.array_equal(png_by_hand.decode(content), levels)
    frame = next(av.open(io.BytesIO(content), format="png_pipe").decode(video=0))
    assert frame.format.name == "rgb48be"
    assert np.array_equal(frame.to_ndarray(), levels)


def test_rows_are_filtered_where_it_helps(write, rng):
    """Sideways, downwards and rough pictures want different filters."""
    y, x = np.mgrid[0:64, 0:64]
    for wave in (x * 3 + rng.integers(0, 99, (64, 1)), y * 5 + rng.integers(0, 99, (1, 64)), x * y):
        levels = (wave % 256).astype(np.uint8)[..., None].repeat(3, axis=-1)
        content = write(picture_of(levels), "png")
        assert np.array_equal(np.asarray(opened(content)), levels)
        assert len(content) < 0.6 * len(png_by_hand.encode(levels))


def test_rows_may_come_in_any_parts(rng):
    levels = rng.integers(0, 65536, (150, 9, 3)).astype(np.uint16)
    files = []
    for cuts in ([0, 150], [0, 1, 64, 65, 149, 150]):
        file = io.BytesIO()
        writer = PngWriter(file, 9, 150, 3, FileFacts(16))
        for start, end in itertools.pairwise(cuts):
            writer.write(levels[start:end])
        writer.close()
        files.append(file.getvalue())
    for content in files:
        assert np.array_equal(png_by_hand.decode(content), levels)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_webp_of_quality_100_loses_nothing(write, rng, channels):
    levels = rng.integers(0, 256, (20, 30, channels)).astype(np.uint8)
    found = np.asarray(opened(write(picture_of(levels), "webp", quality=100)))
    colours = levels[..., : channels - 1 + channels % 2]
    expected = np.concatenate([colours.repeat(3 // colours.shape[-1], axis=-1), levels[..., colours.shape[-1] :]], -1)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("format", ["jpeg", "webp"])
def test_lower_quality_is_smaller_and_still_like_it(write, format):
    y, x = np.mgrid[0:128, 0:128] / 127
    waves = torch.from_numpy(np.stack([x, y, np.sin(9 * x * y) / 2 + 0.5], -1).astype(np.float32))
    sizes = []
    for quality in (95, 40):
        content = write(Picture(waves), format, quality=quality)
        sizes.append(len(content))
        error = np.asarray(opened(content)).astype(float) / 255 - waves.numpy()
        assert np.sqrt((error**2).mean()) < 0.02
    assert sizes[1] < 0.7 * sizes[0]


@pytest.mark.parametrize("quality", [90, 89])
def test_jpeg_keeps_the_colour_of_every_pixel_at_high_quality(write, quality):
    stripes = np.tile(np.array([[255, 0, 0], [0, 0, 255]], np.uint8), (32, 16, 1))
    found = np.asarray(opened(write(picture_of(stripes), "jpeg", quality=quality))).astype(int)
    assert (np.abs(found - stripes).mean() < 20) == (quality == 90)


@pytest.mark.parametrize("channels", [2, 4])
def test_jpeg_lays_transparency_on_white(write, channels):
    pixels = torch.zeros(16, 16, channels)
    pixels[:, 8:, -1] = 0.5
    pixels[8:, :, -1] = 1
    content = write(Picture(pixels), "jpeg", quality=100)
    found = np.asarray(opened(content)).astype(int).reshape(16, 16, -1)
    assert found.shape[-1] == channels - 1
    for y, x, level in ((2, 2, 255), (2, 13, 128), (13, 2, 0), (13, 13, 0)):
        assert abs(found[y, x] - level).max() <= 2


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_kinds_of_floats(write, dtype):
    pixels = (torch.arange(48).reshape(4, 4, 3) / 64).to(dtype)  # exact in all of them
    expected = (np.arange(48).reshape(4, 4, 3) / 64 * 65535 + 0.5).astype(np.uint16)
    assert np.array_equal(png_by_hand.decode(write(Picture(pixels, FileFacts(16)), "png")), expected)


def test_values_are_rounded_and_cut_off():
    pixels = torch.tensor([[[-0.5], [0.4999 / 255], [0.5001 / 255], [1.7]]])
    assert to_levels(pixels, 8).ravel().tolist() == [0, 0, 1, 255]
    assert to_levels(pixels, 16).ravel().tolist() == [0, 128, 129, 65535]


def test_the_picture_is_left_as_it_is(write):
    pixels = torch.linspace(-1, 2, 48).reshape(4, 4, 3)
    before = pixels.clone()
    with torch.inference_mode():
        for format in FORMATS:
            write(Picture(pixels), format)
    assert torch.equal(pixels, before)


# ---- what comes with the pixels -------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(("channels", "profile"), [(3, SRGB), (4, SRGB), (1, GREY), (3, GREY), (1, SRGB)])
def test_a_profile_is_written_byte_by_byte_where_it_fits(write, format, channels, profile):
    content = write(Picture(torch.zeros(4, 4, channels), FileFacts(icc=profile)), format)
    colour = channels > 2 or format == "webp"
    fits = (profile is SRGB) == colour
    assert opened(content).info.get("icc_profile") == (profile if fits else None)


def test_png_texts_are_ascii_or_utf_8(write):
    text = {"parameters": "plain\nSteps: 20", "ä": "ö", "workflow": '{"木": "海"}', "Software": "x" * 10000}
    content = write(Picture(torch.zeros(2, 2, 3), FileFacts(text=text)), "png")
    found = png_by_hand.chunks(content)
    assert (b"tEXt", b"parameters\0plain\nSteps: 20") in found
    assert (b"iTXt", b"workflow\0\0\0\0\0" + '{"木": "海"}'.encode()) in found
    image = opened(content)
    image.load()
    assert image.text == text


@pytest.mark.parametrize("text", [{"": "no keyword"}, {"nul\0": "x"}, {"x": "nul\0"}])
def test_texts_that_png_cannot_hold_are_left_out(write, text):
    facts = FileFacts(text={**text, "good": "yes"})
    assert read_picture_of(write(Picture(torch.zeros(2, 2, 3), facts), "png")).text == {"good": "yes"}


def read_picture_of(content):
    image = opened(content)
    image.load()
    return image


def test_resolution(write):
    picture = Picture(torch.zeros(2, 2, 3), FileFacts(dpi=(300.0, 150.0)))
    for format in ("png", "jpeg", "tiff"):
        assert opened(write(picture, format)).info["dpi"] == pytest.approx((300, 150), rel=1e-4)


@pytest.mark.parametrize("format", ["jpeg", "webp", "tiff"])
def test_a1111_and_comfyui_find_their_texts(write, format):
    text = {"parameters": "木, (fish:1.2)\nSteps: 20", "prompt": '{"1": 2}', "workflow": '{"nodes": "ü"}', "other": "x"}
    content = write(Picture(torch.zeros(2, 2, 3), FileFacts(text=text)), format)
    block = content if format == "tiff" else opened(content).info["exif"].removeprefix(b"Exif\0\0")
    comment = b"UNICODE\0" + text["parameters"].encode("utf-16-be")
    assert exif_by_hand.entries(block, exif_by_hand.EXIF_IFD) == {0x9286: (exif_by_hand.UNDEFINED, comment)}
    tags = exif_by_hand.entries(block)
    assert tags[0x010E] == (exif_by_hand.ASCII, b'prompt:{"1": 2}\0')
    assert tags[0x010F] == (exif_by_hand.ASCII, 'workflow:{"nodes": "ü"}\0'.encode())
    assert format == "tiff" or set(tags) == {0x010E, 0x010F, exif_by_hand.EXIF_IFD}


def test_jpeg_leaves_out_the_longest_text_first(write, caplog):
    text = {"parameters": "Steps: 20", "prompt": '{"1": "%s"}' % ("p" * 30000), "workflow": '{"%s": 1}' % ("w" * 70000)}
    picture = Picture(torch.zeros(2, 2, 3), FileFacts(text={**text, "Comment": "c" * 70000}))
    exif = opened(write(picture, "jpeg")).getexif()
    assert exif[0x010E] == f"prompt:{text['prompt']}"
    assert 0x010F not in exif
    assert "'workflow'" in caplog.text
    assert "comment" in caplog.text
    webp = opened(write(picture, "webp")).getexif()
    assert webp[0x010F] == f"workflow:{text['workflow']}"


def test_jpeg_leaves_out_an_exif_block_that_does_not_fit(write, caplog):
    exif = Image.Exif()
    exif[0x010E] = "d" * 70000
    picture = Picture(torch.zeros(2, 2, 3), FileFacts(exif=exif.tobytes()[6:]))
    assert "exif" not in opened(write(picture, "jpeg")).info
    assert "EXIF block" in caplog.text


@pytest.mark.parametrize("format", FORMATS)
def test_everything_comes_back(tmp_path, rng, format):
    """Written and read again, by any other format in between: what all formats have a place for is still there."""
    exif = Image.Exif()
    exif[0x010F], exif[0x8769] = "a camera", {0x9003: "2024:01:02 03:04:05"}
    text = {
        "parameters": "木\nSteps: 20, Size: 8x8",
        "prompt": '{"1": "ä"}',
        "workflow": '{"nodes": []}',
        "XML:com.adobe.xmp": "<x:xmpmeta>ü</x:xmpmeta>",
    }
    picture = Picture(torch.rand(8, 8, 3), FileFacts(8, SRGB, exif.tobytes()[6:], text))
    for number, step in enumerate((format, "png", format)):
        write_picture(tmp_path / str(number), picture, step)
        picture = read_picture(tmp_path / str(number))
    assert (picture.facts.icc, picture.facts.text) == (SRGB, text)
    found = Image.Exif()
    found.load(picture.facts.exif)
    assert dict(found) == {0x010F: "a camera", 0x8769: found[0x8769]}
    assert found.get_ifd(0x8769) == {0x9003: "2024:01:02 03:04:05"}


# ---- complete or absent ---------------------------------------------------------------------------------------------


def test_nothing_is_overwritten_unasked(tmp_path):
    path = tmp_path / "taken.png"
    path.write_bytes(b"mine")
    with pytest.raises(PictureError, match=r"'taken\.png' cannot be written: there is a file of that name already\."):
        write_picture(path, Picture(torch.zeros(2, 2, 3)), "png")
    assert path.read_bytes() == b"mine"
    write_picture(path, Picture(torch.zeros(2, 2, 3)), "png", overwrite=True)
    assert opened(path.read_bytes()).size == (2, 2)


def test_a_dangling_link_counts_as_a_file(tmp_path):
    path = tmp_path / "link.png"
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(PictureError, match="already"):
        write_picture(path, Picture(torch.zeros(2, 2, 3)), "png")
    assert not (tmp_path / "nowhere").exists()


class Breaks:
    """Texts that let the writing fail in the middle."""

    def __init__(self, error):
        self.error = error

    def items(self):
        raise self.error


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), MemoryError()])
@pytest.mark.parametrize("before", [None, b"the old file"])
def test_a_failure_in_the_middle_leaves_everything_as_it_was(tmp_path, error, before):
    path = tmp_path / "picture.png"
    if before is not None:
        path.write_bytes(before)
    picture = Picture(torch.zeros(2, 2, 3), FileFacts(icc=SRGB, text=Breaks(error)))
    with pytest.raises((PictureError, KeyboardInterrupt, MemoryError)) as caught:
        write_picture(path, picture, "png", overwrite=True)
    if isinstance(error, OSError):
        assert str(caught.value) == "'picture.png' cannot be written: No space left on device."
    assert [found.name for found in tmp_path.iterdir()] == ([] if before is None else ["picture.png"])
    assert before is None or path.read_bytes() == before


def test_the_file_can_be_read_by_others(tmp_path):
    """As any file that the program writes: no stricter rights from the temporary one."""
    write_picture(tmp_path / "picture.png", Picture(torch.zeros(2, 2, 3)), "png")
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / "picture.png").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize(
    ("size", "format", "options", "message"),
    [
        ((2, 2, 3), "gif", {}, "png, jpeg, webp, tiff, but not as 'gif'"),
        ((2, 2, 5), "png", {}, "not 5 of 8"),
        ((2, 2, 3), "png", {"depth": 12}, "not 3 of 12"),
        ((1, 16384, 1), "webp", {}, "up to 16383 pixels a side, but the picture has 16384x1"),
        ((65501, 1, 1), "jpeg", {}, "up to 65500 pixels a side, but the picture has 1x65501"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path, size, format, options, message):
    with pytest.raises(PictureError, match=message):
        write_picture(tmp_path / "x", Picture(torch.zeros(size), FileFacts(**options)), format)
    assert not list(tmp_path.iterdir())


def test_no_such_folder(tmp_path):
    with pytest.raises(PictureError, match=r"'x\.png' cannot be written: No such file or directory\."):
        write_picture(tmp_path / "gone" / "x.png", Picture(torch.zeros(2, 2, 3)), "png")


@pytest.mark.parametrize("name", ["mit Leerzeichen.png", "木と海.png", ".hidden.png", "x" * 251 + ".png"])
def test_odd_names(tmp_path, name):
    write_picture(tmp_path / name, Picture(torch.zeros(2, 2, 3)), "png")
    assert [found.name for found in tmp_path.iterdir()] == [name]

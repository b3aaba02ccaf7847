"""Load Image and Save Image (16-bit, ICC) on the real host: nothing is lost between two files."""

import io
import json
import struct
import uuid
import zlib

import numpy as np
import pytest
import torch
from hires_pack.tests import png_by_hand
from hires_pack.tests.tolerances import assert_close
from PIL import Image, ImageCms

from .graphs import Graph, give, saved

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
INFOTEXT = "a fish, 木\nSteps: 20, Sampler: Euler a, Size: 512x512"
RAMP = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)


def place(host, content, ending="png"):
    """Put a file into the input folder; returns its name."""
    folder = host.base / "input"
    folder.mkdir(exist_ok=True)
    name = f"{uuid.uuid4().hex}.{ending}"
    (folder / name).write_bytes(content)
    return name


def load(g, name, channels="as in the file"):
    return g.add("HiresFixLoadImage", image=name, channels=channels)


def save(g, images, **more):
    """A Save node with a prefix of its own."""
    options = {"filename_prefix": uuid.uuid4().hex, "format": "png", "bit_depth": "auto", "quality": 95, **more}
    return g.add("HiresFixSaveImage", images=images, **options)


def probe(g, host, tensor):
    return g.add("ProbeImage", file=give(host, image=tensor), key="image")


def files(host, run, node):
    """The saved files' contents."""
    return [
        (host.base / "output" / place["subfolder"] / place["filename"]).read_bytes()
        for place in run.outputs[node.id]["files"]
    ]


def is_graph(text, graph):
    """Whether a text is the graph that ran; the host notes in it which version of a file it took."""
    found = json.loads(text)
    for node in found.values():
        node.pop("is_changed", None)
    return found == graph


def opened(content):
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_all_65536_levels_survive_with_profile_and_texts(format, host, client):
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    levels = np.concatenate([RAMP, RAMP[::-1], RAMP[:, ::-1], RAMP.transpose(1, 0, 2)], axis=-1)
    chunks = [
        (b"iCCP", b"name\0\0" + zlib.compress(SRGB)),
        (b"eXIf", exif.tobytes()[6:]),
        (b"pHYs", struct.pack(">IIB", 11811, 5906, 1)),
        (b"iTXt", b"parameters\0\0\0\0\0" + INFOTEXT.encode()),
        (b"tEXt", b'workflow\0{"of": "another graph"}'),
    ]
    g = Graph()
    image = load(g, place(host, png_by_hand.encode(levels, chunks)))
    node = save(g, image, file_info=image[2], format=format)
    run = client.queue(g, extra_data={"extra_pnginfo": {"workflow": {"nodes": []}}}).require_success()
    (content,) = files(host, run, node)
    if format == "png":
        assert np.array_equal(png_by_hand.decode(content), levels)
        found = dict(png_by_hand.chunks(content))
        assert zlib.decompress(found[b"iCCP"].split(b"\0", 2)[2]) == SRGB
        assert found[b"eXIf"] == exif.tobytes()[6:]
        assert found[b"pHYs"] == struct.pack(">IIB", 11811, 5906, 1)
        text = opened(content).text
        assert is_graph(text.pop("prompt"), g)
        assert text == {"parameters": INFOTEXT, "workflow": '{"nodes": []}'}
    else:
        tifffile = pytest.importorskip("tifffile")
        assert np.array_equal(tifffile.imread(io.BytesIO(content)), levels)
        image = opened(content)
        assert image.info["icc_profile"] == SRGB
        assert [round(value) for value in image.info["dpi"]] == [300, 150]
        assert is_graph(image.getexif()[0x010E].removeprefix("prompt:"), g)
        shown = opened(*run.images(node.id))  # a browser cannot show TIFF
        assert (shown.format, shown.mode, shown.size) == ("PNG", "RGBA", (256, 256))
        assert run.outputs[node.id]["images"][0]["type"] == "temp"


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "tiff"])
def test_core_loads_what_is_saved(format, host, client):
    y, x = np.mgrid[0:40, 0:56]
    levels = np.stack([x * 4, y * 6, 255 - x * 2], axis=-1).astype(np.uint8)
    g = Graph()
    node = save(g, probe(g, host, torch.from_numpy(levels / 255).float()[None]), format=format, quality=100)
    run = client.queue(g).require_success()
    (place,) = run.outputs[node.id]["files"]
    g = Graph()
    core, ours = g.add("LoadImage", image=f"{place['filename']} [output]"), load(g, f"{place['filename']} [output]")
    names = [g.save(image=image)[1] for image in (core, ours)]
    client.queue(g).require_success()
    for name, rounding in zip(names, (1.1, 0), strict=True):  # core takes WebP through another colour space
        image = saved(host, name)["image"]
        assert image.shape == (1, 40, 56, 3)
        error = (image[0] * 255 - torch.from_numpy(levels).float()).abs().max()
        assert error <= {"jpeg": 5, "webp": rounding}.get(format, 0) + 1e-4


@pytest.mark.parametrize("format", ["jpeg", "webp"])
def test_texts_are_where_a1111_and_the_editor_look(format, host, client):
    g = Graph()
    images = g.add("EmptyImage", width=16, height=16, batch_size=1, color=255)
    text = g.add("PrimitiveStringMultiline", value=INFOTEXT)
    node = save(g, images, format=format, parameters=text)
    run = client.queue(g, extra_data={"extra_pnginfo": {"workflow": {"nodes": ["ü"]}}}).require_success()
    exif = opened(*files(host, run, node)).getexif()
    assert exif.get_ifd(0x8769)[0x9286] == b"UNICODE\0" + INFOTEXT.encode("utf-16-be")
    assert exif[0x010E] == f"prompt:{json.dumps(g)}"
    assert exif[0x010F] == f"workflow:{json.dumps({'nodes': ['ü']})}"


def test_given_parameters_replace_those_of_the_file(host, client):
    g = Graph()
    chunks = [(b"tEXt", b"parameters\0old"), (b"tEXt", b"Software\0kept"), (b"tEXt", b"prompt\0{}")]
    image = load(g, place(host, png_by_hand.encode(RAMP[:4, :4], chunks)))
    nodes = [
        save(g, image, file_info=image[2], parameters=value)
        for value in ("new", " \n")  # blank is none
    ]
    run = client.queue(g).require_success()
    new, old = (opened(*files(host, run, node)).text for node in nodes)
    assert is_graph(new.pop("prompt"), g)
    assert is_graph(old.pop("prompt"), g)
    assert new == {"parameters": "new", "Software": "kept"}
    assert old == {"parameters": "old", "Software": "kept"}


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_channels_and_mask(channels, host, client):
    levels = np.random.default_rng(0).integers(0, 65536, (6, 9, channels)).astype(np.uint16)
    g = Graph()
    name = place(host, png_by_hand.encode(levels))
    plain, whole = load(g, name, "RGB and mask"), load(g, name)
    as_image = g.add("MaskToImage", mask=plain[1])
    names = [g.save(image=image)[1] for image in (plain, whole, as_image)]
    client.queue(g).require_success()
    plain, whole, mask = (saved(host, name)["image"] for name in names)
    values = torch.from_numpy(levels / 65535).float()[None]
    assert torch.equal(whole, values)
    assert torch.equal(plain, values[..., :3] if channels > 2 else values[..., :1].expand(-1, -1, -1, 3))
    assert torch.equal(mask[..., 0], 1 - values[..., -1] if channels in (2, 4) else torch.zeros(1, 64, 64))


@pytest.mark.parametrize(
    ("asked", "format", "in_file", "depth"),
    [
        ("auto", "png", 16, 16),
        ("auto", "png", 8, 8),
        ("8", "png", 16, 8),
        ("16", "png", 8, 16),
        ("auto", "tiff", 16, 16),
        ("auto", "jpeg", 16, 8),
        ("8", "webp", 16, 8),
        ("auto", "png", None, 8),
    ],
)
def test_bit_depth(asked, format, in_file, depth, host, client):
    g = Graph()
    image = load(g, place(host, png_by_hand.encode(np.zeros((4, 4, 1), f"u{(in_file or 8) // 8}"))))
    info = {} if in_file is None else {"file_info": image[2]}
    node = save(g, image, format=format, bit_depth=asked, **info)
    image = opened(*files(host, client.queue(g).require_success(), node))
    assert (image.mode[:4] == "I;16") == (depth == 16)


def test_batches_get_names_of_their_own_and_nothing_is_overwritten(host, client):
    prefix = f"{uuid.uuid4().hex}/of %width%x%height% no %batch_num%"
    folder = host.base / "output" / prefix.split("/")[0]
    for level in (0.0, 1.0):
        g = Graph()
        images = torch.full((3, 4, 6, 3), level)
        node = save(g, probe(g, host, images), filename_prefix=prefix)
        run = client.queue(g).require_success()
        assert [opened(content).getextrema()[0][0] for content in files(host, run, node)] == [round(level * 255)] * 3
        assert [opened(content).size for content in run.images(node.id)] == [(6, 4)] * 3
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == 6
    assert all(name.startswith("of 6x4 no ") for name in names)
    assert sorted({opened(path.read_bytes()).getextrema()[0][0] for path in folder.iterdir()}) == [0, 255]


def test_a_changed_file_is_loaded_again(host, client):
    name = place(host, png_by_hand.encode(RAMP[:4, :4]))
    g = Graph()
    image = load(g, name)
    g.save(image=image)
    assert image.id in client.queue(g).require_success().executed
    assert image.id in client.queue(g).require_success().cached
    (host.base / "input" / name).write_bytes(png_by_hand.encode(RAMP[:5, :4]))
    assert image.id in client.queue(g).require_success().executed


def test_the_images_go_on(host, client):
    g = Graph()
    images = torch.rand(2, 4, 4, 3)
    name = g.save(image=save(g, probe(g, host, images)))[1]
    client.queue(g).require_success()
    assert torch.equal(saved(host, name)["image"], images)


def test_all_frames_of_an_animation_and_all_pages(host, client):
    """As a batch; pages of another size than the first one's are left out, and the node says so."""
    frames = [Image.new("RGB", (12, 8), colour) for colour in ("red", "lime", "blue")]
    content = io.BytesIO()
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:], duration=80)
    pages = io.BytesIO()
    more = [Image.new("RGBA", (12, 8), (9, 99, 199, 51)), Image.new("L", (5, 5))]
    Image.new("L", (12, 8), 102).save(pages, "TIFF", save_all=True, append_images=more)
    g = Graph()
    image = load(g, place(host, content.getvalue(), "gif"), "RGB and mask")
    animation = g.save(image=image)[1], g.save(image=g.add("MaskToImage", mask=image[1]))[1]
    image = load(g, place(host, pages.getvalue(), "tif"))
    document = g.save(image=image)[1], g.save(image=g.add("MaskToImage", mask=image[1]))[1]
    run = client.queue(g).require_success()
    found = saved(host, animation[0])["image"]
    assert found.shape == (3, 8, 12, 3)
    assert found[:, 3, 3].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert saved(host, animation[1])["image"].shape == (3, 64, 64, 3)
    found = saved(host, document[0])["image"]
    assert found.shape == (2, 8, 12, 4)
    assert (found[:, 3, 3] * 255).round().tolist() == [[102, 102, 102, 255], [9, 99, 199, 51]]
    assert saved(host, document[1])["image"][:, 3, 3, 0].tolist() == pytest.approx([0, 0.8])
    assert [node for node, text in run.texts if "1 of the pages has another size than 12x8" in text] == [image.id]


# ---- what goes wrong ------------------------------------------------------------------------------------------------


def test_a_missing_file_is_rejected_before_anything_runs(host, client):
    g = Graph()
    g.save(image=load(g, "gone.png"))
    run = client.queue(g)
    assert run.status == "rejected"
    assert "There is no file 'gone.png' in the input folder" in run.explanation()


@pytest.mark.parametrize("name", ["../server.log", "/etc/hostname", "a\0b.png", "\ud800.png"])
def test_no_way_out_of_the_input_folder(name, host, client):
    g = Graph()
    g.save(image=load(g, name))
    run = client.queue(g)
    assert run.status == "rejected"
    assert f"There is no file {name!r} in the input folder" in run.explanation()


@pytest.mark.parametrize(
    ("content", "reason"), [(b"no picture", "not a picture, or of a format that is not known"), (None, "cut off")]
)
def test_a_file_that_cannot_be_read_is_named(content, reason, host, client):
    g = Graph()
    name = place(host, content or png_by_hand.encode(RAMP)[:5000])
    g.save(image=load(g, name))
    run = client.queue(g)
    assert run.status == "error"
    assert f"Load Image (16-bit, ICC), input 'image': '{name}' cannot be read: it is {reason}." in run.explanation()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"format": "jpeg", "bit_depth": "16"}, "input 'bit_depth': jpeg files have 8 bits"),
        ({"filename_prefix": "../outside"}, "input 'filename_prefix': '../outside' cannot be used"),
        ({"filename_prefix": " "}, "input 'filename_prefix': it is empty"),
        ({"filename_prefix": "a\0b"}, "input 'filename_prefix': 'a\\x00b' holds '\\x00'"),
        ({"filename_prefix": "a/b\nc"}, "input 'filename_prefix': 'a/b\\nc' holds '\\n'"),
        ({"filename_prefix": "a\ud800"}, "input 'filename_prefix': 'a\\ud800' holds a character"),
        ({"filename_prefix": "long/" + 250 * "x"}, "input 'filename_prefix': 'xxx.*' is too long"),
        ({"filename_prefix": 300 * "x" + "/a"}, "input 'filename_prefix': 'xxx.*File name too long"),
        ({"images": torch.zeros(1, 4, 4, 5)}, "input 'images': an image has 1 to 4 channels, but this one has 5"),
        ({"images": torch.full((1, 4, 4, 3), float("nan"))}, "input 'images': 48 of 48 values"),
        ({"images": torch.zeros(1, 1, 16384, 1), "format": "webp"}, "input 'format': .*up to 16383 pixels"),
    ],
)
def test_what_cannot_be_saved_is_said(options, words, host, client):
    g = Graph()
    images = probe(g, host, options.get("images", torch.zeros(1, 4, 4, 3)))
    save(g, images, **{key: value for key, value in options.items() if key != "images"})
    run = client.queue(g)
    assert run.status == "error"
    start, end = f"Save Image (16-bit, ICC), {words}".split(".*") if ".*" in words else (words, "")
    assert start in run.explanation()
    assert end in run.explanation()


def test_cancelling_leaves_whole_files(host, client):
    g, prefix = Graph(), uuid.uuid4().hex
    node = save(g, probe(g, host, torch.rand(60, 256, 256, 3)), filename_prefix=prefix, bit_depth="16")
    run = client.queue(g, interrupt_at=node.id, after_progress=1)
    assert run.status == "interrupted"
    names = [path for path in (host.base / "output").iterdir() if path.name.startswith((prefix, ".hires-fix-"))]
    assert 0 < len(names) < 60
    for path in names:
        assert len(dict(png_by_hand.chunks(path.read_bytes()))[b"IHDR"]) == 13


@pytest.mark.parametrize("bits", [8, 16])
def test_transparency_is_laid_over_white(bits, host, client):
    """In 8 bits as Pillow's paste does it for A1111's img2img, rounded to whole levels; in 16 bits unrounded."""
    most = 2**bits - 1
    colour, alpha = np.meshgrid(np.arange(256) * (most // 255), np.arange(256) * (most // 255))
    values = np.stack([colour, most - colour, colour, alpha], axis=-1)
    content = png_by_hand.encode(values.astype(np.uint16 if bits == 16 else np.uint8))
    g = Graph()
    shown = load(g, place(host, content), "RGB over white")
    _, name = g.save(image=shown)
    client.queue(g).require_success()
    over = (values[..., :3] * alpha[..., None] + most * (most - alpha[..., None])) / most
    wanted = torch.from_numpy((np.floor(over + 0.5) if bits == 8 else over) / most).float()
    assert_close(saved(host, name)["image"][0], wanted, 1e-6)

"""Upscale Folder on a real host that is killed on the way, with pictures good and bad."""

import os
import signal
import threading
import time

import numpy as np
import pytest
import tifffile
from hires_pack.dev.host.comfy_client import ClientError, ComfyClient
from hires_pack.pictures import read_picture
from hires_pack.pictures.folders.lock import only_job
from PIL import Image, ImageCms, ImageSequence

from .graphs import Graph

DEFAULTS = {
    "input_folder": "", "output_folder": "upscaled", "file_name": "{name}_x{scale}", "include": "*",
    "recursive": False, "resize_mode": "scale by", "upscaling_resize": 2.0, "upscaling_resize_w": 64,
    "upscaling_resize_h": 64, "upscaling_crop": True, "max_side": 0, "format": "as input", "bit_depth": "auto",
    "quality": 95, "existing": "skip", "tile_size": 0, "tile_overlap": 8,
}  # fmt: skip
BROKEN = {
    "broken 1.png": b"",
    "broken 2.png": b"no picture at all",
    "broken 3.jpg": b"\xff\xd8\xff\xe0" + bytes(40),
    "broken 5.tif": b"II*\0\xff\xff\0\0",
}
CUT_OFF = "broken 4.png"


def graph(upscaler="Lanczos", second=None, visibility=0.0, **values):
    g = Graph()
    inputs = {**DEFAULTS, **values, "upscaler": g.add("HiresFixUpscalerLoader", upscaler_name=upscaler)}
    if second:
        inputs["upscaler_2"] = g.add("HiresFixUpscalerLoader", upscaler_name=second)
        inputs["extras_upscaler_2_visibility"] = visibility
    node = g.add("HiresFixUpscaleFolder", **inputs)
    return g, node.id


def report(client, upscaler="Lanczos", **values):
    g, node_id = graph(upscaler, **values)
    return client.queue(g).require_success().outputs[node_id]["text"][0]


def refusal(client, **values):
    run = client.queue(graph(**values)[0])
    assert run.status == "error"
    return run.explanation()


def picture(path, width=8, height=6, mode="RGB", seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.random.default_rng(seed).integers(0, 256, (height, width, Image.getmodebands(mode)), np.uint8)
    Image.fromarray(levels.squeeze(), mode).save(path)
    return levels


def double(levels):
    return levels.repeat(2, axis=0).repeat(2, axis=1)


def assert_doubled(path, levels):
    """Twice the size, by a model that repeats pixels; what it never sees, alpha, is resized by a filter."""
    found = loaded(path)
    assert found.shape == double(levels).shape
    colours = 3 if levels.shape[2] >= 3 else 1
    np.testing.assert_array_equal(found[..., :colours], double(levels)[..., :colours])


def loaded(path):
    with Image.open(path) as image:
        return np.asarray(image).reshape(image.height, image.width, -1)


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_formats_depth_profile_and_texts(host, client, models, registered):
    """From and to a folder that the owner added; below the same folders as in the input."""
    source, target = registered / "in", registered / "out"
    random = np.random.default_rng(0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    deep = random.integers(0, 65536, (9, 7, 3), np.uint16)
    levels = picture(source / "a.png", mode="RGBA")
    picture(source / "b" / "c" / "a b.webp")
    picture(source / "grey.JPEG", mode="L")
    tifffile.imwrite(source / "deep.tif", deep, photometric="rgb", iccprofile=profile)
    (source / "notes.txt").write_text("no picture")
    text = report(client, models.exact_x2, input_folder=str(source), output_folder=str(target), recursive=True)
    assert text == (
        "4 pictures: 4 done, 0 skipped (there already), 0 failed\n\n"
        "Passed over (1), not a kind of picture that can be read:\n  notes.txt"
    )
    assert names(target) == ["a_x2.png", "b/c/a b_x2.webp", "deep_x2.tif", "grey_x2.jpg"]
    for name, kind in (("b/c/a b_x2.webp", "WEBP"), ("grey_x2.jpg", "JPEG")):
        with Image.open(target / name) as image:
            assert (image.size, image.format) == ((16, 12), kind)
    assert_doubled(target / "a_x2.png", levels)
    assert read_picture(target / "deep_x2.tif").facts.icc == profile
    np.testing.assert_array_equal(tifffile.imread(target / "deep_x2.tif"), double(deep))
    text = report(
        client, models.exact_x2, input_folder=str(source), output_folder="sixteen", include="*.png", bit_depth="16"
    )
    assert text.startswith("1 picture: 1 done")
    found = read_picture(host.base / "output" / "sixteen" / "a_x2.png")
    assert found.facts.depth == 16
    np.testing.assert_array_equal((found.pixels * 255).numpy()[..., :3].round(), double(levels)[..., :3])


def animation(path, count=3, mode="RGB", **options):
    """Frames of random pixels; returns their levels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(count)
    frames = [random.integers(0, 256, (6, 8, Image.getmodebands(mode)), np.uint8) for _ in range(count)]
    images = [Image.fromarray(levels.squeeze(), mode) for levels in frames]
    images[0].save(path, save_all=True, append_images=images[1:], **options)
    return frames


def frames_of(path):
    with Image.open(path) as image:
        found = []
        for frame in ImageSequence.Iterator(image):
            found.append((np.asarray(frame.convert("RGB")), frame.info.get("duration")))
        return found, image.info.get("loop")


def test_all_frames_and_pages(host, client, models):
    """Animations stay animations and documents documents where the format can; else every picture gets a number."""
    source, target = host.base / "input" / "moving", host.base / "output" / "moving"
    timing = {"duration": [80, 90, 100], "loop": 2}
    made = {name: animation(source / name, lossless=True, **timing) for name in ("a.webp", "b.png")}
    animation(source / "c.gif", **timing)
    made["c.gif"] = [levels for levels, _ in frames_of(source / "c.gif")[0]]
    pages = animation(source / "d.tif")
    kept = {"output_folder": "moving", "input_folder": "moving", "file_name": "{name}", "quality": 100}
    text = report(client, models.exact_x2, **kept)
    assert text.startswith("4 pictures: 4 done, 0 skipped (there already), 0 failed\n")
    assert names(target) == ["a.webp", "b.png", "c.png", "d.tif"]
    assert "  c.gif: all 3 frames are in 'c.png'" in text
    assert "  d.tif: all 3 pages are in 'd.tif'" in text
    for name, place, loop in (("a.webp", "a.webp", 2), ("b.png", "b.png", 2), ("c.gif", "c.png", 3)):
        found, plays = frames_of(target / place)
        assert plays == loop
        assert [duration for _, duration in found] == [80, 90, 100]
        for (levels, _), expected in zip(found, made[name], strict=True):
            np.testing.assert_array_equal(levels, double(expected))
    for levels, expected in zip(tifffile.TiffFile(target / "d.tif").pages, pages, strict=True):
        np.testing.assert_array_equal(levels.asarray(), double(expected))
    assert report(client, models.exact_x2, **kept).startswith("4 pictures: 0 done, 4 skipped")

    kept |= {"output_folder": "moving numbered", "format": "jpeg"}
    target = host.base / "output" / "moving numbered"
    picture(source / "a_002.bmp")
    text = report(client, models.exact_x2, **kept)
    assert text.startswith("5 pictures: 5 done, 0 skipped (there already), 0 failed\n")
    assert "  d.tif: its 3 pages are in files of their own, 'd_001.jpg' to 'd_003.jpg'" in text
    assert "'c_003.jpg', without their timing" in text
    mark = next(path.name for path in target.glob("a_webp_*_001.jpg")).removesuffix("001.jpg")
    others = [f"{stem}_00{index}.jpg" for stem in "bcd" for index in (1, 2, 3)]
    assert names(target) == sorted(["a_002.jpg", *others, *(f"{mark}00{index}.jpg" for index in (1, 2, 3))])
    (target / "c_002.jpg").unlink()
    assert report(client, models.exact_x2, **kept).startswith("5 pictures: 1 done, 4 skipped")
    with Image.open(target / "c_002.jpg") as image:
        assert np.abs(np.asarray(image).astype(int) - double(made["c.gif"][1])).mean() < 40

    (source / "b.png").write_bytes((source / "b.png").read_bytes()[:-300])
    text = report(client, models.exact_x2, **{**kept, "output_folder": "moving cut", "format": "png", "include": "b.*"})
    assert text.startswith("1 picture: 0 done, 0 skipped (there already), 1 failed\n")
    assert names(host.base / "output" / "moving cut") == []


def test_an_animation_whose_first_frame_alone_was_done_is_not_taken_for_done(host, client):
    source, target = host.base / "input" / "early", host.base / "output" / "early"
    animation(source / "a.gif")
    picture(target / "a_x2.png", 16, 12)
    text = report(client, input_folder="early", output_folder="early")
    assert "3 pictures of 16x12, but 'a_x2.png' is there already with 16x12" in text
    text = report(client, input_folder="early", output_folder="early", existing="overwrite")
    assert text.startswith("1 picture: 1 done")
    assert len(frames_of(target / "a_x2.png")[0]) == 3


def test_every_kind_of_picture_and_names_as_long_as_a_disk_takes(host, client):
    source, target = host.base / "input" / "kinds", host.base / "output" / "kinds"
    kinds = ("bmp", "gif", "jfif", "jpe", "avif", "jp2", "ppm", "ico", "webp", "tiff", "png")
    for ending in kinds:
        picture(source / f"{ending}.{ending}", 16, 16)
    for size in (235, 250, 255):
        picture(source / (f"{size}_".ljust(size - 4, "x") + ".png"))
    text = report(client, input_folder="kinds", output_folder="kinds")
    assert text.startswith(f"{len(kinds) + 3} pictures: {len(kinds) + 3} done, 0 skipped (there already), 0 failed\n")
    assert sorted(len(name) for name in names(target))[-3:] == [238, 253, 255]
    assert "the result is '255_xxx" in text
    assert "14 skipped" in report(client, input_folder="kinds", output_folder="kinds")


def test_the_second_job_on_a_folder_says_so(host, client):
    """A lock as another server has it, on the folder of all results and on one inside it."""
    source, target = host.base / "input" / "shared", host.base / "output" / "shared"
    picture(source / "a.png")
    picture(source / "sub" / "b.png")
    (target / "sub").mkdir(parents=True)
    job = {"input_folder": "shared", "output_folder": "shared", "recursive": True}
    with only_job(target):
        assert "input 'output_folder': another job is writing to 'shared'" in refusal(client, **job)
    assert names(target) == []
    with only_job(target / "sub"):
        text = report(client, **job)
    assert text.startswith("2 pictures: 1 done, 0 skipped (there already), 1 failed")
    assert "  sub/b.png: another job is writing to 'sub' just now." in text
    assert report(client, **job).startswith("2 pictures: 1 done, 1 skipped")


def test_two_upscalers_a_crop_and_overwriting(host, client, models):
    source, target = host.base / "input" / "blend", host.base / "output" / "blend"
    picture(source / "a.png", 40, 30)
    picture(source / "a.bmp", 40, 30)
    wanted = {"input_folder": "blend", "output_folder": "blend", "file_name": "{name}", "format": "png"}
    job = {"resize_mode": "scale to", "upscaling_resize_w": 70, "upscaling_resize_h": 90, **wanted}
    text = report(client, models.random_x2, second="Lanczos", visibility=0.3, **job)
    assert text.splitlines()[0].startswith("2 pictures: 2 done")
    assert "  a.png: the result is 'a_png.png'" in text
    assert names(target) == ["a_bmp.png", "a_png.png"]

    g = Graph()
    kept = {key: job[key] for key in ("resize_mode", "upscaling_resize_w", "upscaling_resize_h")}
    node = g.add(
        "HiresFixUpscaleImage",
        image=g.add("LoadImage", image="blend/a.png"),
        upscaler=g.add("HiresFixUpscalerLoader", upscaler_name=models.random_x2),
        upscaler_2=g.add("HiresFixUpscalerLoader", upscaler_name="Lanczos"),
        extras_upscaler_2_visibility=0.3,
        upscaling_resize=2.0,
        upscaling_crop=True,
        tile_size=0,
        tile_overlap=8,
        **kept,
    )
    save = g.add("SaveImage", images=node, filename_prefix="by the other node")
    place = client.queue(g).require_success().outputs[save.id]["images"][0]
    one = loaded(host.base / "output" / place["filename"]).astype(int)
    other = loaded(target / "a_png.png").astype(int)
    assert one.shape == (90, 70, 3)
    assert np.abs(one - other).max() <= 1  # core cuts off where we round

    before = (target / "a_png.png").read_bytes()
    assert "2 skipped" in report(client, models.exact_x2, **job)
    assert (target / "a_png.png").read_bytes() == before
    text = report(client, models.exact_x2, **wanted)
    assert "2 failed" in text
    assert "80x60" in text
    assert (target / "a_png.png").read_bytes() == before
    assert "2 done" in report(client, models.exact_x2, existing="overwrite", **wanted)
    np.testing.assert_array_equal(loaded(target / "a_png.png"), double(loaded(source / "a.png")))


def test_results_inside_the_folder_that_is_read_are_left_alone(host, client):
    source = host.base / "output" / "mine"
    picture(source / "a.png")
    for _ in range(2):
        text = report(client, input_folder="mine [output]", output_folder="mine/up", recursive=True)
        assert text.startswith("1 picture: ")
    assert names(source) == ["a.png", "up/a_x2.png"]
    assert "cannot go into the folder" in refusal(client, input_folder="mine [output]", output_folder="mine")
    picture(source / "mine" / "b.png")
    text = report(client, input_folder="mine [output]", output_folder="", recursive=True, include="b.png")
    assert "would go into the folder that is read" in text
    assert names(source) == ["a.png", "mine/b.png", "up/a_x2.png"]


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"input_folder": "/etc"}, "input_folder"),
        ({"input_folder": "../models"}, "input_folder"),
        ({"input_folder": " [temp]"}, "input_folder"),
        ({"output_folder": "../input/here"}, "output_folder"),
        ({"output_folder": "/tmp"}, "output_folder"),
        ({"output_folder": "a\0b"}, "output_folder"),
        ({"output_folder": "a\nb"}, "output_folder"),
        ({"output_folder": "a\ud800"}, "output_folder"),
        ({"output_folder": 300 * "x"}, "output_folder"),
        ({"input_folder": "a\0b"}, "input_folder"),
        ({"input_folder": "a\ud800"}, "input_folder"),
        ({"input_folder": 300 * "x"}, "input_folder"),
        ({"file_name": "{name}\0"}, "file_name"),
        ({"input_folder": "not there"}, "input_folder"),
        ({"file_name": "same"}, "file_name"),
        ({"file_name": "../{name}"}, "file_name"),
        ({"include": ","}, "include"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_refused(values, word, host, client):
    (host.base / "input").mkdir(exist_ok=True)
    before = names(host.base / "output")
    assert f"Upscale Folder, input '{word}'" in refusal(client, **values)
    assert names(host.base / "output") == before


def test_links_do_not_lead_out(host, client, tmp_path):
    picture(tmp_path / "secret.png")
    source, target = host.base / "input" / "links", host.base / "output" / "links"
    picture(source / "sub" / "a.png")
    (source / "secret.png").symlink_to(tmp_path / "secret.png")
    (source / "elsewhere").symlink_to(tmp_path, target_is_directory=True)
    target.mkdir()
    (target / "sub").symlink_to(tmp_path, target_is_directory=True)
    text = report(client, input_folder="links", output_folder="links", recursive=True)
    assert text.startswith("3 pictures: 0 done, 0 skipped (there already), 3 failed")
    assert names(tmp_path) == ["secret.png"]
    assert "not inside" in refusal(client, input_folder="links/elsewhere")


def test_cancel_keeps_what_is_done_and_the_next_run_goes_on(host, client, models):
    source, target = host.base / "input" / "cancel", host.base / "output" / "cancel"
    for index in range(12):
        picture(source / f"{index}.png", 96, 96, seed=index)
    g, node_id = graph(models.esrgan_x4, input_folder="cancel", output_folder="cancel", tile_size=64)
    run = client.queue(g, interrupt_at=node_id, after_progress=3000)
    assert run.status == "interrupted"
    done = names(target)
    assert 3 <= len(done) < 12
    text = client.queue(g).require_success().outputs[node_id]["text"][0]
    assert text == f"12 pictures: {12 - len(done)} done, {len(done)} skipped (there already), 0 failed"
    assert len(names(target)) == 12


def test_a_large_result_is_streamed(host, client):
    """134 megapixels of grey: more than the limit, and quick to make. The crop takes 508 rows off at the top.

    Stopped on the way it goes on where it was.
    """
    levels = picture(host.base / "input" / "large" / "a.png", 16, 9, "L")
    job = {"input_folder": "large", "output_folder": "large", "file_name": "{name}", "resize_mode": "scale to"}
    job |= {"upscaling_resize_w": 16384, "upscaling_resize_h": 8200}
    target = host.base / "output" / "large"
    g, node_id = graph("Nearest", **job)
    assert client.queue(g, interrupt_at=node_id, after_progress=400).status == "interrupted"
    assert names(target) == ["a.png.tif.part", "a.png.tif.part.json"]
    run = client.queue(g).require_success()
    assert min(value for name, value, _ in run.progress if name == node_id and value > 0) > 300, "it began anew"
    assert "  a.png: the result is 'a.png.tif'" in run.outputs[node_id]["text"][0]
    assert names(target) == ["a.png.tif"]
    result = tifffile.memmap(target / "a.png.tif", mode="r")
    assert result.shape == (8200, 16384)
    rows = (np.arange(8200) + 508) // 1024
    for start in range(0, 8200, 1000):
        some = slice(start, start + 1000)
        np.testing.assert_array_equal(result[some], levels[..., 0][rows[some]].repeat(1024, axis=1))
    assert "1 skipped" in report(client, "Nearest", **job)


def test_results_are_longer_than_what_is_sampled(host, client):
    """Sixteen times: as long as the format can hold, or said why not before anything is made."""
    source, target = host.base / "input" / "long", host.base / "output" / "long"
    wide = picture(source / "wide.png", 2000, 12)
    tall = picture(source / "tall.tif", 3, 1500)
    picture(source / "jpeg.jpg", 4093, 2)
    picture(source / "long jpeg.jpg", 4094, 2)
    picture(source / "webp.webp", 2, 1023)
    picture(source / "long webp.webp", 2, 1024)
    text = report(client, "Nearest", input_folder="long", output_folder="long", upscaling_resize=16.0)
    assert text.splitlines() == [
        "6 pictures: 4 done, 0 skipped (there already), 2 failed",
        "",
        "Failed:",
        "  long jpeg.jpg: 'long jpeg_x16.jpg' cannot be written: a jpeg file has up to 65500 pixels a side, but the "
        "picture has 65504x32. Use png or tiff.",
        "  long webp.webp: 'long webp_x16.webp' cannot be written: a webp file has up to 16383 pixels a side, but the "
        "picture has 32x16384. Use png or tiff.",
    ]
    assert names(target) == ["jpeg_x16.jpg", "tall_x16.tif", "webp_x16.webp", "wide_x16.png"]
    for name, levels in (("wide_x16.png", wide), ("tall_x16.tif", tall)):
        np.testing.assert_array_equal(loaded(target / name), levels.repeat(16, axis=0).repeat(16, axis=1))
    for name, size in (("jpeg_x16.jpg", (65488, 32)), ("webp_x16.webp", (32, 16368))):
        with Image.open(target / name) as image:
            assert image.size == size
    assert "4 skipped (there already), 2 failed" in report(
        client, "Nearest", input_folder="long", output_folder="long", upscaling_resize=16.0
    )


def test_a_streamed_result_is_longer_than_what_is_sampled(host, client):
    """136 megapixels of grey, 16640 pixels wide."""
    levels = picture(host.base / "input" / "longer" / "a.png", 1040, 510, "L")
    text = report(client, "Nearest", input_folder="longer", output_folder="longer", upscaling_resize=16.0)
    assert "  a.png: the result is 'a_x16.png.tif'" in text
    result = tifffile.memmap(host.base / "output" / "longer" / "a_x16.png.tif", mode="r")
    assert result.shape == (8160, 16640)
    for start in range(0, 510, 51):
        expected = levels[start : start + 51, :, 0].repeat(16, axis=0).repeat(16, axis=1)
        np.testing.assert_array_equal(result[16 * start : 16 * (start + 51)], expected)


def test_killed_in_the_middle_and_queued_again(host, models):
    """200 pictures, 5 of them broken: every good one once, none half written, the 5 listed."""
    source, target = host.base / "input" / "many", host.base / "output" / "many out"
    expected = {}
    for index in range(195):
        name, mode = f"picture {index}.png", ("RGB", "RGBA", "L")[index % 3]
        expected[f"picture {index}_x2.png"] = picture(source / name, 8 + index % 9, 16, mode, index)
    for name, content in BROKEN.items():
        (source / name).write_bytes(content)
    whole = source / "whole.png"
    picture(whole, 16, 16)
    (source / CUT_OFF).write_bytes(whole.read_bytes()[:300])
    whole.unlink()
    g, node_id = graph(models.exact_x2, input_folder="many", output_folder="many out")

    def killed():
        with pytest.raises(ClientError):
            ComfyClient(host.url).queue(g)

    thread = threading.Thread(target=killed)
    thread.start()
    deadline = time.monotonic() + 120
    while len(list(target.glob("*_x2.png"))) < 60 and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(host.pid, signal.SIGKILL)
    thread.join()
    host.wait()
    before = {path.name: path.stat() for path in target.glob("*_x2.png")}
    assert 60 <= len(before) < 195
    for name in before:
        assert_doubled(target / name, expected[name])
    (target / ".hires-fix-left-over").write_bytes(b"half of a pic")

    host.start()
    client = ComfyClient(host.url)
    text = client.queue(g).require_success().outputs[node_id]["text"][0]
    assert (
        text.splitlines()[0]
        == f"200 pictures: {195 - len(before)} done, {len(before)} skipped (there already), 5 failed"
    )
    listed = [line.split(":")[0].strip() for line in text.splitlines()[3:]]
    assert sorted(listed) == sorted([*BROKEN, CUT_OFF])
    assert names(target) == sorted(expected)
    for name, levels in expected.items():
        assert_doubled(target / name, levels)
        if name in before:
            assert (target / name).stat().st_mtime_ns == before[name].st_mtime_ns, "made twice"
    again = client.queue(g).require_success()
    assert node_id in again.executed, "the host took it from its cache"
    assert again.outputs[node_id]["text"][0].startswith("200 pictures: 0 done, 195 skipped")

"""Upscaling from disk to disk: the bytes are those of the way through memory, also after a kill."""

import json
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from hires_pack.hires.tiles.boxes import Box
from hires_pack.pictures import PictureError
from hires_pack.pictures.base.levels import from_levels
from hires_pack.pictures.formats.tiff.write import TiffLayout, TiffSink
from hires_pack.pictures.source import open_source
from hires_pack.pictures.streams.file import stream_picture
from hires_pack.pictures.streams.journal import Journal
from hires_pack.pictures.streams.pieces import Piece, cut, pieces_of_one, pieces_of_two
from hires_pack.upscale_models import CLASSICAL, TileSettings, from_state_dict, upscale_blocks, upscale_to
from hires_pack.upscale_models.tiles.working_memory import LiveBytes
from hypothesis import given, settings
from hypothesis import strategies as st
from spandrel.architectures.Compact import Compact

TILES = TileSettings(30, 6, "float32")
TESTS = Path(__file__).resolve().parents[2]


def compact(seed=0):
    torch.manual_seed(seed)
    return from_state_dict(f"compact {seed}", Compact(num_feat=4, num_conv=2, upscale=2).state_dict())


def source_file(path, channels=3, depth=8, width=75, height=95):
    random = np.random.default_rng(channels)
    levels = random.integers(0, 1 << depth, (height, width, channels), f"u{depth // 8}")
    extra = ["unassalpha"] if channels in (2, 4) else None
    colours = "rgb" if channels > 2 else "minisblack"
    planes = "contig" if channels > 1 else None
    stored = levels if channels > 1 else levels[..., 0]
    tifffile.imwrite(path, stored, photometric=colours, extrasamples=extra, planarconfig=planes)


def in_memory(path, target, upscalers, size, corner=(0, 0), window=None, visibility=0.0):
    """The whole picture at once: upscaled, blended, cropped, rounded, written by the same writer."""
    with open_source(path) as source:
        image = source.read(Box(0, 0, source.width, source.height))[None]
        large = upscale_to(image, upscalers[0], *size, TILES)
        if len(upscalers) > 1:
            large = large.lerp(upscale_to(image, upscalers[1], *size, TILES), visibility)
        width, height = window or size
        large = large[0, corner[1] : corner[1] + height, corner[0] : corner[0] + width]
        sink = TiffSink.create(target, TiffLayout(width, height, source.channels, source.facts))
        sink.write(Box(0, 0, width, height), large)
        sink.close()
    return target.read_bytes()


def stream(path, target, upscalers, size, corner=(0, 0), window=None, visibility=0.0, stop=None, job=None, **options):
    """The same piece by piece; `stop` is called with every piece."""
    with open_source(path) as source:
        width, height = window or size

        def make(marks):
            starts = marks or (0,) * len(upscalers)
            blocks = [
                upscale_blocks(source, one, *size, TILES, rows_done=start)
                for one, start in zip(upscalers, starts, strict=True)
            ]
            pieces = (
                pieces_of_one(blocks[0], size[0], starts)
                if len(blocks) == 1
                else pieces_of_two(*blocks, size[0], visibility, starts)
            )
            for piece in pieces:
                if stop:
                    stop(piece)
                yield piece

        layout = TiffLayout(width, height, source.channels, source.facts)
        stream_picture(target, layout, job or {"test": 1}, make, corner, **options)


class Stopped(BaseException):
    """Stands for the host's cancel."""


def stop_after(pieces):
    left = iter(range(pieces))

    def stop(_):
        if next(left, None) is None:
            raise Stopped

    return stop


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "depth"), [(1, 8), (2, 16), (3, 8), (4, 16)])
@pytest.mark.parametrize("size", [(150, 190), (211, 266), (40, 50), (75, 95)], ids=str)
def test_the_bytes_are_those_of_the_way_through_memory(size, depth, channels, tmp_path):
    source_file(tmp_path / "a.tif", channels, depth)
    stream(tmp_path / "a.tif", tmp_path / "b.tif", [compact()], size)
    expected = in_memory(tmp_path / "a.tif", tmp_path / "c.tif", [compact()], size)
    assert (tmp_path / "b.tif").read_bytes() == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "b.tif", "c.tif"]


@pytest.mark.parametrize("name", ["Lanczos", "Nearest"])
def test_filters_stream_as_well(name, tmp_path):
    source_file(tmp_path / "a.tif", 4)
    job = ([CLASSICAL[name]], (133, 377))
    stream(tmp_path / "a.tif", tmp_path / "b.tif", *job)
    assert (tmp_path / "b.tif").read_bytes() == in_memory(tmp_path / "a.tif", tmp_path / "c.tif", *job)


@pytest.mark.slow
@pytest.mark.parametrize("pieces", [0, 1, 3, 7, 11])
@pytest.mark.parametrize("second", [None, "Lanczos", "model"])
def test_stopped_and_taken_up_again_gives_the_same_bytes(second, pieces, tmp_path):
    """With a crop, and at every kind of place: inside a row of tiles, between two."""
    source_file(tmp_path / "a.tif", 4, 16)
    upscalers = [compact(), *{"Lanczos": [CLASSICAL["Lanczos"]], "model": [compact(1)]}.get(second, [])]
    job = {"corner": (5, 13), "window": (140, 151), "visibility": 0.3}
    paths = tmp_path / "a.tif", tmp_path / "b.tif"
    with pytest.raises(Stopped):
        stream(*paths, upscalers, (150, 190), **job, stop=stop_after(min(pieces, 3 if second else 99)))
    assert not paths[1].exists()
    assert Journal(paths[1]).part.exists()
    made = []
    stream(*paths, upscalers, (150, 190), **job, stop=made.append)
    if pieces == 11:
        assert min(piece.box.y0 for piece in made) > 0, "it began again from the top"
    expected = in_memory(tmp_path / "a.tif", tmp_path / "c.tif", upscalers, (150, 190), **job)
    assert paths[1].read_bytes() == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "b.tif", "c.tif"]


@pytest.mark.slow
@pytest.mark.parametrize("change", ["job", "layout", "journal", "part", "part gone"])
def test_something_else_begins_anew(change, tmp_path):
    source_file(tmp_path / "a.tif")
    paths = tmp_path / "a.tif", tmp_path / "b.tif"
    journal, size = Journal(paths[1]), (150, 190)
    with pytest.raises(Stopped):
        stream(*paths, [compact()], size, stop=stop_after(9))
    if change == "layout":
        size = (150, 192)
    elif change == "journal":
        (tmp_path / "b.tif.part.json").write_text('{"version": 1, "marks"')
    elif change == "part":
        with open(journal.part, "ab") as file:
            file.write(b"more")
    elif change == "part gone":
        journal.part.unlink()
    made = []
    stream(*paths, [compact()], size, stop=made.append, job={"test": 2} if change == "job" else None)
    assert made[0].box.y0 == 0
    assert paths[1].read_bytes() == in_memory(tmp_path / "a.tif", tmp_path / "c.tif", [compact()], size)


def test_parts_beside_the_file_are_for_its_job_alone(tmp_path):
    """They are gone with it, and where another one begins."""
    target, layout, found = tmp_path / "a.tif", TiffLayout(8, 8, 3), []

    def make(marks, stops):
        kept, box = Journal(target).kept(0, 1), Box(0, 0, 8, 8)
        found.append(kept.get(box) is not None)
        kept.keep(box, torch.zeros(8, 8, 3))
        if stops:
            raise Stopped
        yield Piece(box, torch.zeros(8, 8, 3), (8,))

    for job, stops in ((1, True), (1, True), (2, True), (2, False)):
        with pytest.raises(Stopped) if stops else nullcontext():
            stream_picture(target, layout, {"test": job}, lambda marks, stops=stops: make(marks, stops))
    assert found == [False, True, False, True]
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_a_finished_file_is_only_replaced_if_asked(tmp_path):
    source_file(tmp_path / "a.tif")
    paths = tmp_path / "a.tif", tmp_path / "b.tif"
    paths[1].write_bytes(b"precious")
    with pytest.raises(PictureError, match=r"b\.tif.*there already"):
        stream(*paths, [compact()], (150, 190))
    assert paths[1].read_bytes() == b"precious"
    stream(*paths, [compact()], (150, 190), overwrite=True)
    assert tifffile.imread(paths[1]).shape == (190, 150, 3)


def test_killed_between_the_last_row_and_the_new_name(tmp_path):
    """Everything is written and noted; only the name is missing."""
    source_file(tmp_path / "a.tif")
    paths = tmp_path / "a.tif", tmp_path / "b.tif"
    stream(*paths, [compact()], (150, 190))
    whole = paths[1].read_bytes()
    paths[1].rename(Journal(paths[1]).part)
    Journal(paths[1]).write({"test": 1}, (190,))
    made = []
    stream(*paths, [compact()], (150, 190), stop=made.append)
    assert paths[1].read_bytes() == whole
    assert not made


def test_a_stream_that_ends_early_is_no_finished_file(tmp_path):
    pieces = [Piece(Box(0, 0, 8, 4), torch.zeros(4, 8, 3), (4,))]
    with pytest.raises(RuntimeError, match="4 of 8 rows"):
        stream_picture(tmp_path / "a.tif", TiffLayout(8, 8, 3), {}, lambda marks: iter(pieces))
    assert not (tmp_path / "a.tif").exists()


CHILD = """
import os, signal, sys
sys.path[:0] = [{tests!r}, {unit!r}]
import conftest
import test_stream_file as t
from pathlib import Path
left = int(sys.argv[1])
def stop(piece):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
t.stream(Path(sys.argv[2]), Path(sys.argv[3]), [t.compact()], (150, 190), stop=stop)
"""


@pytest.mark.slow
def test_killed_at_half_and_run_again(tmp_path):
    """A process of its own is really killed."""
    source_file(tmp_path / "a.tif", 3, 16)
    target = tmp_path / "b.tif"
    code = CHILD.format(tests=str(TESTS), unit=str(TESTS / "unit" / "pictures"))
    command = [sys.executable, "-c", code, "9", str(tmp_path / "a.tif"), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not target.exists()
    mark = json.loads((tmp_path / "b.tif.part.json").read_text())["marks"][0]
    assert 0 < mark < 190
    made = []
    stream(tmp_path / "a.tif", target, [compact()], (150, 190), stop=made.append)
    assert made[0].box.y0 == mark
    assert target.read_bytes() == in_memory(tmp_path / "a.tif", tmp_path / "c.tif", [compact()], (150, 190))


def test_nothing_is_noted_that_is_not_on_the_disk(tmp_path, monkeypatch):
    """The order of the calls: pixels, then fsync of the picture, then the journal's new name."""
    source_file(tmp_path / "a.tif")
    calls = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: calls.append(os.readlink(f"/proc/self/fd/{fd}")) or fsync(fd))
    monkeypatch.setattr(os, "replace", lambda a, b: calls.append(f"-> {Path(b).name}") or replace(a, b))
    stream(tmp_path / "a.tif", tmp_path / "b.tif", [compact()], (150, 190))
    names = [call if call.startswith("->") else Path(call).name for call in calls]
    assert names[-1] == "-> b.tif"
    journals = [index for index, name in enumerate(names) if name == "-> b.tif.part.json"]
    assert len(journals) > 3
    for index in journals[1:]:
        assert names[index - 2 : index] == ["b.tif.part", "b.tif.part.json.new"]


def partition(draw, width, height):
    """Rows of blocks, as an upscaler makes them."""
    boxes, y = [], 0
    while y < height:
        stop = min(height, y + draw(st.integers(1, 9)))
        edges = sorted({0, width, *draw(st.lists(st.integers(1, width), max_size=3))})
        boxes += [Box(x0, y, x1, stop) for x0, x1 in pairwise(edges)]
        y = stop
    return boxes


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_two_streams_with_rows_of_any_height_blend_and_go_on_from_their_marks(data):
    width, height = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 30))
    plans = [partition(data.draw, width, height) for _ in range(2)]
    pictures = torch.rand(2, height, width, 3, generator=torch.Generator().manual_seed(0))

    def make(marks):
        streams = [
            iter([(box, picture[box.y0 : box.y1, box.x0 : box.x1]) for box in plan if box.y0 >= mark])
            for plan, picture, mark in zip(plans, pictures, marks, strict=True)
        ]
        return list(pieces_of_two(*streams, width, 0.25, marks))

    pieces = make((0, 0))
    expected = pictures[0].lerp(pictures[1], 0.25)
    result = torch.full_like(expected, -1)
    for index, (box, pixels, marks) in enumerate(pieces):
        assert (result[box.y0 : box.y1] == -1).all()
        result[box.y0 : box.y1] = pixels
        rest = make(marks) if max(marks) < height else []
        assert [(piece.box, piece.marks) for piece in rest] == [
            (piece.box, piece.marks) for piece in pieces[index + 1 :]
        ]
    assert torch.equal(result, expected)


@pytest.mark.parametrize("heights", [(128, 128), (128, 256), (256, 128)], ids=str)
def test_two_streams_hold_one_band_each(heights, tmp_path):
    """Bands cost memory by the width; beside them there are a block on its way and the rows that are rounded."""
    width, height, side = 1024, 1024, 64
    layout = TiffLayout(width, height, 3)

    def blocks(rows):
        for y in range(0, height, rows):
            for x in range(0, width, side):
                yield Box(x, y, x + side, y + rows), torch.full((rows, side, 3), y / height)

    with LiveBytes() as live:
        stream_picture(
            tmp_path / "a.tif",
            layout,
            {"test": 1},
            lambda marks: pieces_of_two(*map(blocks, heights), width, 0.5, marks or (0, 0)),
        )
    row = width * 3 * 4
    assert sum(heights) * row <= live.most <= (sum(heights) + 64) * row + 2 * max(heights) * side * 3 * 4


def test_the_marks_of_one_stream_are_whole_rows():
    boxes = [Box(0, 5, 4, 8), Box(4, 5, 9, 8), Box(0, 8, 9, 9), Box(0, 9, 2, 12)]
    pieces = pieces_of_one([(box, torch.zeros(box.height, box.width, 1)) for box in boxes], 9, (5,))
    assert [piece.marks for piece in pieces] == [(5,), (8,), (9,), (9,)]


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box(0, 0, 4, 4), None),
        (Box(5, 5, 9, 9), Box(0, 0, 4, 3)),
        (Box(0, 0, 20, 20), Box(0, 0, 6, 3)),
        (Box(6, 7, 7, 8), Box(1, 2, 2, 3)),
        (Box(11, 5, 12, 9), None),
    ],
)
def test_pieces_are_cut_to_the_window(box, expected):
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(20.0), indexing="ij")
    whole = torch.stack([x, y], dim=-1)
    found = cut(Piece(box, whole[box.y0 : box.y1, box.x0 : box.x1], (0,)), (5, 5), (6, 3))
    if expected is None:
        assert found is None
        return
    assert found[0] == expected
    window = whole[5:8, 5:11]
    assert torch.equal(found[1], window[expected.y0 : expected.y1, expected.x0 : expected.x1])


def test_sixteen_bit_values_survive(tmp_path):
    """All 65536 levels through a filter that keeps the size."""
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    tifffile.imwrite(tmp_path / "a.tif", levels[..., 0], photometric="minisblack")
    stream(tmp_path / "a.tif", tmp_path / "b.tif", [CLASSICAL["Nearest"]], (256, 256))
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.tif"), levels[..., 0])
    assert torch.equal(from_levels(levels), torch.arange(65536).div(65535).reshape(256, 256, 1))

"""Windows of one picture run by others: the same bytes as here, whatever becomes of a window."""

import itertools
import threading
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import pytest
import torch
from hires_pack.dev.fixtures import upscalers
from hires_pack.hires.tiles.boxes import Box
from hires_pack.hires.tiles.settings import TileSettings
from hires_pack.machines.jobs import ModelFile
from hires_pack.machines.models import ModelStore, sha256_of
from hires_pack.machines.pool import PoolError
from hires_pack.machines.threads import ThreadPool
from hires_pack.machines.windows import WindowHelpers, WindowRuns, window_of
from hires_pack.machines.workplace import FUNCTIONS
from hires_pack.pictures import FileFacts, Picture
from hires_pack.pictures.base.levels import to_levels
from hires_pack.pictures.source import MemorySource
from hires_pack.pictures.streams.kept import KeptParts
from hires_pack.upscale_models import CLASSICAL, CpuRuntime, ModelUpscaler, UpscalerError, upscale_blocks, upscale_to
from hires_pack.upscale_models.tiles import resize_run, run_plan, worker
from hires_pack.upscale_models.tiles.keep import Keep

CPU = torch.device("cpu")
TILES = TileSettings(48, 8)
NAMES = [upscalers.RANDOM[2], upscalers.RANDOM[4], upscalers.ESRGAN]
"""Tiles that are cut out, of networks that look a little and far."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    upscalers.write_all(folder)
    return folder


def file_of(folder, name):
    return ModelFile(name, sha256_of(folder / name), (folder / name).stat().st_size)


class Counting(ThreadPool):
    """Counts what is on its way, and does to an answer what it is told to, the first time."""

    def __init__(self, folder, spoil=None, slots=3):
        super().__init__("counting", [CPU] * slots, [folder])
        self.asked, self.spoil, self.most, self.open, self.taken, self.types = 0, spoil or {}, 0, 0, set(), set()

    def submit(self, function, *arguments):
        number, self.asked = self.asked, self.asked + 1
        self.open += 1
        self.most = max(self.most, self.open)
        spoil = self.spoil.get(number)
        if isinstance(spoil, PoolError) and number == min(self.spoil):
            raise spoil
        return Ticket(self, super().submit(function, *arguments), spoil, arguments[0])


class Ticket:
    def __init__(self, pool, ticket, spoil, window):
        self.pool, self.ticket, self.spoil = pool, ticket, spoil
        self.window = hash((window["data"], *window["covered"]))

    def wait(self, seconds):
        return self.ticket.wait(seconds)

    def result(self):
        self.pool.open -= 1
        self.pool.taken.add(self.window)
        answer = self.ticket.result()
        self.pool.types.add(answer["type"])
        if isinstance(self.spoil, Exception):
            raise self.spoil
        return {**answer, **(self.spoil or {})}

    def cancel(self):
        self.ticket.cancel()


@pytest.fixture
def helped(folder):
    """Makes helpers of a pool, which is closed in the end."""
    pools = []

    def make(names=NAMES, check=lambda: None, **options):
        pool = Counting(folder, **options)
        pools.append(pool)
        return pool, WindowHelpers(pool, {name: asdict(file_of(folder, name)) for name in names}, check)

    yield make
    for pool in pools:
        pool.close()


def model_of(folder, name):
    return ModelStore([folder]).load(file_of(folder, name))


def pictures(count=1, height=130, width=170, channels=3):
    return torch.rand(count, height, width, channels, generator=torch.Generator().manual_seed(channels))


def source_of(image):
    return MemorySource(Picture(image[0], FileFacts()))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("factor", "count", "channels"), [(2, 1, 3), (1.5, 2, 4), (6, 1, 1)])
def test_equal_bytes(name, factor, count, channels, folder, helped):
    """One run or two, with a resize by tiles or without, with alpha, several pictures."""
    sides = (40, 50) if factor > 4 else (80, 100)
    image, model = pictures(count, *sides, channels), model_of(folder, name)
    size = int(image.shape[2] * factor), int(image.shape[1] * factor)
    pool, helpers = helped()
    expected = upscale_to(image, model, *size, TILES)
    assert torch.equal(upscale_to(image, model, *size, TILES, helpers=helpers), expected)
    assert pool.asked > 3
    (tally,) = helpers.handing.tallies.values()
    assert tally.count == pool.asked
    assert helpers.handing.remarks == []


@pytest.mark.parametrize("channels", [1, 3])
def test_equal_bytes_where_tiles_fade_into_each_other(channels, folder, helped, monkeypatch):
    """The weights are applied where the model runs."""
    exact = worker.reach_of
    monkeypatch.setattr(worker, "reach_of", lambda upscaler: replace(exact(upscaler), exact=False))
    model, image = model_of(folder, NAMES[1]), pictures(2, channels=channels)
    cut = upscale_to(image, model, 680, 520, TileSettings(64, 16))
    pool, helpers = helped()
    faded = upscale_to(image, model, 680, 520, TileSettings(64, 16), helpers=helpers)
    assert torch.equal(faded, upscale_to(image, model, 680, 520, TileSettings(64, 16)))
    assert (faded - cut).abs().max() < 1e-4, "weights that do not add up to 1"
    assert pool.asked > 4
    assert helpers.handing.remarks == []


@pytest.mark.parametrize("name", NAMES)
def test_equal_blocks_also_from_a_mark_on(name, folder, helped):
    image, model = pictures(1, 80, 100), model_of(folder, name)

    def blocks(helpers, done):
        return list(upscale_blocks(source_of(image), model, 150, 120, TILES, rows_done=done, helpers=helpers))

    for done in (0, blocks(None, 0)[5].box.y0):
        expected, found = blocks(None, done), blocks(helped()[1], done)
        assert [one.box for one in found] == [one.box for one in expected]
        assert all(torch.equal(one.pixels, other.pixels) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("fades", [False, True])
@pytest.mark.parametrize(("factor", "channels"), [(2, 3), (1.5, 4), (6, 1)])
@pytest.mark.parametrize("stop", [1, 4, 6, 10])
def test_what_came_back_is_not_made_again(stop, factor, channels, fades, folder, helped, monkeypatch, tmp_path):
    """By a process that goes on after another one, which stopped inside a row of windows; one run or two."""
    exact = worker.reach_of
    for module in (worker, run_plan) if fades else ():
        monkeypatch.setattr(module, "reach_of", lambda upscaler: replace(exact(upscaler), exact=False))
    monkeypatch.setattr(resize_run, "PART", 40)
    sides = (40, 50) if factor > 4 else (130, 170)
    image, model = pictures(1, *sides, channels), model_of(folder, NAMES[0])
    width, height = int(sides[1] * factor), int(sides[0] * factor)
    tiles = TileSettings(24, 6) if factor > 4 else TILES

    def begun(helpers, done=0):
        kept = partial(kept_in, tmp_path)
        return upscale_blocks(source_of(image), model, width, height, tiles, rows_done=done, helpers=helpers, kept=kept)

    complete, alone = helped()
    expected = list(upscale_blocks(source_of(image), model, width, height, tiles, helpers=alone))
    row = sum(one.box.y0 == 0 for one in expected)
    first, helpers = helped()
    blocks = begun(helpers)
    made = [next(blocks) for _ in range(stop)]
    whole = [one for one in made if sum(other.box.y0 == one.box.y0 for other in made) == row]
    second, again = helped()
    mark = whole[-1].box.y1 if whole else 0
    found = list(begun(again, mark))
    assert [one.box for one in (*whole, *found)] == [one.box for one in expected]
    assert all(torch.equal(one.pixels, other.pixels) for one, other in zip((*whole, *found), expected, strict=True))
    assert first.taken
    assert not first.taken & second.taken
    assert first.taken | second.taken == complete.taken


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(
    ("factor", "channels", "is_small"), [(2, 3, True), (1.5, 4, True), (6, 3, False), (2, 2, True)]
)
def test_windows_of_files_travel_as_levels(factor, channels, is_small, depth, folder, helped):
    """Rounded where they are made: to the levels that the file gets of them anyway. Also where the last of two runs
    is resized as a whole, which then is rounded by nobody but the file."""
    sides = (40, 50) if factor > 4 else (80, 100)
    image, model = pictures(1, *sides, channels), model_of(folder, NAMES[0])
    job = source_of(image), model, int(sides[1] * factor), int(sides[0] * factor), TILES
    pool, helpers = helped()
    found = list(upscale_blocks(*job, helpers=helpers, depth=depth))
    for one, expected in zip(found, upscale_blocks(*job), strict=True):
        assert np.array_equal(to_levels(one.pixels, depth), to_levels(expected.pixels, depth))
    assert helpers.handing.remarks == []
    assert pool.types == ({f"uint{depth}"} if is_small else {"float32", f"uint{depth}"})


def kept_in(folder, run):
    return KeptParts(folder / str(run))


def test_a_row_of_windows_is_kept_and_no_more_than_are_on_their_way(folder, helped, tmp_path):
    image, model = pictures(1, 200, 130), model_of(folder, NAMES[0])
    _, helpers = helped()
    kept = partial(kept_in, tmp_path)
    blocks = upscale_blocks(source_of(image), model, 260, 400, TILES, helpers=helpers, kept=kept)
    boxes, most = [], 0
    for block in blocks:
        boxes.append(block.box)
        most = max(most, len(list(tmp_path.glob("0/*.npy"))))
    row = sum(box.y0 == 0 for box in boxes)
    assert row < most <= row + helpers.room() + 1
    assert len(boxes) > 3 * row


def test_windows_of_smaller_tiles_are_not_taken_for_those_of_larger_ones(folder, helped, monkeypatch, tmp_path):
    """After memory ran out nothing more is kept, for places then say less."""
    image, model = pictures(1, 200, 200), model_of(folder, NAMES[0])
    job, real = (source_of(image), model, 400, 400, TileSettings(144, 8, "float32")), ModelUpscaler.apply
    left = itertools.count()
    expected = put_together(upscale_blocks(*job))

    def short(upscaler, pixels):
        # here; the helpers are threads
        if threading.current_thread() is threading.main_thread() and pixels.shape[-1] > 80 and next(left) < 1:
            raise RuntimeError("short")
        return real(upscaler, pixels)

    monkeypatch.setattr(ModelUpscaler, "apply", short)
    for spoil in ({3: {"failed": "no memory"}}, {}):
        _, helpers = helped(spoil=spoil)
        made = upscale_blocks(*job, Short(), helpers=helpers, kept=partial(kept_in, tmp_path))
        assert torch.allclose(put_together(made), expected, atol=1e-5)
        assert {path.name for path in tmp_path.glob("0/*")} == {"92-0.npy", *([] if spoil else ["92-92.npy"])}
    assert next(left) == 1, "memory did not run out"


def put_together(blocks):
    made = torch.zeros(400, 400, 3)
    for box, pixels in blocks:
        made[box.y0 : box.y1, box.x0 : box.x1] = pixels
    return made


def test_small_pictures_are_on_their_way_together(folder, helped):
    """Each of them is one window: all helpers have some."""
    image, model = pictures(9, 20, 20), model_of(folder, NAMES[0])
    pool, helpers = helped()
    assert torch.equal(
        upscale_to(image, model, 40, 40, TILES, helpers=helpers), upscale_to(image, model, 40, 40, TILES)
    )
    assert pool.asked == 9
    assert pool.most == 8


def test_no_more_is_on_its_way_than_there_is_room_for(folder, helped):
    pool, helpers = helped()
    upscale_to(pictures(), model_of(folder, NAMES[0]), 340, 260, TILES, helpers=helpers)
    assert helpers.room() == 4
    assert pool.most == 5  # and the one that is being started


@pytest.mark.parametrize(
    ("spoil", "remark"),
    [
        ({"failed": "no memory for it"}, "because at worker: no memory for it"),
        ({"data": b"short"}, "gave no window of (1, 96, 96, 3)"),
        ({"shape": [1, 96, 32, 9]}, "gave no window of (1, 96, 96, 3)"),
        ({"type": "object"}, "gave no window of"),
        (RuntimeError("odd"), "a worker failed (RuntimeError: odd); done by this machine"),
        (PoolError("gone."), "gone. This machine goes on alone"),
    ],
)
def test_what_a_worker_does_not_do_is_done_here(spoil, remark, folder, helped):
    image, model = pictures(1, 96, 96), model_of(folder, NAMES[0])
    if isinstance(spoil, dict):
        spoil = {**spoil, "who": "worker"}
    _, helpers = helped(spoil={2: spoil})
    tiles = TileSettings(64, 8)
    expected = upscale_to(image, model, 192, 192, tiles)
    assert torch.equal(upscale_to(image, model, 192, 192, tiles, helpers=helpers), expected)
    assert len(helpers.handing.remarks) == 1
    assert remark in helpers.handing.remarks[0]


class Short(CpuRuntime):
    def is_out_of_memory(self, error):
        return str(error) == "short"


def test_a_window_that_fits_nowhere_is_done_in_smaller_ones(folder, helped, monkeypatch):
    """Neither at the worker nor here: the tile size goes down for all that follow, and the picture is right."""
    image, model = pictures(1, 96, 96), model_of(folder, NAMES[0])
    expected = upscale_to(image, model, 192, 192, TileSettings(160, 8))
    pool, helpers = helped(spoil={0: {"failed": "no memory"}})
    left = itertools.count()

    def short(upscaler, pixels):
        # here; the helpers are threads
        if threading.current_thread() is threading.main_thread() and pixels.shape[-1] > 80 and next(left) < 1:
            raise RuntimeError("short")
        return real(upscaler, pixels)

    real = ModelUpscaler.apply
    monkeypatch.setattr(ModelUpscaler, "apply", short)
    found = upscale_to(image, model, 192, 192, TileSettings(160, 8), Short(), helpers=helpers)
    assert torch.allclose(found, expected, atol=1e-5)
    assert pool.asked > 1


def test_a_model_that_helpers_do_not_have_and_filters_are_done_here(folder, helped):
    image = pictures()
    for upscaler in (model_of(folder, NAMES[0]), CLASSICAL["Lanczos"]):
        pool, helpers = helped(names=[])
        found = upscale_to(image, upscaler, 340, 260, TILES, helpers=helpers)
        assert torch.equal(found, upscale_to(image, upscaler, 340, 260, TILES))
        assert pool.asked == 0


def test_a_cancel_is_heard_while_a_window_is_waited_for(folder, helped, monkeypatch):
    monkeypatch.setitem(FUNCTIONS, "window", lambda *_: stuck.wait(60))
    stuck, asked = threading.Event(), itertools.count()

    def check():
        if next(asked) == 3:
            raise KeyboardInterrupt

    _, helpers = helped(check=check)
    with pytest.raises(KeyboardInterrupt):
        upscale_to(pictures(), model_of(folder, NAMES[0]), 340, 260, TILES, helpers=helpers)
    stuck.set()


def test_a_window_travels_as_plain_data_and_says_what_is_wrong_with_it(folder):
    """Numbers of any format, and nothing that would have to be unpickled."""
    name = NAMES[0]
    keep = Keep(Box(0, 0, 40, 40), Box(0, 0, 40, 40))
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        window = window_of(asdict(file_of(folder, name)), "float32", pictures(1, 20, 20).to(dtype), keep)
        assert {type(value) for value in window.values()} == {dict, str, list, bytes, int}
        made = WindowRuns(ModelStore([folder]).load).do(window, CpuRuntime())
        assert (made["shape"], made["type"], len(made["data"])) == ([1, 40, 40, 3], "float32", 40 * 40 * 3 * 4)
    with pytest.raises(Exception, match="other bytes than its shape"):
        WindowRuns(ModelStore([folder]).load).do({**window, "data": b""}, CpuRuntime())
    with pytest.raises(UpscalerError, match="is not here"):
        WindowRuns(ModelStore([]).load).do(window, CpuRuntime())

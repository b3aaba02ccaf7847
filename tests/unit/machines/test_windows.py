"""Windows of one picture run by others: the same bytes as here, whatever becomes of a window."""

import itertools
import threading
from dataclasses import asdict, replace

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
from hires_pack.upscale_models import CLASSICAL, CpuRuntime, UpscalerError, upscale_blocks, upscale_to
from hires_pack.upscale_models.tiles import worker
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
        self.asked, self.spoil, self.most, self.open = 0, spoil or {}, 0, 0

    def submit(self, function, *arguments):
        number, self.asked = self.asked, self.asked + 1
        self.open += 1
        self.most = max(self.most, self.open)
        spoil = self.spoil.get(number)
        if isinstance(spoil, PoolError) and number == min(self.spoil):
            raise spoil
        return Ticket(self, super().submit(function, *arguments), spoil)


class Ticket:
    def __init__(self, pool, ticket, spoil):
        self.pool, self.ticket, self.spoil = pool, ticket, spoil

    def wait(self, seconds):
        return self.ticket.wait(seconds)

    def result(self):
        self.pool.open -= 1
        answer = self.ticket.result()
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


def test_equal_bytes_where_tiles_fade_into_each_other(folder, helped, monkeypatch):
    """The weights are applied where the model runs."""
    exact = worker.reach_of
    monkeypatch.setattr(worker, "reach_of", lambda upscaler: replace(exact(upscaler), exact=False))
    model, image = model_of(folder, NAMES[1]), pictures(2)
    cut = upscale_to(image, model, 680, 520, TileSettings(64, 16))
    pool, helpers = helped()
    faded = upscale_to(image, model, 680, 520, TileSettings(64, 16), helpers=helpers)
    assert torch.equal(faded, upscale_to(image, model, 680, 520, TileSettings(64, 16)))
    assert (faded - cut).abs().max() < 1e-4, "weights that do not add up to 1"
    assert pool.asked > 4


@pytest.mark.parametrize("name", NAMES)
def test_equal_blocks_also_from_a_mark_on(name, folder, helped):
    image, model = pictures(1, 80, 100), model_of(folder, name)

    class Source:
        height, width, channels = image.shape[1:]

        def read(self, box):
            return image[0, box.y0 : box.y1, box.x0 : box.x1]

    def blocks(helpers, done):
        return list(upscale_blocks(Source(), model, 150, 120, TILES, rows_done=done, helpers=helpers))

    for done in (0, blocks(None, 0)[5].box.y0):
        expected, found = blocks(None, done), blocks(helped()[1], done)
        assert [one.box for one in found] == [one.box for one in expected]
        assert all(torch.equal(one.pixels, other.pixels) for one, other in zip(found, expected, strict=True))


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


def test_a_window_that_fits_nowhere_is_done_in_smaller_ones(folder, helped):
    """Neither at the worker nor here: the tile size goes down for all that follow, and the picture is right."""
    image, model = pictures(1, 96, 96), model_of(folder, NAMES[0])
    expected = upscale_to(image, model, 192, 192, TileSettings(160, 8))
    pool, helpers = helped(spoil={0: {"failed": "no memory"}})
    left = itertools.count()

    def short(pixels):
        if pixels.shape[-1] > 80 and next(left) < 1:
            raise RuntimeError("short")
        return real(pixels)

    real = model.apply
    object.__setattr__(model, "apply", short)
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
        assert {type(value) for value in window.values()} == {dict, str, list, bytes}
        made = WindowRuns(ModelStore([folder]).load).do(window, CpuRuntime())
        assert (made["shape"], made["type"], len(made["data"])) == ([1, 40, 40, 3], "float32", 40 * 40 * 3 * 4)
    with pytest.raises(Exception, match="other bytes than its shape"):
        WindowRuns(ModelStore([folder]).load).do({**window, "data": b""}, CpuRuntime())
    with pytest.raises(UpscalerError, match="is not here"):
        WindowRuns(ModelStore([]).load).do(window, CpuRuntime())

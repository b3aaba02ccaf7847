"""Upscalers that are told where windows lie, with other processes at work, each with a ComfyUI, on a real host."""

import re

import pytest
import torch
from hires_pack.dev.fixtures import ldsr
from PIL import Image

from .graphs import Graph, saved
from .test_diffusion_upscaler import Job, pictures
from .test_folder import DEFAULTS as FOLDER
from .test_ldsr import NAME, enlarging
from .test_redraw_workers import House, drawn
from .test_workers import all_end, listed  # noqa: F401 - a fixture among them

WINDOWED = {"tile_size": 64, "overlap": 16}
SMALL = {"tile_size": 64, "tile_overlap": 0}
"""Windows of LDSR that take little time."""


@pytest.fixture(scope="module")
def house(host, tmp_path_factory):
    """Two workers whose folder of LDSR is their own."""
    base = tmp_path_factory.mktemp("house") / "base"
    made = House(host, base)
    (base / "models").unlink()
    (base / "models" / "LDSR").mkdir(parents=True)
    for path in (host.base / "models").iterdir():
        if path.name != "LDSR":
            (base / "models" / path.name).symlink_to(path)
    for path in (host.base / "models" / "LDSR").iterdir():
        (base / "models" / "LDSR" / path.name).symlink_to(path)
    made.ldsr = base / "models" / "LDSR" / ldsr.FILE
    yield made
    made.process.stdin.close()
    made.process.wait(30)
    made.process.stdout.close()


class Folder:
    """Pictures of a name, upscaled."""

    def __init__(self, host, client, name):
        self.host, self.client, self.name = host, client, name
        self.source, self.target = host.base / "input" / name, host.base / "output" / name
        self.source.mkdir()

    def picture(self, name, width, height, mode="RGB"):
        bands = [Image.effect_noise((width, height), 60) for _ in Image.new(mode, (1, 1)).getbands()]
        (Image.merge(mode, bands) if len(bands) > 1 else bands[0]).save(self.source / name)

    def queue(self, g, upscaler, **values):
        folders = {"input_folder": self.name, "output_folder": self.name, **SMALL}
        node = g.add("HiresFixUpscaleFolder", **{**FOLDER, **folders, **values}, upscaler=upscaler)
        return self.client.queue(g), node.id

    def run(self, g, upscaler, **values):
        """The report."""
        run, node = self.queue(g, upscaler, **values)
        return run.require_success().outputs[node]["text"][0]

    def content(self, name):
        return (self.target / name).read_bytes()


def of_ldsr(g):
    return g.add("HiresFixUpscalerLoader", upscaler_name=NAME)


def test_a_process_of_this_machine(host, client, models, listed):  # noqa: F811 - a fixture
    """It starts with the job, with this ComfyUI's own folders and packs, and ends with it."""
    folder = Folder(host, client, "drawn by one")
    folder.picture("a.png", 70, 30)
    listed("a process:\n  processes: 1\n  threads: 1\n")
    texts = []
    for workers in ("this device", "a process"):
        job = Job(host, models.family("sd1"), pictures(8, 8))
        name = f"{{name}} {workers}"
        texts.append(folder.run(job.graph, job.upscaler(**WINDOWED), file_name=name, workers=workers))
    assert folder.content("a this device.png") == folder.content("a a process.png")
    assert sum(drawn(texts[1]).values()) > 1
    assert all_end()


def test_ldsr_of_one_picture(host, client, house, listed):  # noqa: F811 - a fixture
    """Transparency, a batch, windows of both: what this device makes."""
    listed(house.entry)
    made = []
    for workers in ("this device", "house"):
        graph, large = enlarging(host, pictures(20, 15, 4, 2))
        graph[large.id]["inputs"] |= {**SMALL, "workers": workers}
        _, name = graph.save(image=large)
        client.queue(graph).require_success()
        made.append(saved(host, name)["image"])
    assert torch.equal(*made)
    (told,) = re.findall(r"Workers of 'house': (.*)", host.log())
    counts = [int(count) for count in re.findall(r": (\d+) windows? in", told)]
    assert len(counts) == 2
    assert "done by this machine" not in told


def test_a_folder_by_the_windows_of_two_upscalers(host, client, models, house, listed):  # noqa: F811 - a fixture
    """Both draw, each with a seed of its own, or one is a model of a file; a grey picture, too."""
    folder = Folder(host, client, "two at workers")
    folder.picture("a.png", 70, 30)
    folder.picture("b.png", 30, 20, "L")

    def upscalers(with_model):
        job = Job(host, models.family("sd1"), pictures(8, 8))
        model = {"upscaler_name": models.random_x2}
        second = job.add("HiresFixUpscalerLoader", **model) if with_model else job.upscaler(seed=6)
        return job.graph, job.upscaler(**WINDOWED), {"upscaler_2": second, "extras_upscaler_2_visibility": 0.4}

    listed(house.entry)
    for with_model in (True, False):
        texts = []
        for workers in ("this device", "house"):
            g, first, second = upscalers(with_model)
            house.take_files()
            name = f"{{name}} {workers} {with_model}"
            texts.append(folder.run(g, first, file_name=name, workers=workers, include="*.png", **second))
        assert "2 done" in texts[1], texts[1]
        assert len(drawn(texts[1])) == 2, texts[1]
        assert "done by this machine" not in texts[1]
        assert "left out" not in texts[1]
        for picture in ("a", "b"):
            alone, by_two = (folder.content(f"{picture} {who} {with_model}.png") for who in ("this device", "house"))
            assert alone == by_two


def test_memory_that_runs_out_at_workers(host, client, models, house, listed):  # noqa: F811 - a fixture
    """This machine then draws the window, in tiles as it does alone."""
    folder = Folder(host, client, "memory at workers")
    folder.picture("a.png", 320, 160)
    listed(house.entry)
    for workers in ("this device", "house"):
        job = Job(host, models.family("sd1"), pictures(8, 8), local=True)
        job.graph[job.model.id]["inputs"] |= {"cells": 1100, "cells_after": 0}
        house.take_files()
        upscaler = job.upscaler(tile_size=384, overlap=128)
        values = {"file_name": f"{{name}} {workers}", "workers": workers, "tile_size": 0, "tile_overlap": -1}
        text = folder.run(job.graph, upscaler, **values)
        assert "1 done" in text, text
    assert folder.content("a this device.png") == folder.content("a house.png")
    assert re.search(r"done by this machine, because at \S+: .*memory ran out", text), text


def test_workers_that_lack_the_file_or_have_it_otherwise(host, client, house, listed):  # noqa: F811 - a fixture
    folder = Folder(host, client, "lacking")
    folder.picture("a.png", 20, 20)
    listed(house.entry)
    kept = house.ldsr.readlink()
    house.ldsr.unlink()
    try:
        for content in (b"", b"other weights"):
            if content:
                house.ldsr.write_bytes(content)
            g = Graph()
            said = folder.queue(g, of_ldsr(g), workers="house")[0].explanation()
            assert "Upscale Folder, input 'workers': no worker of 'house' can do this. " in said
            assert said.count(f"is left out: it has no '{NAME}' in its folder") == 2
    finally:
        house.ldsr.unlink(missing_ok=True)
        house.ldsr.symlink_to(kept)

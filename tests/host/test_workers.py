"""Upscale Folder and Upscale Image with other processes at work, on a real host."""

import io
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .graphs import Graph
from .test_folder import graph, names, picture, report

TWO = "two processes:\n  processes: 2\n  threads: 1\n"


@pytest.fixture
def listed(host):
    """Writes the owner's list of workers; it is gone after the test."""
    file = host.base / "user" / "hires_fix_workers.yaml"

    def write(text):
        file.write_text(text, encoding="utf-8")

    yield write
    file.unlink(missing_ok=True)


def processes():
    """Of workers of the server that are alive."""
    found = []
    for process in children(os.getpid()):
        try:
            if b"worker.py\0--serve" in Path(f"/proc/{process}/cmdline").read_bytes():
                found.append(process)
        except OSError:
            continue
    return found


def all_end():
    """Whether no worker is left, soon: a job does not wait for their end."""
    deadline = time.monotonic() + 30
    while processes() and time.monotonic() < deadline:
        time.sleep(0.1)
    return processes() == []


def children(process):
    """All processes below one."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, rest = path.read_text().split(" ", 1)
            parents.setdefault(int(rest.rsplit(")", 1)[1].split()[1]), []).append(int(number))
        except OSError:
            continue
    return [below for child in parents.get(process, []) for below in (child, *children(child))]


def contents(folder):
    return {name: (folder / name).read_bytes() for name in names(folder)}


def test_processes_make_what_this_device_makes_and_one_may_die(host, client, models, registered, listed):
    """With pictures that cannot travel among them: an animation, a broken one, one that is there already."""
    source = registered / "for workers"
    for index in range(12):
        picture(source / f"{index:02}.png", 40 + index, 30, seed=index)
    picture(source / "deep" / "grey.jpg", mode="L")
    (source / "broken.png").write_bytes(b"no picture")
    job = {"upscaler": models.random_x2, "input_folder": str(source), "recursive": True}
    alone = report(client, output_folder=str(registered / "alone"), **job)
    listed(TWO)
    picture(registered / "by two" / "05_x2.png", 90, 60)

    def kill():
        while not (registered / "by two" / "01_x2.png").exists():
            time.sleep(0.02)
        (server,) = processes()
        # those that work are the last of the chain: command, its helpers, their processes
        os.kill(max(children(server)), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    text = report(client, output_folder=str(registered / "by two"), workers="two processes", **job)
    killer.join()
    assert alone.startswith("14 pictures: 13 done, 0 skipped (there already), 1 failed")
    assert text.startswith("14 pictures: 12 done, 1 skipped (there already), 1 failed")
    assert "broken.png: " in text
    made, expected = contents(registered / "by two"), contents(registered / "alone")
    made.pop("05_x2.png")
    expected.pop("05_x2.png")
    assert made == expected
    assert "Workers:" in text
    assert "Workers:" not in alone
    counts = [int(line.rsplit(": ", 1)[1].split()[0]) for line in text.split("Workers:\n")[1].splitlines()]
    assert sum(counts) >= 12
    assert all_end()


def test_a_cancel_leaves_no_process(host, client, models, registered, listed):
    source = registered / "to cancel"
    for index in range(30):
        picture(source / f"{index:02}.png", 256, 256, seed=index)
    listed(TWO)
    g, node_id = graph(
        models.esrgan_x4, input_folder=str(source), output_folder=str(registered / "cancelled"),
        workers="two processes",
    )  # fmt: skip
    assert client.queue(g, interrupt_at=node_id, after_progress=1).status == "interrupted"
    assert all_end()
    assert [name for name in names(registered / "cancelled") if name.startswith(".hires-fix-")] == []


def image_graph(upscaler, name, workers="this device", **values):
    g = Graph()
    loader = g.add("HiresFixUpscalerLoader", upscaler_name=upscaler)
    values = {"resize_mode": "scale by", "upscaling_resize": 3.0, "tile_size": 64, "tile_overlap": 8, **values}
    values |= {"upscaling_resize_w": 64, "upscaling_resize_h": 64, "upscaling_crop": True, "workers": workers}
    made = g.add("HiresFixUpscaleImage", image=g.add("LoadImage", image=name), upscaler=loader, **values)
    return g, g.add("SaveImage", images=made, filename_prefix="by workers").id, made.id


def test_windows_of_one_picture(host, client, models, registered, listed):
    """In memory, and as the only file of a folder: what this device makes."""
    picture(host.base / "input" / "windows.png", 300, 200)
    picture(registered / "alone here" / "a.png", 300, 200)
    listed(TWO)
    made = []
    for workers in ("this device", "two processes"):
        g, saved, _ = image_graph(models.random_x4, "windows.png", workers)
        made += client.queue(g).require_success().images(saved)
    np.testing.assert_array_equal(*(np.asarray(Image.open(io.BytesIO(one))) for one in made))
    texts = [
        report(
            client, models.random_x4, input_folder=str(registered / "alone here"), tile_size=64, workers=workers,
            output_folder=str(registered / f"made by {workers}"),
        )
        for workers in ("this device", "two processes")
    ]  # fmt: skip
    assert contents(registered / "made by this device") == contents(registered / "made by two processes")
    lines = texts[1].split("Workers:\n")[1].splitlines()
    windows = [int(line.rsplit(": ", 1)[1].split(" windows")[0]) for line in lines]
    assert len(windows) == 2
    assert sum(windows) == 35
    assert all_end()


def test_a_cancel_of_windows_leaves_no_process(host, client, models, listed):
    picture(host.base / "input" / "long.png", 900, 900)
    listed(TWO)
    g, _, node_id = image_graph(models.esrgan_x4, "long.png", "two processes")
    assert client.queue(g, interrupt_at=node_id, after_progress=1).status == "interrupted"
    assert all_end()


def test_filters_need_no_workers_and_a1111s_numbers_take_none(host, client, models, listed):
    picture(host.base / "input" / "small.png", 30, 20)
    listed("house:\n  scheduler: tcp://127.0.0.1:9\n")
    assert client.queue(image_graph("Lanczos", "small.png", "house")[0]).status == "success"
    run = client.queue(image_graph(models.random_x2, "small.png", "house", numbers="A1111")[0])
    assert "with A1111's numbers are made by this device. Set workers to 'this device'" in run.explanation()


@pytest.mark.parametrize("node", ["folder", "image"])
@pytest.mark.parametrize(
    ("text", "workers", "sentence"),
    [
        ("", "tcp://10.0.0.9:8786", "'tcp://10.0.0.9:8786' is not among the workers of this machine (none)"),
        ("", "house", "Its owner lists them in hires_fix_workers.yaml"),
        ("house:\n  scheduler: tcp://10.0.0.9:8786\n", "house", "beyond 127.0.0.1 use tls://"),
        ("house:\n  scheduler: tls://10.0.0.9:8786\n", "house", "needs the files ca, certificate, key"),
        ("house: 3\n", "house", "says nothing that is known"),
        ("house:\n  processes: 2\n  scheduler: tcp://127.0.0.1:1\n", "house", "needs either processes"),
        ("house: [\n", "house", "hires_fix_workers.yaml cannot be read"),
        ("house:\n  scheduler: tcp://127.0.0.1:9\n", "house", "'house' does not answer at tcp://127.0.0.1:9"),
    ],
)
def test_refusals(text, workers, sentence, node, host, client, models, registered, listed):
    picture(registered / "one" / "a.png")
    picture(host.base / "input" / "small.png", 30, 20)
    listed(text)
    job = {"input_folder": str(registered / "one"), "output_folder": str(registered / "none"), "workers": workers}
    g = graph(**job)[0] if node == "folder" else image_graph(models.random_x2, "small.png", workers)[0]
    run = client.queue(g)
    assert run.status != "success"
    assert sentence in run.explanation()


def test_all_graphics_cards_of_a_machine_without_several_is_this_device(client, models, registered):
    picture(registered / "one" / "a.png")
    text = report(
        client, models.exact_x2, input_folder=str(registered / "one"), output_folder=str(registered / "cards"),
        workers="all graphics cards",
    )  # fmt: skip
    assert text == "1 picture: 1 done, 0 skipped (there already), 0 failed"

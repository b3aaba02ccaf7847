"""Upscale Folder with other processes at work, on a real host."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

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
    """Of workers that are alive."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"worker.py\0--serve" in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


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
    assert processes() == []


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
    assert processes() == []
    assert [name for name in names(registered / "cancelled") if name.startswith(".hires-fix-")] == []


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
def test_refusals(text, workers, sentence, host, client, registered, listed):
    picture(registered / "one" / "a.png")
    listed(text)
    g, _ = graph(input_folder=str(registered / "one"), output_folder=str(registered / "none"), workers=workers)
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

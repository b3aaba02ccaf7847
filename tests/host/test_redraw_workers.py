"""Tiled Redraw with other processes at work, each with a ComfyUI of its own, on a real host."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest
import torch
from hires_pack.dev.fixtures.loras import write_lora
from hires_pack.dev.host.comfy_client import ClientError, ComfyClient
from hires_pack.machines.dask_pool import open_pool
from hires_pack.machines.entries import Entry
from hires_pack.machines.jobs import ALL_ROOMS, code_digest
from hires_pack.machines.pool import PoolError
from hires_pack.machines.serving import READY, WORKER

from .graphs import give
from .test_tiled_redraw import HEIGHT, WIDTH, Scene, hint, masked, planned
from .test_workers import all_end, children, listed  # noqa: F401 - a fixture among them

WINDOWS = {"tile_size": 128, "overlap": 32, "sampler_name": "euler_ancestral"}
LORA = "of redraws.safetensors"


@pytest.fixture
def scene(request, host, client, models):
    return Scene(host, client, models, f"workers {request.node.name}".replace("[", " ").replace("]", ""))


class House:
    """Two workers that stay, with an input folder of their own."""

    def __init__(self, host, base):
        self.host, self.input = host, base / "input"
        self.input.mkdir(parents=True)
        for name in ("custom_nodes", "models"):
            (base / name).symlink_to(host.base / name)
        packs = [path.name for path in (base / "custom_nodes").iterdir()]
        command = [sys.executable, str(WORKER), "--serve", "tcp://127.0.0.1:0", "--while-open", "--workers", "2"]
        command += ["--threads", "1", "--models", str(host.base / "models" / "upscale_models")]
        command += ["--comfyui", str(host.comfyui), "--", "--base-directory", str(base), "--cpu"]
        command += ["--disable-api-nodes", "--disable-all-custom-nodes", "--whitelist-custom-nodes", *packs]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith(READY)
        self.address = line.removeprefix(READY).strip()
        self.entry = f"house:\n  scheduler: {self.address}\n"
        version = (host.comfyui / "comfyui_version.py").read_text(encoding="utf-8")
        self.version = re.search(r'"(.+)"', version)[1]

    def take_files(self):
        """Files of the host's input folder that a workflow names."""
        for path in (self.host.base / "input").glob("*.safetensors"):
            shutil.copyfile(path, self.input / path.name)


@pytest.fixture(scope="module")
def house(host, tmp_path_factory):
    made = House(host, tmp_path_factory.mktemp("house") / "base")
    yield made
    made.process.stdin.close()
    made.process.wait(30)
    made.process.stdout.close()


@pytest.fixture(autouse=True, scope="module")
def lora(host):
    write_lora(host.base / "models" / "loras" / LORA, 3)


def drawn(text):
    """How many windows each worker has drawn, by the report."""
    lines = text.partition("Workers:\n")[2].splitlines()
    found = [re.fullmatch(r" *(\S+): (\d+) windows? in .*", line) for line in lines]
    return Counter({match[1]: int(match[2]) for match in found if match})


def test_processes_draw_what_this_device_draws(scene, listed):  # noqa: F811 - a fixture
    """They start with the job, with this ComfyUI's own folders and packs, and end with it."""
    scene.picture("a.png", 320, 200, deep=False)
    scene.run(file_name="{name} alone", **WINDOWS)
    listed("a process:\n  processes: 1\n  threads: 1\n")
    text = scene.run(file_name="{name} by one", workers="a process", **WINDOWS)
    assert (scene.target / "a by one.png").read_bytes() == (scene.target / "a alone.png").read_bytes()
    assert sum(drawn(text).values()) == 6
    assert all_end()


def everything(g, parts, host):
    """A masked prompt with a ControlNet, another one for every window, and a plan with words of its own."""
    held = hint(g, {**parts, **masked(g, parts, host)}, host)
    net = {"control_net": g.add("ProbeControlNet", kind="pixels"), "control_strength": 0.4}
    plan = planned("0 0 320 112 | skip\n160 128 96 96 | strength 34%\n0 160 120 96 | prompt: a castle", words=True)
    return {**held, **net, **plan(g, {**parts, **held})}


def with_lora(g, parts, host):
    """A checkpoint's own network."""
    loader = g.add("CheckpointLoaderSimple", ckpt_name="tiny_sd15.safetensors")
    return {"model": g.add("LoraLoaderModelOnly", model=loader, lora_name=LORA, strength_model=0.8), "vae": loader[2]}


@pytest.mark.parametrize(("kind", "size", "count"), [(everything, (WIDTH, HEIGHT), 6), (with_lora, (96, 64), 2)])
def test_workers_of_a_scheduler_draw_the_same(kind, size, count, scene, house, host, listed):  # noqa: F811 - a fixture
    scene.picture("a.tif", *size, 4)
    values = {**WINDOWS, "conds": True, "changes": lambda g, parts: kind(g, parts, host)}
    values |= {"tile_size": 64, "steps": 1} if kind is with_lora else {}
    scene.run(file_name="{name} alone", **values)
    listed(house.entry)
    house.take_files()
    text = scene.run(file_name="{name} by two", workers="house", **values)
    assert (scene.target / "a by two.tif").read_bytes() == (scene.target / "a alone.tif").read_bytes()
    assert sum(drawn(text).values()) == count
    assert len(drawn(text)) == 2
    assert "left out" not in text


def test_a_file_that_workers_lack_or_have_otherwise(scene, house, host, listed):  # noqa: F811 - a fixture
    scene.picture("a.png", 64, 64, deep=False)
    listed(house.entry)
    picture = torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(int(time.time())))
    file = give(host, values=picture)

    def changes(g, parts):
        mask = g.add("ProbeMask", file=file, key="values")
        made = g.add("ConditioningSetMask", conditioning=parts["positive"], mask=mask, strength=1.0,
                     set_cond_area="default")  # fmt: skip
        return {"positive": g.add("ConditioningCombine", conditioning_1=made, conditioning_2=parts["positive"])}

    house.take_files()
    for content in (b"of another content", None):
        (house.input / file).write_bytes(content) if content else (house.input / file).unlink()
        said = scene.refusal(workers="house", changes=changes)
        assert "Tiled Redraw, input 'workers': no worker of 'house' can do this. " in said
        assert said.count(f"is left out: it has no '{file}' in its folder input with the SHA-256 of the one here") == 2
    house.take_files()
    assert sum(drawn(scene.run(workers="house", changes=changes)).values()) == 1


@pytest.mark.parametrize(("same", "sentence"), [
    ({"code": "another"}, "its ComfyUI has another version of the pack; update both"),
    ({"ComfyUI": "0.1"}, "and this machine 0.1"),
    ({"torch": "1.0"}, f"it has torch {torch.__version__}, and this machine 1.0"),
    ({"classes": {"NodeOfNoPack": ""}}, "its ComfyUI has no node NodeOfNoPack"),
    ({"classes": {"KSampler": "another"}}, "its node KSampler is of another version"),
])  # fmt: skip
def test_versions_that_differ(same, sentence, house):
    own = {"code": code_digest(ALL_ROOMS), "ComfyUI": house.version, "torch": torch.__version__, "classes": {}}
    fragment = {"nodes": {}, "node": "1", "same": {**own, **same}, "files": [], "sketch": {}}
    pool = open_pool(Entry("house", scheduler=house.address), [])
    try:
        pool.meet([], [])
        with pytest.raises(PoolError, match=f"is left out: .*{re.escape(sentence)}"):
            pool.prepare("redraw_ready", fragment, check=lambda: None)
    finally:
        pool.close()


def test_a_node_that_comes_out_otherwise_or_writes(scene, house, host, listed):  # noqa: F811 - a fixture
    """A workflow that gives another prompt at every run cannot be handed out, nor one that writes before it."""
    scene.picture("a.png", 64, 64, deep=False)
    listed(house.entry)
    house.take_files()

    def differing(g, parts):
        return {"positive": g.add("ProbeProcessPrompt", conditioning=parts["positive"])}

    assert "is left out: the prompts come out otherwise there" in scene.refusal(workers="house", changes=differing)

    def writing(g, parts):
        return {"positive": g.add("ProbeWritingPrompt", conditioning=parts["positive"])}

    said = scene.refusal(workers="house", changes=writing)
    assert "the node ProbeWritingPrompt before this one writes or shows something, once for each worker" in said
    assert "Set workers to 'this device'" in said


def test_memory_that_runs_out_at_workers(scene, house, listed):  # noqa: F811 - a fixture
    """This machine then draws the window, as it does alone."""
    scene.picture("a.tif", 640, 320)
    values = {"tile_size": 384, "overlap": 128, "network": {"cells": 1100, "cells_after": 0}}
    scene.run(file_name="{name} alone", **values)
    listed(house.entry)
    house.take_files()
    text = scene.run(file_name="{name} by two", workers="house", **values)
    assert "memory ran out for 2 windows, sampled in tiles of 288 pixels or more" in text
    assert "done by this machine, because at" in text
    assert (scene.target / "a by two.tif").read_bytes() == (scene.target / "a alone.tif").read_bytes()


def test_a_cancel_frees_the_workers_at_their_next_step(scene, house, listed):  # noqa: F811 - a fixture
    """What they had would have taken them an hour."""
    scene.picture("a.png", 640, 200, deep=False)
    listed(house.entry)
    house.take_files()
    g, _ = scene.graph(workers="house", network={"wait": 1.0}, steps=3600, **WINDOWS)

    def cancel():
        time.sleep(4)
        scene.client.interrupt()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    assert scene.client.queue(g).status == "interrupted"
    canceller.join()
    text = scene.run(workers="house", **WINDOWS)
    assert sum(drawn(text).values()) == 14
    assert "alone" not in text


def test_a_worker_may_die(scene, house, listed):  # noqa: F811 - a fixture
    scene.picture("a.png", 640, 200, deep=False)
    scene.run(file_name="{name} alone", **WINDOWS)
    values = {**WINDOWS, "network": {"wait": 0.1}}
    listed(house.entry)
    house.take_files()

    def kill():
        while not [*scene.target.glob("*.unfinished/*/*.npy")]:
            time.sleep(0.02)
        os.kill(max(children(house.process.pid)), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    text = scene.run(file_name="{name} by two", workers="house", **values)
    killer.join()
    assert (scene.target / "a by two.png").read_bytes() == (scene.target / "a alone.png").read_bytes()
    assert sum(drawn(text).values()) == 14


def test_after_a_kill_of_the_master_what_is_missing_is_drawn(scene, house, host, listed):  # noqa: F811 - a fixture
    scene.picture("a.png", 640, 200, deep=False)
    scene.run(file_name="{name} alone", **WINDOWS)
    values = {**WINDOWS, "network": {"wait": 0.2}}
    listed(house.entry)
    house.take_files()
    g, _ = scene.graph(file_name="{name} by two", workers="house", **values)

    def parts():
        return {path: path.stat().st_mtime_ns for path in scene.target.glob("*.unfinished/*/*.npy")}

    def killed():
        with pytest.raises(ClientError):
            ComfyClient(host.url).queue(g)

    thread = threading.Thread(target=killed)
    thread.start()
    deadline = time.monotonic() + 120
    while len(parts()) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(host.pid, signal.SIGKILL)
    thread.join()
    host.wait()
    kept = len(parts())
    assert 4 <= kept < 14
    host.start()
    scene.client = ComfyClient(host.url)
    # who works is nothing that a job is known by
    listed(house.entry.replace("house", "other"))
    text = scene.run(file_name="{name} by two", workers="other", **values)
    assert sum(drawn(text).values()) == 14 - kept
    assert (scene.target / "a by two.png").read_bytes() == (scene.target / "a alone.png").read_bytes()


def test_a_name_that_nobody_has_listed(scene, listed):  # noqa: F811 - a fixture
    scene.picture("a.png", 64, 64, deep=False)
    said = scene.client.queue(scene.graph(workers="tcp://10.0.0.9:8786")[0]).explanation()
    assert "'tcp://10.0.0.9:8786' is not among the workers of this machine (none)" in said
    listed("house:\n  scheduler: tcp://127.0.0.1:9\n")
    assert "'house' does not answer at tcp://127.0.0.1:9" in scene.refusal(workers="house")
    # a machine without several of them
    assert "Workers:" not in scene.run(workers="all graphics cards")

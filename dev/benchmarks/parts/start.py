"""What the pack adds to the host's start: its import in a fresh process, once the host has all of its own nodes.

Of the real host on the CPU: its own line about that, the start until it answers, and the first prompt.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil

from ...host.comfy_client import ComfyClient
from ...host.comfyui_host import PACK_NAME, ComfyUIHost, default_comfyui
from ...host.real_host import core_nodes
from ...mount import ALIAS, command, package
from ...report_file import ReportError
from .. import pairs
from .row import Row

GOAL = 0.3
"""Seconds."""

WITHOUT = "without the pack"

FIRST = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}},
    "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
}
"""A prompt of core's nodes alone."""


def rows(rounds: int) -> Iterator[Row]:
    """Beside the goal, and beside a host without the pack. Compiled files are kept between the runs, as they are on a
    user's machine.
    """
    with tempfile.TemporaryDirectory(prefix="hires-fix-bench-") as folder:
        run(folder)
        found = [run(folder) for _ in range(rounds)]
        wall, cpu = (statistics.median(each[clock] for each in found) for clock in ("wall", "cpu"))
        yield Row("the pack's import at the host's start", wall, wall / GOAL, cpu / GOAL, f"the goal of {GOAL} s")
        for pack in (True, False):
            started(pack, folder)  # compiles
        with_pack, without = [], []
        for _ in range(rounds):
            with_pack.append(started(True, folder))
            without.append(started(False, folder))
    said = statistics.median(each.said for each in with_pack)
    yield Row("the same, as the host's log says it", said, said / GOAL, None, f"the goal of {GOAL} s")
    ours, theirs = ([each.answers for each in side] for side in (with_pack, without))
    yield Row("the host's start until it answers", pairs.median(ours), *pairs.ratio(ours, theirs), WITHOUT)
    prompts = [(one.prompt, other.prompt) for one, other in zip(with_pack, without, strict=True)]
    ratio = statistics.median(one / other for one, other in prompts)
    yield Row("the first prompt", statistics.median(one for one, _ in prompts), ratio, None, WITHOUT)


@dataclass(frozen=True)
class Started:
    """One start of the real host."""

    said: float
    """Seconds that its log says the pack took to import, in tenths; 0 without it."""
    answers: pairs.Seconds
    """Until it answers."""
    prompt: float
    """Of the first prompt, on the wall's clock: the process' CPU time is told in hundredths."""


def started(pack: bool, compiled: str) -> Started:
    """Start the host as a server and queue a prompt. `compiled`: folder of compiled Python files."""
    environment = {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": "", "OMP_NUM_THREADS": "1"}
    host = ComfyUIHost(pack=pack, arguments=["--cpu"], env=environment)
    clock = time.perf_counter()
    with host:
        cpu = psutil.Process(host.pid).cpu_times()
        answers = pairs.Seconds(time.perf_counter() - clock, cpu.user + cpu.system)
        clock = time.perf_counter()
        ComfyClient(host.url).queue(FIRST).require_success()
        prompt = time.perf_counter() - clock
        found = re.search(rf"([0-9.]+) seconds: \S*{PACK_NAME}$", host.log(), re.MULTILINE)
    if pack and not found:
        raise ReportError(f"bench parts: the host's log does not say how long the import took:\n{host.log_tail()}")
    return Started(float(found[1]) if found else 0.0, answers, prompt)


def run(compiled: str, *words: str) -> dict[str, Any]:
    """Start a host in another process; what its last line says. `compiled`: folder of compiled Python files.

    Raises `ReportError` where the process fails.
    """
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    line = [sys.executable, *command(__name__.removeprefix(f"{ALIAS}.")), *words]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise ReportError(f"bench parts: the host did not start:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> int:
    """Load the host (with "bare": without the nodes that it brings), then the pack; print what that took as JSON."""
    bare = sys.argv[1:] == ["bare"]
    for name in [name for name in sys.modules if name.startswith(ALIAS)]:
        del sys.modules[name]  # what this file itself needed
    sys.path.insert(0, str(default_comfyui()))
    sys.argv = ["main.py", "--cpu"]
    import comfy.options

    comfy.options.enable_args_parsing()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    import server

    nodes = core_nodes()
    server.PromptServer(loop)
    if not bare:
        loop.run_until_complete(nodes.init_extra_nodes(init_custom_nodes=False, init_api_nodes=False))
    before = set(sys.modules)
    wall, cpu = time.perf_counter(), time.process_time()
    extension = loop.run_until_complete(package().comfy_entrypoint())
    loop.run_until_complete(extension.on_load())
    count = len(loop.run_until_complete(extension.get_node_list()))
    took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    loaded = sorted(set(sys.modules) - before)
    print(json.dumps({**took, "nodes": count, "loaded": loaded}))
    return 0

"""What the pack adds to the host's start: its import in a fresh process, once the host has all of its own nodes."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from ...host.comfyui_host import default_comfyui
from ...mount import ALIAS, command, package
from ...report_file import ReportError
from .row import Row

GOAL = 0.3
"""Seconds."""


def rows(rounds: int) -> Iterator[Row]:
    """Beside the goal. Compiled files are kept between the runs, as they are on a user's machine."""
    with tempfile.TemporaryDirectory(prefix="hires-fix-bench-") as folder:
        run(folder)
        found = [run(folder) for _ in range(rounds)]
    wall, cpu = (statistics.median(each[clock] for each in found) for clock in ("wall", "cpu"))
    yield Row("the pack's import at the host's start", wall, wall / GOAL, cpu / GOAL, f"the goal of {GOAL} s")


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

    import nodes

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

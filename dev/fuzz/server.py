"""The server that is tried: bounded in memory, watched while it works, started anew when it is lost."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

import psutil

from ..fixtures import library
from ..host.comfy_client import ClientError, ComfyClient, Graph, Run
from ..host.comfyui_host import ROOT, ComfyUIHost
from .files import Disk
from .growth import Growth
from .judge import Finding
from .stock import Stock, write

MOST_BYTES = 4 * 2**30
"""What the server may take beyond its start."""

CPU_SECONDS = 60.0
"""A prompt that takes more of the processor's time is a finding: all of them are small."""

PROMPT_SECONDS = 150.0
"""When a prompt is cancelled. On a busy machine that is no finding, unless the server has not worked at all."""

IDLE_SECONDS = 5.0
"""Of the processor's time: a server that has taken no more until then waits for something that does not come."""

HEAVY_SECONDS = 3.0
"""When a prompt that may be large is cancelled."""

CANCEL_SECONDS = 15.0
"""Of the processor's time that the server may still take after a cancel; it may wait for four times as long."""

PLAN_SECONDS = 5.0
"""Of the processor's time, for what the pack says before a run."""

# handles and threads of the allocator would hide what the server itself takes
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2", "HIRES_FIX_FUZZ_BYTES": str(MOST_BYTES)}


class Server:
    """One server at a time."""

    def __init__(self, stock: Stock, models: library.ModelFiles) -> None:
        self._stock, self._models = stock, models
        self.growths: list[Growth] = []
        """Of every process that was started; the last one is running."""
        self._start()

    def _start(self) -> None:
        folder = self._models.folder
        kinds = {kind: sorted((folder / kind).iterdir()) for kind in ("face_restore", "face_detection", "detection")}
        kinds |= {"checkpoints": self._models.checkpoints, "upscale_models": self._models.upscale_models}
        kinds |= {"LDSR": self._models.ldsr}
        packs = [ROOT / "dev" / "fixtures" / "probe", ROOT / "dev" / "fixtures" / "fuzz_probe"]
        # so many results of nodes; the host's usual cache keeps all until memory is short: growth could not be told
        arguments = ["--cache-lru", "40"]
        self.host = ComfyUIHost(extra_packs=packs, models=kinds, arguments=arguments, env=_ENVIRONMENT).start()
        write(self.host.base / "input", self._stock)
        self.client = ComfyClient(self.host.url)
        self.disk = Disk(self.host.base)
        self.growths.append(Growth(self.host.pid))

    def stop(self) -> None:
        """End it."""
        self.host.stop()

    def plan(self, graph: Graph) -> tuple[dict[str, Any], list[Finding]]:
        """What the pack says of the graph before it runs."""
        body = json.dumps({"prompt": graph}).encode()
        request = urllib.request.Request(f"{self.host.url}/hires-fix/plan", body, {"Content-Type": "application/json"})
        before = self.cpu()
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                plan = json.loads(answer.read())
        except (OSError, ValueError) as problem:
            return {}, [Finding("plan", "", f"no answer: {problem}")]
        took = self.cpu() - before
        return plan, [Finding("plan", "", f"took {took:.0f} s of the processor")] if took > PLAN_SECONDS else []

    def run(self, graph: Graph, is_heavy: bool) -> tuple[Run | None, list[Finding]]:
        """Run a prompt to its end. None: it was cancelled, or the server is lost and another one was started."""
        before = self.cpu()
        try:
            run = self.client.queue(graph, timeout=HEAVY_SECONDS if is_heavy else PROMPT_SECONDS)
            self.growths[-1].note()
            took = self.cpu() - before
            longest = run.executed[-1] if run.executed else ""
            slow = Finding("slow", _class(graph, longest), f"{took:.0f} s of the processor")
            return run, [slow] if took > CPU_SECONDS else []
        except ClientError as problem:
            where, why, took = _class(graph, str(problem)), str(problem), self.cpu() - before
            is_strange = not is_heavy and not IDLE_SECONDS < took < CPU_SECONDS
            findings = [Finding("slow", where, f"{why} It took {took:.0f} s of the processor.")] if is_strange else []
        is_over = self._ends()
        if is_over and self.host.alive:
            return None, findings
        kind, why = ("cancel is ignored", "It is at work still.") if self.host.alive else ("the server died", why)
        return None, [*findings, Finding(kind, where, self._again(why))]

    def _ends(self) -> bool:
        """Wait for the end of what was cancelled; False if it does not come."""
        started, before = time.monotonic(), self.cpu()
        while self.host.alive:
            waited = time.monotonic() - started
            if self._is_free() and waited > 1:  # a server that dies may answer once more
                return True
            if waited > 4 * CANCEL_SECONDS or self.cpu() - before > CANCEL_SECONDS:
                return False
            time.sleep(0.1)
        return False

    def cpu(self) -> float:
        """Seconds of processor that the server has taken."""
        try:
            times = psutil.Process(self.host.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return times.user + times.system

    def _is_free(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.host.url}/queue", timeout=2) as answer:
                queue = json.loads(answer.read())
        except (OSError, ValueError):
            return False
        return not queue["queue_running"] and not queue["queue_pending"]

    def _again(self, why: str) -> str:
        """Start another server; what happened to the old one."""
        report = f"{why}\n{self.host.log_tail(15)}"
        self.host.stop()
        self._start()
        return report


def _class(graph: Graph, sentence: str) -> str:
    """Class of the node that a sentence of the client names."""
    words = sentence.replace(")", " ").replace(";", " ").split()
    return next((graph[word]["class_type"] for word in words if word in graph), "")

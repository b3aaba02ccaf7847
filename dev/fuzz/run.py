"""Random prompts one after another, what is found, and how each finding is repeated."""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable

from ..fixtures import families, library, upscalers
from ..fixtures.faces import CODEFORMER_FILE, RESTOREFORMER_FILE
from ..host.comfy_client import Graph, Run
from . import judge
from .core import as_core, fails_alike
from .findings import Findings, saved_case
from .scenes import Case, make
from .server import Server
from .stock import Family, Stock
from .widgets import kinds_of

PROGRESS_SECONDS = 15.0
"""How often a line of progress comes."""


def stock_of(models: library.ModelFiles) -> Stock:
    """The models that the tests have."""
    known = {
        name: Family(
            one.file, one.latent_channels, one.context_width, one.pooled_width,
            has_text=name == "sd3", is_unet=name.startswith("sdxl"), is_video=name == "wan",
        )
        for name, one in families.FAMILIES.items()
    }  # fmt: skip
    known["sd1"] = Family("tiny_sd15.safetensors", 4, 768, None, has_text=True, is_unet=True)
    good = [upscalers.RANDOM[2], upscalers.EXACT[4], upscalers.ESRGAN, upscalers.ONE_TIMES]
    faces = [RESTOREFORMER_FILE] * 4 + [CODEFORMER_FILE, upscalers.PICKLED_CODE, upscalers.RANDOM[2]]
    return Stock(known, good, faces)


def run(options: argparse.Namespace, say: Callable[[str], None]) -> int:
    """Try prompts, or repeat those of files; the exit status."""
    models = library.ensure(say=say)
    stock = stock_of(models)
    cases = [saved_case(file) for file in options.replay]
    findings, stopped = Findings(options.findings), False
    say("starting a server")
    server = Server(stock, models)
    fuzzer = Fuzzer(server, stock, findings, say)
    try:
        for case in cases:
            fuzzer.try_one(case)
        if not cases:
            fuzzer.go(options.seed, options.minutes * 60, options.prompts)
    except KeyboardInterrupt:  # what was found until then is printed all the same
        stopped = True
    finally:
        server.stop()
    for growth in server.growths:
        for finding in growth.findings():
            findings.add(finding, None)
    say(f"\n{fuzzer.summary()}\n{server.growths[-1].text()}")
    if findings.counts:
        say(f"\n{findings.table()}\n\nAgain: dev.py fuzz --replay {findings.folder / 'NAME.json'}")
    return 130 if stopped else 1 if findings.counts else 0


class Fuzzer:
    """Runs cases and judges them."""

    def __init__(self, server: Server, stock: Stock, findings: Findings, say: Callable[[str], None]) -> None:
        self.server, self.stock, self.findings, self.say = server, stock, findings, say
        self.kinds = kinds_of(server.client.object_info())
        self.tried = 0
        self.ends: Counter[str] = Counter()
        self._started = self._reported = time.monotonic()

    def go(self, seed: int, seconds: float, most: int | None) -> None:
        """Try cases from number 0 on until the time is over or there were enough."""
        number = 0
        while time.monotonic() - self._started < seconds and (most is None or number < most):
            self.try_one(make(number, seed, self.kinds, self.stock))
            number += 1

    def try_one(self, case: Case) -> None:
        """Run a case and note what is wrong."""
        graph = json.loads(json.dumps(case.graph))
        plan, wrong = self.server.plan(graph)
        self.tried += 1
        run, lost = self.server.run(graph, case.is_heavy)
        wrong += lost
        self.ends[run.status if run else "cancelled" if not lost else "lost"] += 1
        if run:
            bare = judge.errors(graph, run, self.kinds)
            if bare and self._fails_in_core(graph, run):
                self.ends["error of core's sampler, too"] += 1
                bare = []
            wrong += bare + judge.texts(graph, run) + judge.values(graph, run)
            wrong += judge.promises(graph, run, plan)
        wrong += self.server.disk.look(is_over=bool(run) and run.status == "success")
        for finding in wrong:
            self.findings.add(finding, case)
        if time.monotonic() - self._reported > PROGRESS_SECONDS:
            self._reported = time.monotonic()
            self.say(f"{self._reported - self._started:5.0f} s  {self.summary()}")

    def _fails_in_core(self, graph: Graph, run: Run) -> bool:
        """Try core's sampler in the place of one of the pack's that has failed."""
        core = as_core(graph, run.error["node_id"]) if run.error and "node_id" in run.error else None
        again = self.server.run(core, is_heavy=False)[0] if core else None
        return again is not None and fails_alike(run, again)

    def summary(self) -> str:
        """One line."""
        ends = ", ".join(f"{count} {end}" for end, count in sorted(self.ends.items()))
        times = sum(self.findings.counts.values())
        return f"{self.tried} prompts ({ends}); {len(self.findings.counts)} findings, {times} times"

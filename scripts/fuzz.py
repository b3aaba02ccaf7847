"""Random prompts one after another, what is found, and how each finding is repeated."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..tests.checkpoints import families, library, upscalers
from ..tests.checkpoints.faces import CODEFORMER_FILE, RESTOREFORMER_FILE
from . import fuzz_judge as judge
from .comfy_client import Run
from .fuzz_judge import Finding
from .fuzz_scenes import Case, make
from .fuzz_server import Server
from .fuzz_stock import Family, Stock
from .fuzz_widgets import kinds_of

KEPT = 3
"""So many cases of one finding are kept."""

TELL_SECONDS = 15.0


def stock_of(models: library.ModelFiles) -> Stock:
    """The models that the tests have."""
    found = {
        name: Family(
            one.file, one.latent_channels, one.context_width, one.pooled_width,
            has_text=name == "sd3", is_unet=name.startswith("sdxl"), is_video=name == "wan",
        )
        for name, one in families.FAMILIES.items()
    }  # fmt: skip
    found["sd1"] = Family("tiny_sd15.safetensors", 4, 768, None, has_text=True, is_unet=True)
    good = [upscalers.RANDOM[2], upscalers.EXACT[4], upscalers.ESRGAN, upscalers.ONE_TIMES]
    faces = [RESTOREFORMER_FILE] * 4 + [CODEFORMER_FILE, upscalers.PICKLED_CODE, upscalers.RANDOM[2]]
    return Stock(found, good, faces)


class Findings:
    """What was found, by fault, with the prompts that show it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self._first: dict[tuple[str, str, str], tuple[Finding, str]] = {}

    def add(self, finding: Finding, case: Case | None) -> None:
        """Note it, and write the prompt down."""
        self.counts[finding.key] += 1
        number = self.counts[finding.key]
        if finding.key not in self._first:
            self._first[finding.key] = finding, f"{len(self._first) + 1:03d}"
        if case is not None and number <= KEPT:
            self._write(finding, case, f"{self._first[finding.key][1]}-{number}.json")

    def log(self, line: str, run: Run | None) -> None:
        """Note how a case ended."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "cases.txt", "a", encoding="utf-8") as file:
            file.write(f"{line}: {' '.join(run.explanation().split()) if run else ''}\n")

    def _write(self, finding: Finding, case: Case, name: str) -> None:
        found = {"kind": finding.kind, "where": finding.where, "text": finding.text}
        entry = {"seed": case.seed, "number": case.number, "scene": case.scene, "heavy": case.is_heavy}
        text = json.dumps({"finding": found, "case": entry, "prompt": case.graph}, indent=1, ensure_ascii=True)
        (self.folder / name).write_text(text + "\n", encoding="utf-8")

    def table(self) -> str:
        """A line for each fault."""
        rows = [f"{'file':>5} {'times':>5}  what"]
        for key, times in self.counts.most_common():
            finding, name = self._first[key]
            text = " ".join(finding.text.split())[:300]
            rows.append(f"{name:>5} {times:>5}  {finding.kind} [{finding.where}] {text}")
        return "\n".join(rows)


def run(options: argparse.Namespace, say: Callable[[str], None]) -> int:
    """Try prompts, or repeat those of files; the exit status."""
    models = library.ensure(say=say)
    stock = stock_of(models)
    found = Findings(options.findings)
    say("starting a server")
    server = Server(stock, models)
    try:
        fuzzer = Fuzzer(server, stock, found)
        if options.replay:
            fuzzer.replay(options.replay)
        else:
            fuzzer.go(options.seed, options.minutes * 60, options.prompts, say)
    finally:
        server.stop()
    for growth in server.growths:
        for finding in growth.findings():
            found.add(finding, None)
    say(f"\n{fuzzer.summary()}\n{server.growths[-1].text()}")
    if not found.counts:
        say("Nothing was found.")
        return 0
    say(f"\n{found.table()}\n\nEach is repeated by: dev.py fuzz --replay {os.path.join(found.folder, 'NNN-1.json')}")
    return 1


class Fuzzer:
    """Runs cases and judges them."""

    def __init__(self, server: Server, stock: Stock, found: Findings) -> None:
        self.server, self.stock, self.found = server, stock, found
        self.kinds = kinds_of(server.client.object_info())
        self.ends: Counter[str] = Counter()

    def go(self, seed: int, seconds: float, most: int | None, say: Callable[[str], None]) -> None:
        """Try cases from number 0 on until the time is over or there were enough."""
        started = told = time.monotonic()
        number = 0
        while time.monotonic() - started < seconds and (most is None or number < most):
            self.try_one(make(number, seed, self.kinds, self.stock))
            number += 1
            if time.monotonic() - told > TELL_SECONDS:
                told = time.monotonic()
                say(f"{told - started:5.0f} s  {self.summary()}")

    def replay(self, files: list[Path]) -> None:
        """Run prompts of files again."""
        for number, file in enumerate(files):
            saved: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            case = saved.get("case", {})
            graph = saved.get("prompt", saved)
            self.try_one(
                Case(case.get("number", number), case.get("seed", 0), file.name, graph, case.get("heavy", False))
            )

    def try_one(self, case: Case) -> None:
        """Run a case and note what is wrong."""
        graph = json.loads(json.dumps(case.graph))
        plan, found = self.server.plan(graph)
        before = self.server.cpu()
        run, lost = self.server.run(graph, case.is_heavy)
        took = max(0.0, self.server.cpu() - before)
        found += lost
        end = run.status if run else "cancelled" if not lost else "lost"
        self.ends[end] += 1
        self.found.log(f"{case.number} {case.scene}, {took:.1f} s, {end}", run)
        if run:
            found += judge.errors(graph, run, self.kinds) + judge.texts(graph, run) + judge.values(graph, run)
            found += judge.promises(graph, run, plan)
        found += self.server.disk.look(is_over=bool(run) and run.status == "success")
        for finding in found:
            self.found.add(finding, case)

    def summary(self) -> str:
        """One line."""
        ends = ", ".join(f"{count} {end}" for end, count in sorted(self.ends.items()))
        times = sum(self.found.counts.values())
        return f"{self.ends.total()} prompts ({ends}); {len(self.found.counts)} findings, {times} times"

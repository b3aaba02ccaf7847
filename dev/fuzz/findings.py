"""What a fuzz run has found, by fault, with the prompts that show each."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .judge import Finding
from .scenes import Case

KEPT = 3
"""So many prompts of one fault are kept."""

SHOWN = 300
"""Characters of a finding in the table."""

Key = tuple[str, str, str]


class Findings:
    """Grows with the run. `folder` gets a file for each kept prompt, named by its seed and number."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts: Counter[Key] = Counter()
        self._first: dict[Key, tuple[Finding, str]] = {}

    def add(self, finding: Finding, case: Case | None) -> None:
        """Note it, and write the prompt down; None for what no single prompt shows."""
        self.counts[finding.key] += 1
        name = f"{case.seed}-{case.number:04d}.json" if case else "all"
        self._first.setdefault(finding.key, (finding, name))
        if case is not None and self.counts[finding.key] <= KEPT:
            self._write(finding, case, name)

    def _write(self, finding: Finding, case: Case, name: str) -> None:
        entry = {"seed": case.seed, "number": case.number, "scene": case.scene, "heavy": case.is_heavy}
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"finding": asdict(finding), "case": entry, "prompt": case.graph}, indent=1)
        (self.folder / name).write_text(text + "\n", encoding="utf-8")

    def table(self) -> str:
        """A line for each fault, the most frequent first."""
        width = max(len(name) for _, name in self._first.values())
        rows = [f"{'times':>5}  {'prompt':{width}}  what"]
        for key, times in self.counts.most_common():
            finding, name = self._first[key]
            text = " ".join(finding.text.split())[:SHOWN]
            rows.append(f"{times:>5}  {name:{width}}  {finding.kind} [{finding.where}] {text}")
        return "\n".join(rows)


def saved_case(file: Path) -> Case:
    """Read a kept prompt, or a bare one as the server takes it. Raises ValueError if it is neither."""
    saved: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    case, graph = saved.get("case", {}), saved.get("prompt", saved)
    return Case(case.get("number", 0), case.get("seed", 0), file.name, graph, case.get("heavy", False))

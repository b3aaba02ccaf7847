"""What is wrong with a run: errors that are no sentences, sizes and steps that differ from the plan, odd values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..host.comfy_client import Graph, Run
from .widgets import Kind

OURS = "HiresFix"
"""How ids of the pack's nodes begin."""

CELL = 8
"""Pixels a latent cell, of every family that the graphs load."""

PYTHON_WORDS = re.compile(
    r"Traceback|object has no attribute|object is not|index out of range|out of bounds|embedded null|NoneType|"
    r"division by zero|divide by zero|unpack|not subscriptable|unexpected keyword|positional argument|"
    r"invalid literal|codec can't|could not convert|must be real number|shapes cannot be multiplied|"
    r"size of tensor|Sizes of tensors|can't allocate|(?<!ran )out of memory|Errno|<class '|StopIteration|0x[0-9a-f]{6}|"
    r"(?<![(\w])[A-Z]\w+(?:Error|Exception)\b"  # in brackets after a sentence: what a library said
)
"""What Python and torch say, and a user cannot use."""

_SIZE = re.compile(r"(\d+)×(\d+)")


@dataclass(frozen=True)
class Finding:
    """Something that must not be."""

    kind: str
    where: str
    """Class of the node, or what else it is about."""
    text: str
    raised: tuple[str, ...] = ()
    """Of an error: the traceback."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Equal for what is probably the same fault: numbers and quoted names do not count."""
        return self.kind, self.where, re.sub(r"'[^']*'|-?\d[\d.e+-]*", "#", self.text)[:120]


def errors(graph: Graph, run: Run, kinds: Mapping[str, Kind]) -> list[Finding]:
    """Judge the error of a run, if it had one. Errors of core's own nodes are not ours."""
    findings = []
    for node_id, answer in run.node_errors.items():
        text = "; ".join(f"{error['message']}: {error['details']}" for error in answer["errors"])
        findings.append(Finding("not accepted", graph[node_id]["class_type"], text))
    if run.status == "rejected" and not findings:
        findings.append(Finding("not accepted", "", run.explanation()))
    if run.status != "error" or not run.error:
        return findings
    error, kind = run.error, kinds[run.error["node_type"]]
    message, raised = error["exception_message"].strip(), error["exception_type"]
    trace = tuple(error["traceback"])
    if not kind.name.startswith(OURS):
        is_ours = any("hires-fix" in line for line in error["traceback"])
        if is_ours and not raised.startswith("hires_fix."):
            findings.append(Finding("Python error through a core node", kind.name, f"{raised}: {message}", trace))
        return findings
    begins = re.match(rf"{re.escape(kind.title)}(?:, stage \d \([\w -]+\))?, input '(\w+)': \S", message)
    if not begins or begins[1] not in {each.name for each in kind.inputs}:
        findings.append(Finding("error is no sentence", kind.name, f"{raised.split('.')[-1]}: {message}", trace))
    elif PYTHON_WORDS.search(message):
        findings.append(Finding("Python's words in a sentence", kind.name, message, trace))
    return findings


def texts(graph: Graph, run: Run) -> list[Finding]:
    """Judge what nodes show: reports of the pack must not hold Python's words either."""
    findings = []
    for node_id, output in run.outputs.items():
        for text in output.get("text") or ():
            kind = graph[node_id]["class_type"]
            if isinstance(text, str) and kind.startswith(OURS) and (words := PYTHON_WORDS.search(text)):
                line = next(line for line in text.splitlines() if words[0] in line)
                findings.append(Finding("Python's words in a report", kind, line))
    return findings


def values(graph: Graph, run: Run) -> list[Finding]:
    """Judge the results of the pack's nodes: numbers. A flow model's latent of nothing but noise is infinite."""
    findings = []
    for source, _, facts in seen(graph, run):
        kind = graph[source[0]]["class_type"]
        if facts["not_finite"] and kind != f"{OURS}Renoise":
            findings.append(Finding("result is not finite", kind, f"{facts['not_finite']} values of {facts['shape']}"))
    return findings


def promises(graph: Graph, run: Run, plan: Mapping[str, Any]) -> list[Finding]:
    """Compare sizes and steps with what `/hires-fix/plan` said before the run."""
    findings = []
    for (node_id, _), name, facts in seen(graph, run):
        sizes = _SIZE.findall(plan.get(node_id, {}).get("text") or "")
        if not sizes or name == "sigmas":
            continue
        height, width = facts["shape"][1:3] if name == "image" else (side * CELL for side in facts["shape"][-2:])
        planned = tuple(map(int, sizes[-1]))
        if planned != (width, height):
            kind = graph[node_id]["class_type"]
            findings.append(Finding("size", kind, f"the plan says {planned}, and the {name} is {(width, height)}"))
    for node_id, badge in plan.items():
        kind = graph[node_id]["class_type"]
        done = max((most for node, _, most in run.progress if node == node_id), default=0)
        steps = re.match(r"(\d+) steps? at", badge["text"]) if kind == f"{OURS}SecondSampling" else None
        if steps and run.status == "success" and done > 1 and done != int(steps[1]):
            findings.append(Finding("steps", kind, f"the plan says {steps[1]} steps, and {done} were run"))
        if badge["text"] == "stops with an error" and run.status == "success" and node_id in run.executed:
            findings.append(Finding("plan", kind, f"the plan says it stops, and it ran: {badge['warning']}"))
        if badge["warning"] and PYTHON_WORDS.search(badge["warning"]):
            findings.append(Finding("Python's words in a warning", kind, badge["warning"]))
    return findings


def seen(graph: Graph, run: Run) -> Iterable[tuple[list[Any], str, dict[str, Any]]]:
    """What the telling nodes saw: the link, the name of their input, the facts."""
    for node_id, output in run.outputs.items():
        if "seen" in output:
            ((name, link),) = graph[node_id]["inputs"].items()
            yield link, name, json.loads(output["seen"][0])

"""Prompt editing: `[from:to:when]`, `[to:when]`, `[from::when]` and alternation `[a|b|c]`.

Source: behaviour of AUTOMATIC1111 stable-diffusion-webui v1.10.1. Its rules for text that is not well-formed are
kept: a bracket or colon that fits nowhere stands for itself, and so do all brackets around it; a bar outside of an
alternation, or a backslash with nothing to escape, turns editing off for the whole text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(r"[()\[\]:|]|(?:\\.|[^\\()\[\]:|])+")  # an escape covers any character but a line break
_WHEN = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*")
_OPENS = {")": "(", "]": "["}


@dataclass(frozen=True)
class Edit:
    """`[before:after:when]`."""

    before: list[Node]
    after: list[Node]
    when: str
    """As written: a number with a decimal point is a fraction, one without a step."""


@dataclass(frozen=True)
class Alternation:
    """`[a|b|c]`: one option a step, in turn."""

    options: list[list[Node]]


Node = str | Edit | Alternation
"""A piece of a prompt; emphasis is left in the strings."""


class _Bracket:
    """An open bracket and what has been read behind it."""

    def __init__(self, opening: str) -> None:
        self.opening = opening
        self.parts: list[list[Node]] = [[]]
        self.separators: list[str] = []

    def separate(self, separator: str) -> None:
        self.separators.append(separator)
        self.parts.append([])

    def as_written(self) -> list[Node]:
        """Its contents with the separators back in, without the brackets."""
        nodes = list(self.parts[0])
        for separator, part in zip(self.separators, self.parts[1:], strict=True):
            nodes += [separator, *part]
        return nodes

    def close(self) -> list[Node] | None:
        """What it means once its closing bracket is reached; None if it means nothing."""
        colons, bars = self.separators.count(":"), self.separators.count("|")
        if self.opening == "(":
            return None if bars or colons > 1 else ["(", *self.as_written(), ")"]
        if bars:
            return None if colons else [Alternation(self.parts)]
        if colons == 0:
            return ["[", *self.as_written(), "]"]
        if colons > 2:
            return None
        last = self.parts[-1]
        when = _WHEN.fullmatch(last[0]) if len(last) == 1 and isinstance(last[0], str) else None
        if when is None:
            return None
        before = self.parts[0] if colons == 2 else []
        return [Edit(before, self.parts[-2], when[1])]


def parse_edits(text: str) -> list[Node]:
    """Return the prompt as pieces; text without (well-formed) editing is one string or several.

    One pass with a stack of open brackets: neither depth nor length of a prompt can make it fail. Where brackets are
    unbalanced, A1111's own parser chooses between readings by chance; this one edits wherever it can.
    """
    outside: list[Node] = []
    stack: list[_Bracket] = []

    def give_up_on_open_brackets() -> None:
        for bracket in stack:
            outside.extend([bracket.opening, *bracket.as_written()])
        stack.clear()

    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            return [text]
        token, position = match[0], match.end()
        if token in ("(", "["):
            stack.append(_Bracket(token))
        elif token in (":", "|") and stack:
            stack[-1].separate(token)
        else:
            nodes: list[Node] = [token]
            if token in _OPENS:
                closed = stack[-1].close() if stack and stack[-1].opening == _OPENS[token] else None
                if closed is None:
                    give_up_on_open_brackets()
                else:
                    nodes = closed
                    stack.pop()
            (stack[-1].parts[-1] if stack else outside).extend(nodes)
    give_up_on_open_brackets()
    return [text] if "|" in outside else outside


def render(nodes: list[Node], step: int, switches: dict[str, int]) -> str:
    """Return the text that applies at a step (from 1); `switches` has the last step of every `when`."""
    text: list[str] = []
    stack = list(reversed(nodes))
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            text.append(node)
        elif isinstance(node, Edit):
            stack.extend(reversed(node.before if step <= switches[node.when] else node.after))
        else:
            stack.extend(reversed(node.options[(step - 1) % len(node.options)]))
    return "".join(text)


@dataclass(frozen=True)
class PassSteps:
    """Where the steps of prompt editing are counted; a sampler with two model calls a step counts double."""

    first: int
    """Steps of the first pass."""

    second: int | None = None
    """Steps of the second pass when the prompt is for it, else None."""

    @property
    def total(self) -> int:
        """Steps of the pass that the prompt is for."""
        return self.first if self.second is None else self.second

    def last_step_before(self, when: str) -> int:
        """Return the last step, in the pass's own count, before a switch; below 1 if it has happened already.

        Without a decimal point `when` counts steps across both passes; with one it is a fraction, 0..1 the first
        pass and 1..2 the second.
        """
        value = float(when)
        if "." in when:
            value = value * self.first if self.second is None else (value - 1.0) * self.second
        elif self.second is not None:
            value -= self.first
        return int(max(0.0, min(value, float(self.total))))


def schedule(text: str, steps: PassSteps) -> list[tuple[int, str]]:
    """Return A1111's schedule of a prompt: (last step that it applies to, text), in ascending steps."""
    nodes = parse_edits(text)
    switches: dict[str, int] = {}
    ends = {steps.total}
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if isinstance(node, Edit):
            end = switches[node.when] = steps.last_step_before(node.when)
            if end >= 1:
                ends.add(end)
            stack += node.before + node.after
        elif isinstance(node, Alternation):
            ends.update(range(1, steps.total + 1))
            stack += [inner for option in node.options for inner in option]
    return [(end, render(nodes, end, switches)) for end in sorted(ends)]

"""Prompt editing: `[from:to:when]`, `[to:when]`, `[from::when]` and alternation `[a|b|c]`.

Source: behaviour of AUTOMATIC1111 stable-diffusion-webui v1.10.1. Its rules for text that is not well-formed are
kept: a bracket or colon that fits nowhere stands for itself, and so do all brackets around it; a bar outside of an
alternation, or a backslash with nothing to escape, turns editing off for the whole text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

_TOKEN = re.compile(r"[()\[\]:|]|(?:\\.|[^\\()\[\]:|])+")  # an escape covers any character but a line break
_WHEN = re.compile(r"\s*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*")
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


@dataclass
class _Bracket:
    """An open bracket: where it and the separators behind it stand among the pieces."""

    opening: str
    place: int
    separators: list[int] = field(default_factory=list)


def parse_edits(text: str) -> list[Node]:
    """Return the prompt as pieces; text without (well-formed) editing is one string or several.

    One pass with a stack of open brackets, in which a piece is moved at most twice: neither depth nor length of a
    prompt can make it fail or slow. Where brackets are unbalanced, A1111's own parser chooses between readings by
    chance; this one edits wherever it can.
    """
    pieces: list[Node] = []
    stack: list[_Bracket] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            return [text]
        token, position = match[0], match.end()
        if token in _OPENS:
            if stack and stack[-1].opening == _OPENS[token] and _close(stack[-1], token, pieces):
                stack.pop()
                continue
            # it means nothing, and neither do the brackets around it
            stack.clear()
        elif token in ("(", "["):
            stack.append(_Bracket(token, len(pieces)))
        elif token in (":", "|") and stack:
            stack[-1].separators.append(len(pieces))
        pieces.append(token)
    return [text] if "|" in pieces else pieces


def _close(bracket: _Bracket, closing: str, pieces: list[Node]) -> bool:
    """Put what a bracket means in place of its pieces; False, and nothing is changed, if it means nothing."""
    bars = sum(pieces[place] == "|" for place in bracket.separators)
    colons = len(bracket.separators) - bars
    if not bracket.separators or (bracket.opening == "(" and not bars and colons == 1):
        pieces.append(closing)  # emphasis
        return True
    if bracket.opening == "(" or colons > 2 or (bars and colons):
        return False
    places = [bracket.place, *bracket.separators, len(pieces)]
    parts = [pieces[start + 1 : end] for start, end in pairwise(places)]
    if bars:
        node: Node = Alternation(parts)
    else:
        last = parts[-1][0] if len(parts[-1]) == 1 else None
        when = _WHEN.fullmatch(last) if isinstance(last, str) else None
        if when is None:
            return False
        node = Edit(parts[0] if colons == 2 else [], parts[-2], when[1])
    pieces[bracket.place :] = [node]
    return True


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
    alternates = False
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if isinstance(node, Edit):
            end = switches[node.when] = steps.last_step_before(node.when)
            if end >= 1:
                ends.add(end)
            stack += node.before + node.after
        elif isinstance(node, Alternation):
            alternates = True
            stack += [inner for option in node.options for inner in option]
    if alternates:
        ends.update(range(1, steps.total + 1))
    return [(end, render(nodes, end, switches)) for end in sorted(ends)]

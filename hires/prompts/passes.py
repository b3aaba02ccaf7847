"""A whole A1111 prompt: what applies when, and with which weight.

Source: behaviour of AUTOMATIC1111 stable-diffusion-webui v1.10.1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from .grammar import PassSteps, parse_edits, schedule

_COMMENT_LINE = re.compile(r"(?:^|\n)#[^\n]*(?:\n|$)")
_COMMENT = re.compile(r"#[^\n]*(?:\n|$)")
_EXTRA_NETWORK = re.compile(r"<\w+:[^>]+>")
_AND = re.compile(r"\bAND\b")
_WEIGHT = re.compile(r":\s*([-+]?(?:\d+\.?|\d*\.\d+))$")


@dataclass(frozen=True)
class PromptPart:
    """When a conditioning applies, and how much. Travels with it under the key `PART_KEY`."""

    group: int
    """Which of the prompts joined by AND; exactly one conditioning of a group applies at a time."""

    weight: float
    """Weight of the group: what it adds to the guidance is multiplied by it."""

    first_step: int
    """First model call of the pass, from 0, that it applies to."""

    last_step: int
    """Last one. Past the last of the whole group its first conditioning applies again, as in A1111."""

    percents: tuple[float, float] | None = None
    """About the same as shares of the sampling, which it carries for the host's samplers; None: all of it. Another
    range beside it was set by a later node."""


PART_KEY = "hires_fix_part"


@dataclass(frozen=True)
class SubPrompt:
    """One of the prompts joined by AND."""

    weight: float
    schedule: list[tuple[int, str]]
    """(last step, text) in ascending steps; emphasis is still in the texts."""

    def parts(self, group: int) -> list[PromptPart]:
        """Return one part for each entry of the schedule."""
        ends = [end for end, _ in self.schedule]
        starts = [0, *(end + 1 for end in ends[:-1])]
        return [PromptPart(group, self.weight, start, end) for start, end in zip(starts, ends, strict=True)]


def without_comments(text: str) -> str:
    """Leave out everything from a `#` to the end of its line, and lines that hold nothing else."""
    return _COMMENT.sub("\n", _COMMENT_LINE.sub("\n", text))


def without_extra_networks(text: str) -> tuple[str, list[str]]:
    """Return the text without tags such as `<lora:name:1>`, and the tags."""
    tags: list[str] = []

    def taken(tag: str) -> str:
        tags.append(tag)
        return ""

    return with_extra_networks(text, taken), tags


def with_extra_networks(text: str, change: Callable[[str], str]) -> str:
    """Return the text with every such tag as `change` gives it."""
    # behind the last ">" no tag ends: to look there for the end of each that begins would take time squared
    end = text.rfind(">") + 1
    return _EXTRA_NETWORK.sub(lambda found: change(found[0]), text[:end]) + text[end:]


def plan_prompt(text: str, steps: PassSteps) -> list[SubPrompt]:
    """Split a prompt at AND and work out the schedule of every part. `a :0.5` at a part's end is its weight."""
    return [SubPrompt(weight, schedule(part, steps)) for part, weight in _weighted_parts(text)]


def _weighted_parts(text: str) -> list[tuple[str, float]]:
    parts = []
    for part in _AND.split(text):
        part = part.rstrip()
        match = _WEIGHT.search(part)
        weight = float(match[1]) if match else 1.0
        if match and math.isfinite(weight):
            part = part[: match.start()].rstrip()
        parts.append((part, weight if math.isfinite(weight) else 1.0))
    return parts


def plan_negative(text: str, steps: PassSteps) -> list[SubPrompt]:
    """The same for a negative prompt, in which AND and a weight at the end are plain text."""
    return [SubPrompt(1.0, schedule(text, steps))]


def counts_steps(text: str, negative: bool) -> bool:
    """Whether the prompt changes on the way, so that it matters how steps are counted."""
    parts = [text] if negative else [part for part, _ in _weighted_parts(text)]
    return any(not isinstance(piece, str) for part in parts for piece in parse_edits(part))

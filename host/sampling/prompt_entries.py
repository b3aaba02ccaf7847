"""The entries of prompts that A1111's guidance chooses from: which apply at a step, and their weights."""

from __future__ import annotations

from typing import Any

import torch

from ...hires.prompts.passes import PART_KEY, PromptPart
from ...hires.sizes.regions import Cond
from ..prompts.text import EMPTY_KEY

Entry = dict[str, Any]
"""A conditioning as the host's guiders hold it."""

Group = tuple[list[Entry], float]
"""The entries of one AND part, and its weight."""


def is_marked(positive: Cond, negative: Cond) -> bool:
    """Whether any entry comes from A1111 Prompt, with more to it than the host's guider knows."""
    return any(PART_KEY in extra or EMPTY_KEY in extra for _, extra in (*positive, *negative))


def prepared(positive: Cond, negative: Cond) -> tuple[Cond, Cond]:
    """Both prompts for a guider that chooses by step, not by the host's percentages, and of one length if asked."""
    return _padded(_without_percentages(positive), _without_percentages(negative))


def _without_percentages(cond: Cond) -> Cond:
    """Leave out the ranges that scheduled entries carry for the host's samplers; those set by a later node stay."""

    def own(extra: Entry) -> bool:
        part = extra.get(PART_KEY)
        return part is not None and (extra.get("start_percent"), extra.get("end_percent")) == part.percents

    ranges = ("start_percent", "end_percent")
    return [
        [tensor, {k: v for k, v in extra.items() if k not in ranges} if own(extra) else extra] for tensor, extra in cond
    ]


def _padded(positive: Cond, negative: Cond) -> tuple[Cond, Cond]:
    """A1111's `pad_cond_uncond`: fill the shorter prompt up with chunks of the empty one, if the node asked for it."""
    empty = next((extra[EMPTY_KEY] for _, extra in (*positive, *negative) if EMPTY_KEY in extra), None)
    if empty is None:
        return positive, negative
    missing = (positive[0][0].shape[1] - negative[0][0].shape[1]) // empty.shape[1]

    def fill(cond: Cond, chunks: int) -> Cond:
        return [[torch.cat([tensor, *[empty.to(tensor)] * chunks], dim=1), extra] for tensor, extra in cond]

    return fill(positive, max(0, -missing)), fill(negative, max(0, missing))


def active(entries: list[Entry], step: int, sigma: torch.Tensor) -> list[Group]:
    """Group the entries that apply at a step by AND part: `[(entries, weight)]`.

    Parts of which nothing applies, because a later node has limited when, are left out.
    """
    groups: dict[int, list[tuple[Entry, PromptPart | None]]] = {}
    for entry in entries:
        part: PromptPart | None = entry.get(PART_KEY)
        groups.setdefault(part.group if part else 0, []).append((entry, part))
    active = []
    for members in groups.values():
        members = [(entry, part) for entry, part in members if _in_range(entry, sigma)]
        now = [(e, part) for e, part in members if part is None or part.first_step <= step <= part.last_step]
        chosen = now or members[:1]
        if chosen:
            part = chosen[0][1]
            active.append(([entry for entry, _ in chosen], part.weight if part else 1.0))
    return active or [([], 1.0)]


def _in_range(entry: Entry, sigma: torch.Tensor) -> bool:
    """Whether the host would take an entry at a sigma."""
    start, end = entry.get("timestep_start"), entry.get("timestep_end")
    return (start is None or bool(sigma <= start)) and (end is None or bool(sigma >= end))

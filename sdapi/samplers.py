"""Samplers and schedules by the names that clients give them, found as A1111's API finds them."""

from __future__ import annotations

from ..hires.sampling.menus import AUTOMATIC, SAMPLERS, SCHEDULES, UNIFORM
from .errors import failed

SAME_SCHEDULER = "Use same scheduler"
FIRST = next(iter(SAMPLERS))

BY_NAME = {name: label for label, schedule in SCHEDULES.items() for name in (schedule.name, label)}
"""A1111 takes a schedule's name or its label."""


def sampler_and_schedule(sampler: str | None, schedule: str | None) -> tuple[str, str]:
    """The menu's names. Old names that end with a schedule are split; that schedule counts where none is given.

    As in A1111, an unknown sampler is the first of the menu, and an unknown schedule is computed as Uniform. The reply
    tells which they were.
    """
    found, name = AUTOMATIC, sampler or FIRST
    for label, entry in SCHEDULES.items():
        ending = next((way for way in (label, entry.name, *entry.aliases) if name.endswith(f" {way}")), None)
        if ending:
            found, name = label, name.removesuffix(f" {ending}")
            break
    name = name if name in SAMPLERS else FIRST
    if schedule:
        found = schedule_label(schedule)
        # without a schedule of its own, Automatic is Uniform
        unknown_is_automatic = schedule not in BY_NAME and SAMPLERS[name].schedule is None
        return name, AUTOMATIC if unknown_is_automatic else found
    return name, AUTOMATIC if found == SAMPLERS[name].schedule else found


def hires_sampler(name: str | None) -> str | None:
    """The sampler of the second pass; None for the first pass's.

    Raises:
        ApiError: there is none of that name.
    """
    if not name:
        return None
    if name not in SAMPLERS:
        raise failed("AssertionError", f"bad sampler name: {name}")
    return name


def schedule_label(name: str | None) -> str:
    """The label of a schedule that was not looked up before: what A1111 does not know is computed as Uniform."""
    return AUTOMATIC if name is None else BY_NAME.get(name, UNIFORM)


def hires_schedule(name: str | None) -> str | None:
    """The schedule of the second pass; None for the first pass's."""
    return None if not name or name == SAME_SCHEDULER else schedule_label(name)

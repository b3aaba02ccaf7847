"""What progress told while a job ran, beside what A1111 told of the same job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Poll = dict[str, Any]
"""A reply of `GET /sdapi/v1/progress`, without its picture."""

_NEAR = 0.01
"""How far progress may be off at the same step."""


def polls_apart(theirs: Sequence[Poll], ours: Sequence[Poll]) -> list[str]:
    """What progress of a running job told otherwise, step by step. Which steps were seen depends on the moment.

    A poll before the first step of a batch still has the number of steps of the batch before.
    """
    known = {_step_of(poll): poll for poll in theirs if _runs(poll)}
    found: dict[str, None] = {}
    last = 0.0
    for poll in filter(_runs, ours):
        number, step = _step_of(poll)
        state, progress = poll["state"], poll["progress"]
        if progress < last:
            found[f"progress went back from {last:.3f} to {progress:.3f}"] = None
        last = progress
        if number == state["job_count"]:
            continue  # all is drawn, and the reply is made
        # a batch that has just ended is at its last step, which A1111 does not tell
        wanted = known.get((number, step)) or known.get((number, step - 1))
        if wanted is None:
            found[f"batch {number} step {step} is none of A1111's"] = None
            continue
        keys = ["job", "job_count", *(["sampling_steps"] if step else [])]
        found |= {
            f"{key} {state[key]!r} instead of {wanted['state'][key]!r}": None
            for key in keys
            if state[key] != wanted["state"][key]
        }
        if _step_of(wanted) == (number, step) and abs(progress - wanted["progress"]) > _NEAR:
            found[f"progress {progress:.3f} instead of {wanted['progress']:.3f} at step {step}"] = None
    return [f"progress: {text}" for text in found]


def _runs(poll: Poll) -> bool:
    return poll["state"]["job_count"] > 0


def _step_of(poll: Poll) -> tuple[int, int]:
    return poll["state"]["job_no"], poll["state"]["sampling_step"]

"""How far the job is that is drawn now, as A1111 tells it."""

from __future__ import annotations

import io
import time
from base64 import b64encode
from typing import Any

from .jobs import JOBS, Job

_BEGUN = 0.01
"""A1111's progress of a job that has begun."""


def progress(skip_current_image: bool) -> dict[str, Any]:
    """The reply of `GET /sdapi/v1/progress`."""
    job = JOBS.current
    if job is None:
        return _told(0.0, 0.0, _state(JOBS.last, is_over=True), None)
    step, steps, part = _place(job)
    done = _BEGUN + part / job.count
    if steps:
        done += step / steps / job.count
    done = min(1.0, done)
    passed = time.monotonic() - job.started
    picture = None if skip_current_image else _preview(job)
    return _told(done, passed / done - passed, _state(job), picture)


def _place(job: Job) -> tuple[int, int, int]:
    """Step, steps and number of the part that is drawn."""
    watcher = job.watcher
    if not job.prompt_id:  # between two graphs, or behind the last
        return 0, watcher.steps, job.done_graphs * job.parts_of_graph
    part = job.done_graphs * job.parts_of_graph + min(max(0, watcher.rounds - 1), job.parts_of_graph - 1)
    return watcher.step, watcher.steps, part


def _state(job: Job | None, is_over: bool = False) -> dict[str, Any]:
    step, steps, part = _place(job) if job else (0, 0, 0)
    if job and is_over:
        step, part = 0, job.count
    return {
        "skipped": bool(job and job.is_skipped and not is_over),
        "interrupted": bool(job and job.is_interrupted),
        "stopping_generation": False,
        "job": job.name_of(part) if job and not is_over else "",
        "job_count": job.count if job and not is_over else 0,
        "job_timestamp": job.timestamp if job else "0",
        "job_no": part,
        "sampling_step": step,
        "sampling_steps": steps,
    }


def _told(done: float, left: float, state: dict[str, Any], picture: str | None) -> dict[str, Any]:
    return {"progress": done, "eta_relative": left, "state": state, "current_image": picture, "textinfo": None}


def _preview(job: Job) -> str | None:
    picture = job.watcher.picture
    if picture is None:
        return None
    file = io.BytesIO()
    picture.convert("RGB").save(file, "PNG")
    return b64encode(file.getvalue()).decode("ascii")

"""Jobs of clients on the host's queue: one after the other, each of one or several graphs, told to whoever asks."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import comfy.model_management
import execution
import latent_preview
from comfy.cli_args import LatentPreviewMethod
from comfy_execution.progress import get_progress_state
from server import PromptServer

from ...hires.graph.builder import Graph
from ...hires.graph.to_api import to_api
from ...hires.graph.to_ui import to_ui
from ...sdapi.errors import ApiError, failed
from ..ending import end_early, is_over
from .watching import Watcher, has_picture

_POLL = 0.05
"""Seconds between two looks at the queue."""


@dataclass
class Ended:
    """How a graph ended."""

    was_cancelled: bool = False
    pictures: list[dict[str, str]] = field(default_factory=list)
    """Files of its last node, as the host tells them: filename, subfolder and type."""


@dataclass(eq=False)
class Job:
    """What one client waits for."""

    name: str
    count: int
    """Parts that A1111 counts: batches, twice as many with hires fix."""

    parts_of_graph: int = 1
    batches: int = 1
    """Of several, progress tells the number."""
    is_sampled: bool = True
    """There is nothing of it before its first pass has begun."""

    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    started: float = field(default_factory=time.monotonic)
    timestamp: str = field(default_factory=lambda: datetime.now().strftime("%Y%m%d%H%M%S"))
    number: float | None = None
    """Its place in the host's queue, the same for all of its graphs: nobody's graph comes between them."""

    done_graphs: int = 0
    runs: int = 0
    """Graphs that were queued, also those that nobody counts."""

    prompt_id: str = ""
    is_running: bool = False
    watcher: Watcher = field(default_factory=Watcher)
    is_interrupted: bool = False
    is_skipped: bool = False
    is_given_up: bool = False
    """Nobody waits for its graph any more, of which there is nothing yet."""

    def name_of(self, part: int) -> str:
        """What progress tells while a part is drawn, counted from 0."""
        if self.batches == 1:
            return self.name
        number = min(part * self.batches // self.count, self.batches - 1)
        return f"Batch {number + 1} out of {self.batches}"

    def interrupt(self) -> None:
        """End it: what is drawn ends with its picture as far as that is, and nothing more is begun."""
        self.is_interrupted = True
        if self.is_sampled and self._is_at_work() and not has_picture(self.prompt_id):
            self.is_given_up = True
            comfy.model_management.interrupt_current_processing()
        else:
            self._end_graph()

    def skip(self) -> None:
        """End the graph that is drawn; the next one follows."""
        self.is_skipped = True
        self._end_graph()

    def _is_at_work(self) -> bool:
        running, _ = PromptServer.instance.prompt_queue.get_current_queue_volatile()
        return any(item[1] == self.prompt_id for item in running)

    def _end_graph(self) -> None:
        if not self.prompt_id:
            return
        end_early(self.prompt_id)
        PromptServer.instance.prompt_queue.delete_queue_item(lambda item: item[1] == self.prompt_id)


class Jobs:
    """All jobs of this server."""

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self.last: Job | None = None
        """The one that ended last."""

    @property
    def current(self) -> Job | None:
        """The one that is drawn, or the first that waits."""
        return next((job for job in self._jobs if job.is_running), self._jobs[0] if self._jobs else None)

    @contextlib.asynccontextmanager
    async def job(self, name: str, count: int, parts_of_graph: int = 1, is_sampled: bool = True) -> AsyncIterator[Job]:
        """A job that counts from here on until the end of the block."""
        job = Job(name, count, parts_of_graph, is_sampled=is_sampled)
        self._jobs.append(job)
        try:
            yield job
        finally:
            self._jobs.remove(job)
            self.last = job

    async def run(self, job: Job, graph: Graph, counts: bool = True) -> Ended:
        """Queue a graph and wait for its end; of a job that was interrupted before, nothing is run.

        `counts`: as one of the job's parts, see `Job.count`.

        Raises:
            ApiError: it was refused, or failed (the sentence is that of the node), or somebody else cancelled it.
        """
        server = PromptServer.instance
        prompt, workflow = await asyncio.to_thread(lambda: (to_api(graph), to_ui(graph)))
        last = list(prompt)[-1]
        # files of an earlier run may be gone by now: what hands the pictures over runs every time
        prompt[last]["inputs"]["job"] = f"{job.id}-{job.runs}"
        job.runs += 1
        extra: dict[str, Any] = {"extra_pnginfo": {"workflow": workflow}}
        if latent_preview.default_preview_method == LatentPreviewMethod.NoPreviews:  # args has that of the last run
            extra["preview_method"] = LatentPreviewMethod.Latent2RGB.value
        prompt_id = str(uuid.uuid4())
        is_valid, error, outputs, node_errors = await execution.validate_prompt(prompt_id, prompt, None)
        if not is_valid or node_errors:
            raise _refused(error, node_errors)
        if job.is_interrupted:
            return Ended(was_cancelled=True)
        if job.number is None:
            job.number, server.number = server.number, server.number + 1
        extra["create_time"] = int(time.time() * 1000)
        job.prompt_id, job.is_skipped = prompt_id, False
        job.watcher = Watcher()
        server.prompt_queue.put((job.number, prompt_id, prompt, extra, outputs, {}))
        try:
            entry = await self._end_of(job, prompt_id)
        finally:
            job.is_running, job.prompt_id = False, ""
            is_over(prompt_id)
        job.done_graphs += counts
        ended = _ended(entry, last)
        if ended.was_cancelled and not (job.is_skipped or job.is_interrupted):
            raise failed("InterruptedError", "Somebody cancelled the job on the server.")
        return ended

    async def _end_of(self, job: Job, prompt_id: str) -> Mapping[str, Any] | None:
        """The history of a graph, once it is there; None if somebody took it out of the queue, or it is given up."""
        queue = PromptServer.instance.prompt_queue
        while not job.is_given_up:
            found = queue.get_history(prompt_id, map_function=lambda entry: entry)
            if found:
                return found[prompt_id]
            running, waiting = queue.get_current_queue_volatile()
            job.is_running = any(item[1] == prompt_id for item in running)
            if job.is_running:
                job.watcher.attach(get_progress_state(), prompt_id)
            elif all(item[1] != prompt_id for item in waiting):
                # it may have ended between the two looks
                found = queue.get_history(prompt_id, map_function=lambda entry: entry)
                return found.get(prompt_id)
            await asyncio.sleep(_POLL)
        return None


JOBS = Jobs()


def _refused(error: Any, node_errors: Mapping[str, Any]) -> ApiError:
    """What the host says of a graph that it does not take."""
    said = [
        f"{node.get('class_type')}: {found.get('message')}: {found.get('details')}"
        for node in (node_errors or {}).values()
        for found in node.get("errors", [])
    ]
    return failed("RuntimeError", "; ".join(said) or str((error or {}).get("message", error)))


def _ended(entry: Mapping[str, Any] | None, last: str) -> Ended:
    if entry is None:
        return Ended(was_cancelled=True)
    found = entry.get("outputs", {}).get(last, {})
    ended = Ended(pictures=list(found.get("files") or found.get("images") or []))
    status = entry.get("status") or {}
    for name, told in status.get("messages", []):
        if name == "execution_interrupted":
            ended.was_cancelled = True
        elif name == "execution_error":
            kind = str(told.get("exception_type", "RuntimeError")).rpartition(".")[2]
            message = str(told.get("exception_message", "")).strip()
            raise failed(kind, f"{told.get('node_type')}: {message}")
    if status.get("status_str") != "success" and not ended.was_cancelled:
        raise failed("RuntimeError", "The host ended the job and said nothing of why; its log may.")
    return ended

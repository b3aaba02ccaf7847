"""All devices of this process: a thread and a copy of the models for each."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from .jobs import ModelFile
from .models import ModelStore
from .workplace import FUNCTIONS, Workplace


class ThreadPool:
    """A `Pool` of threads."""

    def __init__(self, name: str, devices: Sequence[torch.device], folders: Sequence[str | Path]) -> None:
        """`folders`: of models."""
        self.name = name
        self._is_closed = False
        self._free: queue.SimpleQueue[tuple[torch.device, Workplace]] = queue.SimpleQueue()
        for device in devices:
            self._free.put((device, Workplace(ModelStore(folders), device, self._check)))
        self._slots = len(devices)
        self._threads = ThreadPoolExecutor(self._slots, thread_name_prefix="hires-fix")

    def meet(self, files: Sequence[ModelFile], paths: Sequence[Path]) -> list[str]:
        return []  # they see the same files

    def prepare(self, function: str, *arguments: Any, check: Callable[[], None]) -> list[str]:
        """See `Pool`. Each of them makes ready by itself."""
        return []

    def slots(self) -> int:
        return self._slots

    def submit(self, function: str, *arguments: Any) -> _Ticket:
        return _Ticket(self._threads.submit(self._run, function, *arguments))

    def exclude(self, who: str) -> None:
        """They are all of this process: none is another version."""

    def close(self) -> None:
        """See `Pool`; what runs ends with its next tile."""
        self._is_closed = True
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _run(self, function: str, *arguments: Any) -> Any:
        device, workplace = self._free.get()
        try:
            # some networks make tensors on whatever is torch's device at the time, which each thread has its own of
            with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
                return FUNCTIONS[function](workplace, *arguments)
        finally:
            self._free.put((device, workplace))

    def _check(self, done: int, total: int) -> None:
        if self._is_closed:
            raise _ClosedError


class _ClosedError(Exception):
    """The job is over."""


class _Ticket:
    def __init__(self, future: Future[Any]) -> None:
        self._future = future

    def wait(self, seconds: float) -> bool:
        return bool(wait_for([self._future], seconds).done)

    def result(self) -> Any:
        return self._future.result()

    def cancel(self) -> None:
        self._future.cancel()

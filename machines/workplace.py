"""What a worker does: one device, its models, and the few functions that it can be asked for."""

from __future__ import annotations

import os
import platform
import socket
import tempfile
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch

from ..hires.errors import InputError
from ..upscale_models import CpuRuntime, ModelUpscaler, Runtime
from .comfyui import ComfyUI, NoComfyUIError, is_wanted
from .entries import FETCH, MODELS, THREADS
from .jobs import ModelFile, Plain, code_digest, do_job
from .models import MissingModelError, ModelStore
from .windows import WindowRuns

_SEVERAL = 16
"""Small pictures that a graphics card sees together, as in the host."""


_FLOAT16, _BFLOAT16 = 7, 8
"""Generations of graphics cards (CUDA's compute capability) from which on these are faster than float32."""


class DeviceRuntime(CpuRuntime):
    """A runtime without a host, on any device."""

    def __init__(self, device: torch.device, on_progress: Callable[[int, int], None] | None = None) -> None:
        super().__init__(on_progress)
        self.device = device

    def half_types(self) -> tuple[torch.dtype, ...]:
        """Those that the host would choose, by the same generations of cards."""
        if self.device.type == "cpu":
            return super().half_types()
        generation = torch.cuda.get_device_capability(self.device)[0] if self.device.type == "cuda" else _BFLOAT16
        known = {torch.float16: _FLOAT16, torch.bfloat16: _BFLOAT16}
        return tuple(dtype for dtype, first in known.items() if generation >= first)

    def pictures_at_once(self) -> int:
        return 1 if self.device.type == "cpu" else _SEVERAL

    def prepare(self, upscaler: ModelUpscaler, memory_required_bytes: int) -> None:
        upscaler.descriptor.to(self.device)

    def free_memory(self) -> int | None:
        return torch.cuda.mem_get_info(self.device)[0] if self.device.type == "cuda" else None


class Workplace:
    """A device and its models. Used by one thread at a time."""

    def __init__(
        self, store: ModelStore, device: torch.device, on_progress: Callable[[int, int], None] | None = None
    ) -> None:
        """`on_progress`: see `CpuRuntime`; may raise to cancel what is being done."""
        self._store, self._device, self._on_progress = store, device, on_progress
        self._windows = WindowRuns(store.load)
        self._comfyui = ComfyUI()

    def hello(self) -> Plain:
        """Who is here: what two machines must have in common, and what is good to know."""
        device = self._device
        return {
            "code": _code(),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
            "machine": socket.gethostname(),
            "process": os.getpid(),
            "fetches": self._store.takes_models,
        }

    def missing(self, files: Sequence[Plain]) -> list[str]:
        """SHA-256 of those models that are not here."""
        return [file["sha256"] for file in files if self._store.path(ModelFile(**file)) is None]

    def take(self, file: Plain, data: bytes) -> None:
        """See `ModelStore.take`."""
        self._store.take(ModelFile(**file), data)

    @torch.inference_mode()
    def upscale(self, job: Plain, code: str) -> Plain:
        """See `do_job`; adds `who` did it. What cannot be done is the answer's `failed`, a sentence; `refused` is why
        this worker does nothing at all for whoever asks."""
        return self._do(code, partial(do_job, job, self._store.load, self._runtimes))

    @torch.inference_mode()
    def window(self, task: Plain, code: str) -> Plain:
        """See `WindowRuns`, or `redraw` for those of a workflow; as `upscale`."""
        if "fragment" in task:
            return self.redraw(task)
        return self._do(code, partial(self._windows.do, task, *self._runtimes(1)))

    def redraw_ready(self, fragment: Plain) -> Plain:
        """Make ready for windows of a workflow, see `host.redraw.served`; `refused` as in `upscale`."""
        return self._drawn("ready", fragment)

    def redraw(self, window: Plain) -> Plain:
        """A window of a workflow, see `host.redraw.served`; as `upscale`."""
        return self._drawn("draw", window, is_wanted)

    def _drawn(self, name: str, *arguments: Any) -> Plain:
        who = _who()
        try:
            return {**self._comfyui.call(name, *arguments), "who": who}
        except NoComfyUIError as error:
            return {"refused": str(error), "who": who}

    def _do(self, code: str, work: Callable[[], Plain]) -> Plain:
        who = _who()
        if code != _code():
            return {"refused": "it has another version of the pack", "who": who}
        try:
            return {**work(), "who": who}
        except MissingModelError as error:
            return {"refused": str(error).rstrip("."), "who": who}
        except InputError as error:
            return {"failed": str(error), "who": who}

    def _runtimes(self, count: int) -> list[Runtime]:
        return [DeviceRuntime(self._device, self._on_progress) for _ in range(count)]


def call(name: str, *arguments: Any) -> Any:
    """Call a function of this process' own workplace: what a worker process runs."""
    return FUNCTIONS[name](_own(), *arguments)


FUNCTIONS = {
    "hello": Workplace.hello,
    "missing": Workplace.missing,
    "take": Workplace.take,
    "upscale": Workplace.upscale,
    "window": Workplace.window,
    "redraw_ready": Workplace.redraw_ready,
    "redraw": Workplace.redraw,
}


def _who() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


@cache
def _code() -> str:
    return code_digest()


@cache
def _own() -> Workplace:
    """What the process was started for, see `MODELS`."""
    threads = int(os.environ.get(THREADS, "0"))
    if threads > 0:
        torch.set_num_threads(threads)
    folders = [folder for folder in os.environ.get(MODELS, "").split(os.pathsep) if folder]
    takes = Path(tempfile.gettempdir()) / "hires-fix-models" if os.environ.get(FETCH) == "1" else None
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return Workplace(ModelStore(folders, takes), device)

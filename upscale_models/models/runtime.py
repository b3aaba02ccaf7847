"""What the engine asks of the program it runs in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch

from .spandrel_model import ModelUpscaler


class Runtime(Protocol):
    """Devices, memory, progress and cancelling, as the host handles them."""

    @property
    def device(self) -> torch.device:
        """Where models run."""
        ...

    @property
    def output_device(self) -> torch.device:
        """Where finished pictures are kept."""
        ...

    def half_types(self) -> tuple[torch.dtype, ...]:
        """Number formats of half the size of float32 in which `device` is faster, the best first."""
        ...

    def pictures_at_once(self) -> int:
        """How many small pictures of a batch a model should see together: above 1 where one leaves `device` idle."""
        ...

    def prepare(self, upscaler: ModelUpscaler, memory_required_bytes: int) -> None:
        """Bring the model to `device` with this much memory left to work in.

        Called before the runs of a job, and again with less after every out-of-memory.
        """
        ...

    def free_memory(self) -> int | None:
        """Bytes on `device` that `prepare` can provide, or None if unknown; decides the automatic tile size."""
        ...

    def is_out_of_memory(self, error: Exception) -> bool:
        """Whether this error means that smaller tiles could help."""
        ...

    def progress(self, done: int, total: int) -> None:
        """Hear of every finished tile: how much work is done and how much there is in all, in the same unit.

        Within a job `done` grows and `total` stays. May raise anything to cancel the job.
        """
        ...


class CpuRuntime:
    """A runtime without a host: everything on the CPU."""

    device = torch.device("cpu")
    output_device = torch.device("cpu")

    def __init__(self, on_progress: Callable[[int, int], None] | None = None) -> None:
        self._on_progress = on_progress

    def half_types(self) -> tuple[torch.dtype, ...]:
        return cpu_half_types()

    def pictures_at_once(self) -> int:
        return 1

    def prepare(self, upscaler: ModelUpscaler, memory_required_bytes: int) -> None:
        upscaler.descriptor.to(self.device)

    def free_memory(self) -> int | None:
        return None

    def is_out_of_memory(self, error: Exception) -> bool:
        return is_allocation_failure(error)

    def progress(self, done: int, total: int) -> None:
        if self._on_progress is not None:
            self._on_progress(done, total)


def cpu_half_types() -> tuple[torch.dtype, ...]:
    """Return bfloat16 if this CPU computes in it; where it only imitates it, it is slower than float32."""
    # private in torch, which has no public question for it
    found = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return (torch.bfloat16,) if any(question is not None and question() for question in found) else ()


_NO_MEMORY = (
    "out of memory",  # CUDA, MPS
    "can't allocate memory",  # the CPU
    "alloc_failed",  # CUBLAS_STATUS_ALLOC_FAILED, CUDNN_STATUS_ALLOC_FAILED
    "allocation_failed",  # cuDNN 9: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED
)
"""What errors of torch, which are plain RuntimeErrors, say in small letters where memory has run out."""


def is_allocation_failure(error: Exception) -> bool:
    """Recognise out-of-memory on any device, also where torch raises a RuntimeError (CPU, MPS, CUDA's libraries)."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _NO_MEMORY)

"""Whether main memory has room for what a node will make."""

from __future__ import annotations

import comfy.model_management
import torch

from ..hires.errors import InputError
from ..hires.memory import as_text, free_in_container
from ..upscale_models import is_allocation_failure

_CPU = torch.device("cpu")


def free_on(device: torch.device) -> int:
    """Bytes that are free on a device."""
    free = comfy.model_management.get_free_memory(device)
    return int(free[0] if isinstance(free, tuple) else free)


def free_main_memory() -> int:
    """Bytes that can be taken before the system looks for a process to kill: the machine's, or the container's."""
    free = free_on(_CPU)
    limit = free_in_container()
    return free if limit is None else min(free, limit)


def is_out_of_memory(error: Exception) -> bool:
    """Whether it is; also the CPU's and MPS's failures, which the host does not recognise."""
    return comfy.model_management.is_oom(error) or is_allocation_failure(error)


def check_memory(what: str, needed: int, input_name: str) -> None:
    """Refuse results that would end in the system killing the host, before any work is done.

    `what` begins the sentence: "8x8 pixels would become 16x16"; `needed` bytes are the very least that it takes.

    Raises:
        InputError: less memory is free.
    """
    # a GPU says itself what it has no room for
    if comfy.model_management.intermediate_device().type != _CPU.type:
        return
    free = free_main_memory()
    if needed > free:
        raise InputError(
            f"{what}, which takes at least {as_text(needed)} of main memory, and {as_text(free)} are free. "
            "Ask for a smaller size or fewer pictures at once, or take Upscale Folder, which writes large results to "
            "files piece by piece.",
            input_name,
        )

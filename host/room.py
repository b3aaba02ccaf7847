"""Whether main memory has room for pictures beyond the host's own limit."""

from __future__ import annotations

import comfy.model_management
import torch

from ..hires.errors import InputError
from ..hires.sizes import MAX_SIDE

_CPU = torch.device("cpu")


def check_room(source: tuple[int, int], size: tuple[int, int], needed: int, input_name: str) -> None:
    """Refuse results that would end in the system killing the host, before any work is done.

    Those within `MAX_SIDE` are left to the system, which may swap or give up caches: what could be made stays possible.

    Args:
        source: width and height of the pictures.
        size: width and height that the upscaler makes of them.
        needed: bytes that this takes at the very least.
        input_name: the input that decides about the size.

    Raises:
        InputError: less memory is free.
    """
    output = comfy.model_management.intermediate_device()
    free = comfy.model_management.get_free_memory(_CPU)
    # a GPU says itself what it has no room for
    if max(size) <= MAX_SIDE or output.type != _CPU.type or needed <= free:
        return
    raise InputError(
        f"{source[0]}x{source[1]} pixels would become {size[0]}x{size[1]}, which take at least {needed / 1e9:.1f} GB "
        f"of main memory, and {free / 1e9:.1f} GB are free. Ask for a smaller size or fewer pictures at once, or take "
        "Upscale Folder, which writes large results to files piece by piece.",
        input_name,
    )

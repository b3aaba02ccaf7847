"""Ending the passes of a run early, with the picture as far as it is: what A1111's Interrupt and Skip do."""

from __future__ import annotations

import torch
from comfy_execution.utils import get_executing_context
from server import PromptServer

_asked: set[str] = set()


class EndedEarlyError(Exception):
    """Leaves a sampler. `denoised`: the picture that the last step predicted, as the model has latents."""

    def __init__(self, denoised: torch.Tensor) -> None:
        super().__init__()
        self.denoised = denoised


def end_early(prompt_id: str) -> None:
    """Let every pass of a run end after its next step.

    The host forgets all results when the run is over: nobody may get a picture that was cut short out of its cache.
    """
    queue = PromptServer.instance.prompt_queue
    queue.set_flag("free_memory", True)
    queue.set_flag("unload_models", False)
    _asked.add(prompt_id)


def is_over(prompt_id: str) -> None:
    """The run has ended."""
    _asked.discard(prompt_id)


def check(denoised: torch.Tensor) -> None:
    """After a step. Raises EndedEarlyError if this run is to end."""
    context = get_executing_context() if _asked else None
    if context is not None and context.prompt_id in _asked:
        raise EndedEarlyError(denoised)

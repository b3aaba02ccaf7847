"""Ending a run early, with the picture as far as it is: what A1111's Interrupt and Skip do.

A pass ends after its next step. A stage that can do without its result (enlarging between the passes, a picture's
upscaler) is left at once, and later passes are not begun.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import comfy.model_management
import torch
from comfy_execution.utils import get_executing_context
from server import PromptServer

_asked: set[str] = set()
_may_be_left: ContextVar[bool] = ContextVar("may_be_left", default=False)


class EndedEarlyError(Exception):
    """Leaves a sampler. `denoised`: the picture that the last step predicted, as the model has latents."""

    def __init__(self, denoised: torch.Tensor) -> None:
        super().__init__()
        self.denoised = denoised


class StageLeftError(Exception):
    """Leaves a stage that was begun with `may_be_left`."""


def end_early(prompt_id: str) -> None:
    """Let a run end with what there is.

    The host forgets all results when the run is over: nobody may get a picture that was cut short out of its cache.
    """
    queue = PromptServer.instance.prompt_queue
    queue.set_flag("free_memory", True)
    queue.set_flag("unload_models", False)
    _asked.add(prompt_id)


def is_over(prompt_id: str) -> None:
    """The run has ended."""
    _asked.discard(prompt_id)


def is_asked() -> bool:
    """Whether the run that asks is to end."""
    context = get_executing_context() if _asked else None
    return context is not None and context.prompt_id in _asked


def check(denoised: torch.Tensor) -> None:
    """After a step. Raises EndedEarlyError if this run is to end."""
    if is_asked():
        raise EndedEarlyError(denoised)


@contextmanager
def may_be_left() -> Iterator[None]:
    """A stage whose caller goes on without its result where StageLeftError comes out of it."""
    token = _may_be_left.set(True)
    try:
        check_stage()
        yield
    finally:
        _may_be_left.reset(token)


def check_stage() -> None:
    """Between two parts of a stage: raises what the host has for a cancelled run, or StageLeftError."""
    comfy.model_management.throw_exception_if_processing_interrupted()
    if _may_be_left.get() and is_asked():
        raise StageLeftError

"""Upscaling pictures on their own, as A1111's Extras tab does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import comfy.model_management
import torch

from ...hires.errors import InputError
from ...hires.images.checks import check_image
from ...hires.images.resample import from_8_bit, to_8_bit
from ...hires.plan.upscale import UpscaleRequest
from ...hires.sizes.image_sizes import Size
from ...upscale_models import (
    CLASSICAL,
    ClassicalUpscaler,
    Helpers,
    ModelUpscaler,
    Upscaler,
    upscale_extras,
    upscale_to,
)
from ..ending import StageLeftError, may_be_left
from ..memory import check_memory
from .runtime import HostRuntime, patcher_of

OnProgress = Callable[[float], None]
"""Hears which part of a picture is done, 0 to 1. May raise to cancel."""


def upscale_image(
    image: torch.Tensor, request: UpscaleRequest[Upscaler], helpers: Helpers | None = None
) -> torch.Tensor:
    """Bring pictures `(B, H, W, C)`, 0 to 1, to an exact size with one or two upscalers, without a diffusion model.

    In a run that ends early, what was not enlarged by then is brought to the size by a filter, as in A1111. `helpers`:
    see `upscale_to`; A1111's numbers are made without.

    Raises:
        InputError: of the image, the size or the upscalers, or there is no room for such large results.
    """
    try:
        with may_be_left():
            return _enlarged(image, request, helpers)
    except StageLeftError:
        filter_ = request.upscaler if isinstance(request.upscaler, ClassicalUpscaler) else CLASSICAL["Lanczos"]
        return _enlarged(image, replace(request, upscaler=filter_, second=None))


def _enlarged(image: torch.Tensor, request: UpscaleRequest[Upscaler], helpers: Helpers | None = None) -> torch.Tensor:
    if not isinstance(image, torch.Tensor):
        raise InputError(f"expected pictures, found {type(image).__name__}.", "image")
    check_image(image, "image")
    plan = request.plan((image.shape[2], image.shape[1]), len(image), image.shape[-1])
    made = plan.up if request.numbers == "A1111" else plan.size
    check_memory(becomes(len(image), plan.source, made), plan.needed, request.size_input)
    if plan.extras is not None:
        runtime, others = HostRuntime(), (request.seen_second, request.visibility)
        pictures = upscale_extras(to_8_bit(image), plan.extras, request.upscaler, *others, request.tiles, runtime)
        return from_8_bit(pictures).to(runtime.output_device)
    results = [
        upscale_to(image, job.upscaler, *job.target, job.tiles, HostRuntime(), plan.window, helpers)
        for job in plan.jobs
    ]
    return results[0] if len(results) == 1 else results[0].lerp_(results[1], request.share)


def becomes(count: int, source: Size, size: Size) -> str:
    """Begin a sentence about pictures that are enlarged."""
    pictures = f"{count} pictures of " if count > 1 else ""
    return f"{pictures}{source[0]}x{source[1]} pixels would become {size[0]}x{size[1]}"


def shared_runtimes(on_progress: OnProgress, count: int) -> Sequence[HostRuntime]:
    """For upscalers that take turns on one picture."""
    parts = [0.0] * count
    together: list[ModelUpscaler] = []

    def report(index: int, part: float) -> None:
        parts[index] = part
        on_progress(sum(parts) / count)

    return [_SharedRuntime(together, partial(report, index)) for index in range(count)]


class _SharedRuntime(HostRuntime):
    """The host's runtime for upscalers that take turns on one of many pictures."""

    def __init__(self, together: list[ModelUpscaler], report: OnProgress) -> None:
        super().__init__()
        self._together = together
        self._report = report

    def prepare(self, upscaler: ModelUpscaler, memory_required_bytes: int) -> None:
        """Bring a model to the device, which must not push the other off."""
        super().prepare(upscaler, memory_required_bytes)
        if upscaler not in self._together:
            self._together.append(upscaler)
        if len(self._together) > 1:
            comfy.model_management.load_models_gpu(
                [patcher_of(one) for one in self._together], memory_required=memory_required_bytes
            )

    def progress(self, done: int, total: int) -> None:
        self._report(done / total)

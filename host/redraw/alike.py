"""Whether two processes have come to the same model and prompts, also where their devices round otherwise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch

from ...hires.plan.upscale import UpscaleRequest
from ...machines.jobs import Plain
from ...upscale_models import PlacedUpscaler, Upscaler
from .identity import digest_of, words_of
from .request import RedrawRequest

Request = RedrawRequest | UpscaleRequest[Upscaler]
"""What workers get windows of: those of a redraw, or of upscalers that are told where windows lie."""

_SAMPLES = 1024
"""Values of a tensor that are compared."""

_NEAR = 0.05
"""Root mean square of their differences, as a share of their own."""


_NOT_OF_WINDOWS = {"origin", "before"}
"""Words of upscalers that hold when files were written, and that are about what comes before windows."""


@runtime_checkable
class Drawing(Protocol):
    """An upscaler that draws."""

    @property
    def drawn_with(self) -> tuple[Any, Sequence[Any]]:
        """The model, and the prompts."""
        ...


def sketch(request: Request) -> Plain:
    """What a request is made of, as JSON can hold it: numbers, names, what is patched into the model, the prompts."""
    if isinstance(request, RedrawRequest):
        prompts = [request.positive, request.negative, request.plan]
        return _sketch(request.words, [request.model.patches], prompts)
    placed = placed_of(request)
    words = [{key: value for key, value in one.words.items() if key not in _NOT_OF_WINDOWS} for one in placed]
    drawn_with = [one.drawn_with for one in placed if isinstance(one, Drawing)]
    return _sketch([[one.name for one in placed], words], [model.patches for model, _ in drawn_with],
                   [list(prompts) for _, prompts in drawn_with])  # fmt: skip


def placed_of(request: UpscaleRequest[Upscaler]) -> list[PlacedUpscaler]:
    """Those of its upscalers that are told where windows lie."""
    return [one for one in request.upscalers if isinstance(one, PlacedUpscaler)]


def _sketch(words: Any, patches: list[Any], prompts: list[Any]) -> Plain:
    return {
        "values": digest_of(words),
        "patches": digest_of(words_of(patches, of_other=_weights)),
        "prompts": words_of(prompts, _samples, _control),
    }


def difference(asked: Plain, own: Plain) -> str:
    """What is not the same in two sketches, as the end of a sentence; nothing if all is."""
    if asked["values"] != own["values"]:
        return "the settings come out otherwise there"
    if asked["patches"] != own["patches"]:
        return "the model gets other LoRAs or patches there"
    if not _is_like(asked["prompts"], own["prompts"]):
        return "the prompts come out otherwise there"
    return ""


def _samples(values: torch.Tensor) -> Any:
    flat = values.detach().reshape(-1)
    return {"shape": list(values.shape), "samples": flat[:: max(1, flat.numel() // _SAMPLES)].float().cpu().tolist()}


def _control(value: Any) -> Any:
    """A ControlNet of a prompt: its picture, its strength, and the one before it."""
    hint = getattr(value, "cond_hint_original", None)
    if hint is None:
        return type(value).__qualname__
    parts = [hint, value.strength, list(value.timestep_percent_range), value.previous_controlnet]
    return [type(value).__qualname__, words_of(parts, _samples, _control)]


def _weights(value: Any) -> Any:
    """A patch of the kind that ComfyUI has classes for."""
    return [type(value).__qualname__, words_of(getattr(value, "weights", None))]


def _is_like(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        if "samples" in one and "samples" in other:
            return one["shape"] == other["shape"] and _is_near(one["samples"], other["samples"])
        return one.keys() == other.keys() and all(_is_like(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_like, one, other))
    return one == other


def _is_near(one: list[float], other: list[float]) -> bool:
    size = math.fsum(value * value for value in one)
    apart = math.fsum((mine - theirs) ** 2 for mine, theirs in zip(one, other, strict=True))
    return apart <= _NEAR**2 * size

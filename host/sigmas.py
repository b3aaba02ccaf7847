"""Schedules of both passes, under A1111's labels and the host's names."""

from __future__ import annotations

from typing import Any

import comfy.samplers
import torch

from ..hires.errors import InputError
from ..hires.samplers import A1111_SAMPLERS
from ..hires.schedules import AUTOMATIC, SCHEDULE_NAMES
from ..hires.schedules import schedule as a1111_schedule
from ..hires.steps import second_pass_steps
from .denoiser import a1111_table


class SamplingError(InputError):
    """Settings that cannot be sampled with, or a result that is not a latent."""


def sampler_names() -> list[str]:
    """A1111's sampler names, then the host's own (read anew: other packs add theirs)."""
    return [*A1111_SAMPLERS, *comfy.samplers.KSampler.SAMPLERS]


def scheduler_names() -> list[str]:
    """A1111's schedule labels, then the host's own scheduler names."""
    return [*SCHEDULE_NAMES, *comfy.samplers.KSampler.SCHEDULERS]


def full_sigmas(model: Any, sampler_name: str, scheduler: str, steps: int) -> torch.Tensor:
    """Return the whole schedule for `steps` steps: normally `steps + 1` descending sigmas, the last 0.

    Raises:
        SamplingError: the schedule has no usable values for this number of steps.
        ScheduleError: the same from A1111's schedules.
    """
    sampling = model.get_model_object("model_sampling")
    chosen = A1111_SAMPLERS.get(sampler_name)
    if chosen:
        discard = chosen.discard_penultimate
    else:
        discard = sampler_name in comfy.samplers.KSampler.DISCARD_PENULTIMATE_SIGMA_SAMPLERS
    if scheduler in SCHEDULE_NAMES:
        if scheduler == AUTOMATIC:
            scheduler = chosen.schedule if chosen else "Uniform"
        return a1111_schedule(
            scheduler, steps, a1111_table(sampling), is_sdxl=_is_sdxl(model), discard_penultimate=discard
        )
    sigmas = comfy.samplers.calculate_sigmas(sampling, scheduler, steps + discard)
    if discard:
        sigmas = torch.cat([sigmas[:-2], sigmas[-1:]])
    if not bool(torch.isfinite(sigmas).all()):
        raise SamplingError(f"'{scheduler}' has no finite sigmas for {steps} steps; use more steps.", "scheduler")
    return sigmas


def _is_sdxl(model: Any) -> bool:
    return type(model.get_model_object("latent_format")).__name__.startswith("SDXL")


def second_pass_sigmas(
    model: Any, sampler_name: str, scheduler: str, steps: int, denoising_strength: float, hr_second_pass_steps: int
) -> torch.Tensor:
    """Return the sigmas of the second pass: the end of a longer schedule. Empty when the strength is 0.

    Raises:
        StrengthError: strength or steps out of range.
        SamplingError, ScheduleError: see `full_sigmas`.
    """
    plan = second_pass_steps(steps, denoising_strength, hr_second_pass_steps)
    if plan.run == 0:
        return torch.zeros(0)
    if scheduler in SCHEDULE_NAMES:
        # the slice starts at an index, so that a schedule that is longer than asked is run longer, as in A1111
        return full_sigmas(model, sampler_name, scheduler, plan.schedule)[plan.schedule - plan.run :]
    whole = plan.run if denoising_strength > 0.9999 else int(plan.run / denoising_strength)  # KSampler's rule
    sigmas = full_sigmas(model, sampler_name, scheduler, whole)
    return sigmas if whole == plan.run else sigmas[-(plan.run + 1) :]

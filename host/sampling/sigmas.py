"""Schedules of both passes, under A1111's labels and the host's names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import comfy.samplers
import torch

from ...hires.errors import InputError
from ...hires.plan.steps import plan_second_pass
from ...hires.sampling.samplers import A1111_SAMPLERS
from ...hires.sampling.schedules import AUTOMATIC, SCHEDULE_NAMES
from ...hires.sampling.schedules import schedule as a1111_schedule
from ...hires.sampling.settings import A1111Settings
from ...hires.sampling.timestep_samplers import timesteps
from .denoiser import a1111_table, is_discrete


class SamplingError(InputError):
    """Settings that cannot be sampled with, or a result that is not a latent."""


def sampler_names() -> list[str]:
    """A1111's sampler names, then the host's own (read anew: other packs add theirs)."""
    return [*A1111_SAMPLERS, *comfy.samplers.KSampler.SAMPLERS]


def scheduler_names() -> list[str]:
    """A1111's schedule labels, then the host's own scheduler names."""
    return [*SCHEDULE_NAMES, *comfy.samplers.KSampler.SCHEDULERS]


@dataclass(frozen=True)
class Sigmas:
    """A schedule and the part of it that a pass runs."""

    whole: torch.Tensor
    """What Brownian trees span."""

    run: torch.Tensor
    """Descending, normally ending in 0. Empty when nothing is to be run."""


def first_pass_sigmas(
    model: Any, sampler_name: str, scheduler: str, steps: int, settings: A1111Settings | None = None
) -> Sigmas:
    """Return the schedule of the first pass: normally `steps + 1` sigmas.

    Raises:
        SamplingError: the schedule has no usable values for this number of steps.
        ScheduleError: the same from A1111's schedules.
    """
    sigmas = _full(model, sampler_name, scheduler, steps, settings or A1111Settings())
    return Sigmas(sigmas, sigmas)


def second_pass_sigmas(
    model: Any,
    sampler_name: str,
    scheduler: str,
    steps: int,
    denoising_strength: float,
    hr_second_pass_steps: int,
    settings: A1111Settings | None = None,
) -> Sigmas:
    """Return the sigmas of the second pass: the end of a longer schedule. Nothing is run at strength 0.

    Raises:
        StrengthError: strength or steps out of range.
        SamplingError, ScheduleError: see `first_pass_sigmas`.
    """
    plan = plan_second_pass(sampler_name, scheduler, steps, denoising_strength, hr_second_pass_steps)
    if plan.schedule == 0:
        return Sigmas(torch.zeros(0), torch.zeros(0))
    whole = _full(model, sampler_name, scheduler, plan.schedule, settings or A1111Settings())
    return Sigmas(whole, whole[plan.part])


def _full(model: Any, sampler_name: str, scheduler: str, steps: int, settings: A1111Settings) -> torch.Tensor:
    chosen = A1111_SAMPLERS.get(sampler_name)
    check_sampler(model, sampler_name)
    if chosen and chosen.walks_timesteps:  # the scheduler plays no part
        table = a1111_table(model, settings)
        return table.sigmas[timesteps(steps + settings.always_discard_next_to_last_sigma)].flip(0)
    if chosen:
        discard = chosen.discard_penultimate
    else:
        discard = sampler_name in comfy.samplers.KSampler.DISCARD_PENULTIMATE_SIGMA_SAMPLERS
    if scheduler in SCHEDULE_NAMES:
        if scheduler == AUTOMATIC:
            scheduler = chosen.schedule if chosen else "Uniform"
        table = a1111_table(model, settings, chosen)
        sigmas = a1111_schedule(
            scheduler, steps, table, is_sdxl=_is_sdxl(model), discard_penultimate=discard, settings=settings
        )
        check_range(model, sigmas, f"the schedule '{scheduler}' starts", "scheduler", settings)
        return sigmas
    sampling = model.get_model_object("model_sampling")
    sigmas = comfy.samplers.calculate_sigmas(sampling, scheduler, steps + discard)
    if discard:
        sigmas = torch.cat([sigmas[:-2], sigmas[-1:]])
    if not bool(torch.isfinite(sigmas).all()):
        raise SamplingError(f"'{scheduler}' has no finite sigmas for {steps} steps; use more steps.", "scheduler")
    return sigmas


def check_sampler(model: Any, sampler_name: str) -> None:
    """Refuse A1111 samplers that are not defined for the model's family.

    Raises:
        SamplingError: the model has no table of training timesteps, and the sampler needs one.
    """
    chosen = A1111_SAMPLERS.get(sampler_name)
    if chosen and chosen.needs_discrete and not is_discrete(model):
        raise SamplingError(
            f"'{sampler_name}' needs an eps or v model with training timesteps (SD1, SD2, SDXL), and this is a "
            f"{type(model.model).__name__}. Choose Euler, DPM++ 2M or one of ComfyUI's lower-case samplers.",
            "sampler_name",
        )


def check_range(
    model: Any, sigmas: torch.Tensor, what: str, input_name: str, settings: A1111Settings | None = None
) -> None:
    """Refuse sigmas above the model's largest where they mean nothing, as for flow models, whose noise ends at 1.

    Eps and v models with a table of timesteps take them, as in A1111.

    Args:
        model: the MODEL.
        sigmas: the schedule.
        what: begins the sentence: "the sigmas start".
        input_name: the input to blame.
        settings: the settings that the schedule was made with.

    Raises:
        SamplingError: names both numbers and the setting that made it.
    """
    if is_discrete(model) or len(sigmas) == 0:
        return
    largest, found = float(model.get_model_object("model_sampling").sigma_max), float(sigmas.max())
    if found <= largest * (1 + 1e-4):
        return
    remedy = "Use a scheduler, or sigmas, made for this model."
    if settings and settings.sigma_max > largest:
        input_name, remedy = (
            "settings",
            f"Set sigma_max in A1111 Settings to at most {largest:g}, or 0: the model's own.",
        )
    elif settings and settings.use_old_karras_scheduler_sigmas:
        input_name, remedy = "settings", "Switch use_old_karras_scheduler_sigmas off in A1111 Settings."
    family = type(model.model).__name__
    raise SamplingError(
        f"{what} at sigma {found:g}, and the largest of this {family} model is {largest:g}. {remedy}",
        input_name,
    )


def check_end(model: Any, sampler_name: str, sigmas: torch.Tensor, settings: A1111Settings) -> None:
    """Refuse sigmas that stop on the way where A1111's sampler does not: it takes its own steps to the end.

    Raises:
        SamplingError: names the sampler and the last sigma.
    """
    chosen = A1111_SAMPLERS.get(sampler_name)
    if not chosen or not (chosen.walks_timesteps or chosen.function in ("uni_pc", "dpm_fast", "dpm_adaptive")):
        return
    end, found = float(a1111_table(model, settings).sigmas[1]), float(sigmas[-1])
    if found > end * 1.01:
        raise SamplingError(
            f"the sigmas stop at {found:g}, and '{sampler_name}' always goes on to the end. Connect sigmas down to "
            "the end, such as Re-noise's, or choose Euler, DPM++ 2M or one of ComfyUI's lower-case samplers.",
            "sigmas",
        )


def _is_sdxl(model: Any) -> bool:
    return type(model.get_model_object("latent_format")).__name__.startswith("SDXL")

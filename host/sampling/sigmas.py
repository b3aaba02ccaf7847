"""Schedules of both passes, under A1111's labels and the host's names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import comfy.samplers
import torch

from ...hires.errors import InputError
from ...hires.plan.steps import plan_second_pass
from ...hires.sampling.menus import AUTOMATIC, SAMPLERS, SCHEDULES, UNIFORM
from ...hires.sampling.same import SecondPassValues
from ...hires.sampling.schedules import schedule as a1111_schedule
from ...hires.sampling.settings import A1111Settings
from ...hires.sampling.steps import StepsRule
from ...hires.sampling.timestep_samplers import timesteps
from .denoiser import a1111_table, is_discrete


class SamplingError(InputError):
    """Settings that cannot be sampled with, or a result that is not a latent."""


def sampler_names() -> list[str]:
    """A1111's sampler names, then the host's own (read anew: other packs add theirs)."""
    return [*SAMPLERS, *comfy.samplers.KSampler.SAMPLERS]


def scheduler_names() -> list[str]:
    """A1111's schedule labels, then the host's own scheduler names."""
    return [*SCHEDULES, *comfy.samplers.KSampler.SCHEDULERS]


@dataclass(frozen=True)
class PassSigmas:
    """The sigmas of a pass, and where they are from."""

    schedule: torch.Tensor
    """The schedule that the pass is the end of, or all of. Brownian trees span it."""

    sigmas: torch.Tensor
    """Those that are sampled: descending, normally ending in 0. Empty when nothing is to be run."""

    denoising_strength: float | None = None
    """Of a second pass; None of others."""


@dataclass(frozen=True)
class Scheduling:
    """What schedules are made by: the inputs that the nodes share."""

    model: Any
    sampler_name: str
    scheduler: str
    settings: A1111Settings

    @classmethod
    def of(cls, model: Any, values: SecondPassValues) -> Scheduling:
        """Those of a second pass."""
        return cls(model, values.sampler_name, values.scheduler, values.settings)

    def first_pass(self, steps: int) -> PassSigmas:
        """Return the schedule of the first pass: normally `steps + 1` sigmas.

        Raises:
            SamplingError: the schedule has no usable values for this number of steps.
            ScheduleError: the same from A1111's schedules.
        """
        sigmas = self._schedule(steps)
        return PassSigmas(sigmas, sigmas)

    def second_pass(
        self, steps: int, denoising_strength: float, hr_second_pass_steps: int, rule: StepsRule = "hires fix"
    ) -> PassSigmas:
        """Return the sigmas of the second pass: the end of a longer schedule. Nothing is run at strength 0.

        Raises:
            StrengthError: strength or steps out of range.
            SamplingError, ScheduleError: see `first_pass`.
        """
        names = self.sampler_name, self.scheduler
        plan = plan_second_pass(*names, steps, denoising_strength, hr_second_pass_steps, rule)
        if plan.schedule == 0:
            return PassSigmas(torch.zeros(0), torch.zeros(0), denoising_strength)
        schedule = self._schedule(plan.schedule)
        return PassSigmas(schedule, schedule[plan.part], denoising_strength)

    def _schedule(self, steps: int) -> torch.Tensor:
        model, sampler, scheduler = self.model, SAMPLERS.get(self.sampler_name), self.scheduler
        check_sampler(model, self.sampler_name)
        if sampler and sampler.walks_timesteps:  # the scheduler plays no part
            table = a1111_table(model, self.settings)
            return table.sigmas[timesteps(steps + self.settings.always_discard_next_to_last_sigma)].flip(0)
        if sampler:
            discard = sampler.discard_penultimate
        else:
            discard = self.sampler_name in comfy.samplers.KSampler.DISCARD_PENULTIMATE_SIGMA_SAMPLERS
        if scheduler in SCHEDULES:
            if scheduler == AUTOMATIC:
                scheduler = (sampler and sampler.schedule) or UNIFORM
            table = a1111_table(model, self.settings, sampler)
            sigmas = a1111_schedule(
                scheduler, steps, table, is_sdxl=_is_sdxl(model), discard_penultimate=discard, settings=self.settings
            )
            check_range(model, sigmas, f"the schedule '{scheduler}' starts", "scheduler", self.settings)
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
    sampler = SAMPLERS.get(sampler_name)
    if sampler and sampler.needs_discrete and not is_discrete(model):
        raise SamplingError(
            f"'{sampler_name}' needs an eps or v model with training timesteps (SD1, SD2, SDXL), and this is a "
            f"{type(model.model).__name__}. Choose Euler, DPM++ 2M or one of ComfyUI's lower-case samplers.",
            "sampler_name",
        )


def check_range(
    model: Any, sigmas: torch.Tensor, what: str, input_name: str, settings: A1111Settings | None = None
) -> None:
    """Refuse sigmas above the model's largest where they mean nothing, as for flow models, whose noise ends at 1.

    Eps and v models with a table of timesteps take them, as in A1111. `what` begins the sentence: "the sigmas start";
    `settings` are those that the schedule was made with.

    Raises:
        SamplingError: names both numbers and the setting that made it.
    """
    if is_discrete(model) or len(sigmas) == 0:
        return
    largest, first = float(model.get_model_object("model_sampling").sigma_max), float(sigmas.max())
    if first <= largest * (1 + 1e-4):
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
        f"{what} at sigma {first:g}, and the largest of this {family} model is {largest:g}. {remedy}", input_name
    )


def check_end(model: Any, sampler_name: str, sigmas: torch.Tensor, settings: A1111Settings) -> None:
    """Refuse sigmas that stop on the way where A1111's sampler does not: it takes its own steps to the end.

    Raises:
        SamplingError: names the sampler and the last sigma.
    """
    sampler = SAMPLERS.get(sampler_name)
    if not sampler or not sampler.own_end:
        return
    end, last = float(a1111_table(model, settings).sigmas[1]), float(sigmas[-1])
    if last > end * 1.01:
        raise SamplingError(
            f"the sigmas stop at {last:g}, and '{sampler_name}' always goes on to the end. Connect sigmas down to "
            "the end, such as Re-noise's, or choose Euler, DPM++ 2M or one of ComfyUI's lower-case samplers.",
            "sigmas",
        )


def _is_sdxl(model: Any) -> bool:
    return type(model.get_model_object("latent_format")).__name__.startswith("SDXL")

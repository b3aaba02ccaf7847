"""Where hooks are called: before a second pass, while its sigmas can still be made anew, and before every sampling."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch

from ...hires.sampling.same import SecondPassValues
from ...hires.sizes.regions import Cond
from ..latents.codec import cell_of_model
from ..latents.latents import Latent, fit_to_model, noised_of
from ..plugins.hooks import Hook, Menus, SamplingPass, When, call_hooks
from .guidance import Prompts
from .job import Pass, SamplingJob
from .renoising import renoise
from .sigmas import PassSigmas, Scheduling, sampler_names, scheduler_names

_BEFORE_SECOND: When = "before_hr"
_BEFORE_EVERY: When = "process_before_every_sampling"

_OF_SIGMAS = ("sampler_name", "scheduler", "steps", "denoising_strength")
"""What the sigmas of a second pass follow from."""


@dataclass(frozen=True)
class PassFacts:
    """What hooks are told of a pass besides what it samples with; see `SamplingPass`."""

    scheduler: str | None = None
    steps: int | None = None
    denoising_strength: float | None = None


def facts_of_second(latent: Latent, sigmas: torch.Tensor) -> PassFacts:
    """Those of a second pass; none are known where it is not all of what Re-noise made."""
    noised = noised_of(latent, sigmas)
    if noised is None or not torch.equal(noised.schedule[-len(sigmas) :].cpu(), sigmas.cpu()):
        return PassFacts()
    values = noised.values
    return PassFacts(values.scheduler, values.hr_second_pass_steps or values.steps, noised.denoising_strength)


def before_second_pass(
    job: SamplingJob, latent: Latent, sigmas: torch.Tensor, hooks: Iterable[Hook]
) -> tuple[SamplingJob, Latent, torch.Tensor]:
    """Let the hooks `before_hr` change a second pass, whose latent is noised anew where they change noise or sigmas.

    Raises:
        InputError: a hook failed, or left what cannot be sampled with; see also `Scheduling.second_pass`.
    """
    hooks = [hook for hook in hooks if hook.when == _BEFORE_SECOND]
    if not hooks:
        return job, latent, sigmas
    noised = noised_of(latent, sigmas)
    clean = noised.clean if noised else fit_to_model(job.guidance.model, latent)
    noise = noised.drawn if noised else torch.zeros_like(clean)
    asked = _asked(job, 2, clean, noise, facts_of_second(latent, sigmas))
    run = replace(asked, noise=noise.clone())
    call_hooks(hooks, run, _menus())
    job = _with_changes(job, run)
    if noised is None:
        return job, latent, sigmas
    values = noised.values
    made = PassSigmas(noised.schedule, sigmas.clone(), noised.denoising_strength)
    if run.denoising_strength is not None and any(getattr(run, name) != getattr(asked, name) for name in _OF_SIGMAS):
        values = _with_sigmas_of(values, asked, run)
        made = Scheduling.of(job.guidance.model, values).second_pass(
            values.steps, run.denoising_strength, values.hr_second_pass_steps, values.steps_rule
        )
    elif torch.equal(run.noise, noise):
        return job, latent, sigmas
    latent = renoise(job.guidance.model, values, {**latent, "samples": clean}, _Given(run.noise), made)
    return job, latent, made.sigmas


def before_sampling(run: Pass, hooks: Iterable[Hook], facts: PassFacts) -> Pass:
    """Let the hooks `process_before_every_sampling` change a pass. Raises InputError, see `Hook.call`."""
    hooks = [hook for hook in hooks if hook.when == _BEFORE_EVERY]
    if not hooks:
        return run
    asked = _asked(run.job, 1 if run.is_first else 2, run.latent["samples"], run.noise.clone(), facts)
    call_hooks(hooks, asked, _menus())
    return replace(run, job=_with_changes(run.job, asked), noise=asked.noise)


def _asked(job: SamplingJob, number: int, samples: torch.Tensor, noise: torch.Tensor, facts: PassFacts) -> SamplingPass:
    """A pass as hooks see it: copies of all that they may change, but for the noise."""
    guidance = job.guidance
    cell = cell_of_model(guidance.model.model)
    prompts = isinstance(guidance, Prompts)
    return SamplingPass(
        number,
        samples.shape[-1] * cell,
        samples.shape[-2] * cell,
        guidance.model.clone() if prompts else None,
        _copied(guidance.positive) if prompts else None,
        _copied(guidance.negative) if prompts else None,
        guidance.cfg,
        noise,
        job.sampler_name,
        facts.scheduler,
        facts.steps,
        facts.denoising_strength,
    )


def _menus() -> Menus:
    return {"sampler_name": sampler_names(), "scheduler": scheduler_names()}


def _copied(cond: Cond) -> Cond:
    return [[text, dict(extra)] for text, extra in cond]


def _with_changes(job: SamplingJob, run: SamplingPass) -> SamplingJob:
    guidance = job.guidance
    if isinstance(guidance, Prompts) and run.positive is not None and run.negative is not None and run.cfg is not None:
        guidance = replace(guidance, model=run.model, positive=run.positive, negative=run.negative, cfg=float(run.cfg))
    return replace(job, guidance=guidance, sampler_name=run.sampler_name)


def _with_sigmas_of(values: SecondPassValues, asked: SamplingPass, run: SamplingPass) -> SecondPassValues:
    """What Re-noise would have been told, had it known what the hooks have changed."""
    changes: dict[str, Any] = {"scheduler": run.scheduler}
    if run.sampler_name != asked.sampler_name:
        changes["sampler_name"] = run.sampler_name
    if run.steps != asked.steps:
        of_its_own = values.hr_second_pass_steps or not values.is_img2img
        changes["hr_second_pass_steps" if of_its_own else "steps"] = run.steps
    return replace(values, **changes)


@dataclass(frozen=True)
class _Given:
    """A NOISE that is drawn already."""

    noise: torch.Tensor

    def generate_noise(self, latent: Latent) -> torch.Tensor:
        return self.noise

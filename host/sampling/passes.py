"""Both sampling passes, on ComfyUI's samplers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import comfy.model_management
import comfy.sampler_helpers
import comfy.samplers
import comfy.utils
import torch

from ...hires.prompts.counting import CountedPass
from ...hires.remaining_time import RemainingTime
from ...hires.sampling.menus import Sampler, has_own_pace
from ...hires.sampling.noise import SEEDS
from ...hires.sampling.same import FIRST_VALUES, PassValues, misfit
from ...hires.sizes.regions import FIRST_PASS, FirstPass, Move
from ...hires.tiles.layout import ONE_OF_TILES
from ..ending import EndedEarlyError, is_asked
from ..ending import check as check_end_asked
from ..latents.latents import (
    Latent,
    LatentError,
    after_second,
    finite_samples_of,
    first_values,
    fit_to_model,
    noised_of,
    schedule_of,
    values_of,
    with_samples,
)
from ..plugins.hooks import hooks_of
from ..progress import show_text
from .denoiser import a1111_table, denoising_like_a1111
from .guidance import ConnectedGuider, Guidance, Prompts
from .guider import A1111Guider, needs_a1111_guider
from .held import check_held
from .hooked import PassFacts, before_sampling, before_second_pass, facts_of_second
from .job import Pass, SamplingJob, second_job_of
from .previews import step_callback
from .renoising import Loss, draw_noise, loss_of_sum
from .samplers import build_sampler, host_sampler
from .sigmas import PassSigmas, SamplingError, Scheduling, check_end, check_range, check_sampler

log = logging.getLogger("hires-fix")

OnStep = Callable[[int, torch.Tensor, torch.Tensor, int], None]
"""Hears the step's index, what the model predicts, the latent and the number of steps. May raise to cancel."""

OF_A_PICTURE = {
    "control": "a ControlNet's picture",
    "area": "an area",
    "mask": "a mask",
    "gligen": "boxes",
    "concat_latent_image": "a picture to fill in",
}
"""What entries of a prompt may hold that lies over a whole picture."""


def sample_base(
    job: SamplingJob, latent: Latent, steps: int, scheduler: str, hooks: Any = None, on_step: OnStep | None = None
) -> Latent:
    """Run the first pass; with the host's sampler and scheduler names bit-identical to core's KSampler.

    `hooks`: of the graph, see `hooks_of`; `on_step`: see `sample_second`.

    Raises:
        LatentError, SamplingError, ScheduleError: see the functions this calls; InputError: a hook fails.
    """
    model = job.guidance.model
    start = {**latent, "samples": fit_to_model(model, latent)}
    job = replace(job, guidance=job.guidance.for_pass(CountedPass(False, steps, job.sampler_name)))
    sigmas = Scheduling(model, job.sampler_name, scheduler, job.settings).first_pass(steps)
    run = Pass(job, start, draw_noise(job.noise, start), sigmas, is_first=True)
    out = _sample(before_sampling(run, hooks_of(hooks), PassFacts(scheduler, steps)), on_step)
    return {
        **with_samples(latent, out),
        FIRST_PASS: FirstPass(job.guidance.places(), Move(*out.shape[-2:])),
        FIRST_VALUES: PassValues(steps, job.sampler_name, scheduler, job.guidance.cfg, job.settings),
    }


def sample_second(
    latent: Latent, sigmas: torch.Tensor, on_step: OnStep | None = None, hooks: Any = None, **asked: Any
) -> Latent:
    """Run the second pass from a noised latent; the job's noise is not added again, it only seeds the sampler's steps.

    The latent may come from Re-noise or, as the host keeps latents with noise left in, from any of its samplers.
    `on_step` is called after every step, in place of what moves the node's bar. `asked`: see `second_job_of`;
    `hooks`: of the graph, see `hooks_of`.

    Raises:
        LatentError, SamplingError: see the functions this calls; also a latent that is not Re-noise's where a noise
            mask or a sigma at which nothing is left of the picture needs its parts.
        InputError: a hook fails.
    """
    if sigmas.ndim != 1 or not bool(torch.isfinite(sigmas).all()):
        raise SamplingError(f"found sigmas of shape {tuple(sigmas.shape)}; connect Re-noise's sigmas.", "sigmas")
    if len(sigmas) < 2:  # strength 0: there is nothing to run
        return after_second(latent, finite_samples_of(latent), sigmas)
    if is_asked():  # the run ends: what would have been redrawn is its result
        before = noised_of(latent, sigmas)
        return after_second(latent, before.clean if before else finite_samples_of(latent), sigmas)
    called, job = hooks_of(hooks), second_job_of(latent, sigmas, **asked)
    job, latent, sigmas = before_second_pass(job, latent, sigmas, called)
    if len(sigmas) < 2:  # a hook wants that
        return after_second(latent, finite_samples_of(latent), sigmas)
    model = job.guidance.model
    check_sampler(model, job.sampler_name)
    check_range(model, sigmas, "the sigmas start", "sigmas")
    check_end(model, job.sampler_name, sigmas, job.settings)
    noised = noised_of(latent, sigmas)
    if noised:
        clean, noise, schedule = noised.clean, noised.noise, noised.schedule
    else:
        clean = fit_to_model(model, latent)
        noise, schedule = torch.zeros_like(clean), schedule_of(latent, sigmas)
        loss = loss_of_sum(model, latent, sigmas[0])
        if loss:
            raise _parts_unknown(loss, float(sigmas[0]))
    first = latent.get(FIRST_PASS)
    if isinstance(first, FirstPass):
        job = replace(job, guidance=job.guidance.after(first, *clean.shape[-2:]))
    job = replace(job, guidance=job.guidance.for_pass(_counted(latent, sigmas, job.sampler_name)))
    start = {**latent, "samples": clean}
    values, is_known = values_of(latent, sigmas), schedule is not sigmas
    is_img2img = values is not None and values.steps_rule == "img2img"
    run = Pass(job, start, noise, PassSigmas(schedule, sigmas), is_first=False, is_img2img=is_img2img)
    out = _sample(before_sampling(run, called, facts_of_second(latent, sigmas)), on_step)
    warning = misfit(values.sampler_name, job.sampler_name, values.scheduler) if values and is_known else None
    fits = warning is None or not bool(torch.isin(sigmas.cpu(), schedule.cpu()).all())
    for text in (None if fits else warning, _over_every_tile(latent, job.guidance)):
        if text:
            log.warning(text)
            show_text(text)  # in place of the time that the steps took
    return after_second(latent, out, sigmas)


def _over_every_tile(latent: Latent, guidance: Guidance) -> str | None:
    """Warn of what belongs to the whole picture where the latent is only a tile of it."""
    held = {key for extra in guidance.extras() for key, value in extra.items() if value is not None}
    found = [words for key, words in OF_A_PICTURE.items() if key in held]
    if not latent.get(ONE_OF_TILES) or not found:
        return None
    return (
        f"The prompt has {' and '.join(found)}, and every tile is drawn with the whole of it, not with its part. Leave "
        "it out, or give each tile a prompt with its own."
    )


def _counted(latent: Latent, sigmas: torch.Tensor, sampler_name: str) -> CountedPass:
    """How prompts count the steps of a pass that may follow a first one."""
    values, first = values_of(latent, sigmas), first_values(latent)
    first = first or (values.first if values else None)
    own = (values.hr_second_pass_steps or values.steps) if values else len(sigmas) - 1
    if first is None:
        return CountedPass(False, own, sampler_name)
    return CountedPass(True, first.steps, first.sampler_name, own, sampler_name)


def _parts_unknown(loss: Loss, sigma: float) -> LatentError:
    remedy = "Connect the latent of Re-noise, with nothing in between that changes it."
    if loss == "mask":
        return LatentError(
            "the latent has a noise mask, but its clean picture, which is to be kept outside the mask, is not known: "
            f"another node has noised or changed it. {remedy}"
        )
    return LatentError(
        f"at sigma {sigma:g}, where the sigmas start, nothing is left of the latent but noise, and this "
        f"one has been noised or changed by another node. {remedy} Or start from noise with Base Sampling."
    )


def _sample(run: Pass, on_step: OnStep | None = None) -> torch.Tensor:
    job, latent, sigmas = run.job, run.latent, run.sigmas.sigmas
    if isinstance(job.guidance, ConnectedGuider):
        job.guidance.check(job.sampler, job.settings)
    check_held(job.guidance.model, latent["samples"], job.guidance.extras())
    guider, sampler = _as_a1111(run, job.sampler) if job.sampler else _as_the_host(run)
    model = guider.model_patcher
    try:
        out = guider.sample(
            run.noise,
            latent["samples"],
            sampler,
            sigmas,
            denoise_mask=latent.get("noise_mask"),
            callback=on_step or _callback(model, job.sampler_name, len(sigmas) - 1),
            disable_pbar=on_step is not None or not comfy.utils.PROGRESS_BAR_ENABLED,
            seed=min(job.noise.seed, SEEDS - 2),  # the host's samplers count on from it, and fail at the end
        )
    except EndedEarlyError as ended:
        out = model.model.process_latent_out(ended.denoised.float())
    out = out.to(comfy.model_management.intermediate_device(), comfy.model_management.intermediate_dtype())
    bad = out.numel() - int(torch.isfinite(out).sum())
    if bad:
        raise SamplingError(
            f"sampling with '{job.sampler_name}' gave {bad} of {out.numel()} numbers that are NaN or infinite. "
            "Try another sampler or scheduler, more steps, or a model in higher precision.",
            "sampler_name",
        )
    smallest = float(model.get_model_object("model_sampling").sigma_min)
    return _masked_kept(out, latent) if float(sigmas[-1]) <= smallest else out


def _as_the_host(run: Pass) -> tuple[Any, comfy.samplers.KSAMPLER]:
    """GUIDER and SAMPLER of the host."""
    job = run.job
    if isinstance(job.guidance, Prompts) and job.guidance.refiner:
        raise SamplingError(
            f"a refiner switches by A1111's rules, and '{job.sampler_name}' is ComfyUI's own sampler; "
            "choose a capitalised one.",
            "sampler_name",
        )
    return job.guidance.host_guider(job.guidance.model), host_sampler(run)


def _as_a1111(run: Pass, sampler: Sampler) -> tuple[Any, comfy.samplers.KSAMPLER]:
    """GUIDER and SAMPLER with A1111's numbers."""
    guidance, settings = run.job.guidance, run.job.settings
    table = a1111_table(guidance.model, settings, sampler)

    def patched(model: Any) -> Any:
        return denoising_like_a1111(model, sampler, settings, run.is_first)

    if not isinstance(guidance, Prompts) or not needs_a1111_guider(guidance, sampler, settings):
        return guidance.host_guider(patched(guidance.model)), build_sampler(run, sampler, table)
    refiner = guidance.refiner and replace(guidance.refiner, model=patched(guidance.refiner.model))
    prompts = replace(guidance, model=patched(guidance.model), refiner=refiner)
    calls = (len(run.sigmas.sigmas) - (not sampler.walks_timesteps)) * sampler.calls_per_step
    guider = A1111Guider(prompts, sampler, settings, table, calls)
    return guider, build_sampler(run, sampler, table, guider.last_unguided)


def _masked_kept(out: torch.Tensor, latent: Latent) -> torch.Tensor:
    """Put back what the noise mask protects where a sampler has changed it by more than rounding.

    Some of the host's do (UniPC, DPM fast, DDPM): they end with more than the model's last picture.
    """
    if latent.get("noise_mask") is None:
        return out
    kept = comfy.sampler_helpers.prepare_mask(latent["noise_mask"], out.shape, out.device) == 0
    before = latent["samples"].to(out)
    return out if torch.allclose(out[kept], before[kept], rtol=0, atol=1e-6) else torch.where(kept, before, out)


def _callback(model: Any, sampler_name: str, steps: int) -> Callable[..., None]:
    """Move the node's bar, show the latent, and the time that is left where the number of steps is known."""
    show = step_callback(model, steps)
    if has_own_pace(sampler_name):

        def at_own_pace(index: int, denoised: torch.Tensor, x: torch.Tensor, total: int) -> None:
            show(index, denoised, x, total)
            check_end_asked(denoised)

        return at_own_pace
    remaining = RemainingTime()

    def step(index: int, denoised: torch.Tensor, x: torch.Tensor, total: int) -> None:
        show(index, denoised, x, total)
        show_text(remaining.text(index + 1, total))
        check_end_asked(denoised)

    return step

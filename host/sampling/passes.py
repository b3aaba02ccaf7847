"""Both sampling passes, on ComfyUI's samplers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import comfy.model_management
import comfy.sampler_helpers
import comfy.samplers
import comfy.utils
import latent_preview
import torch

from ...hires.plan.steps import OWN_PACE
from ...hires.remaining_time import RemainingTime
from ...hires.sampling.noise import SEEDS
from ...hires.sampling.samplers import A1111_SAMPLERS
from ...hires.sampling.settings import A1111Settings
from ...hires.sizes.regions import FIRST_PASS, FirstPass, Move
from ..latents.latents import (
    Latent,
    LatentError,
    Noised,
    fit_to_model,
    is_masked,
    noised_of,
    samples_of,
    schedule_of,
    with_noised,
    with_samples,
)
from ..progress import show_text
from .denoiser import a1111_table, denoising_like_a1111
from .guidance import A1111Guider, needs_a1111_guidance
from .samplers import Pass, build_sampler
from .sigmas import SamplingError, Sigmas, check_end, check_range, check_sampler, first_pass_sigmas
from .steering import Steering


def sample_base(
    steering: Steering,
    latent: Latent,
    noise: Any,
    steps: int,
    sampler_name: str,
    scheduler: str,
    settings: A1111Settings | None = None,
) -> Latent:
    """Run the first pass; with the host's sampler and scheduler names bit-identical to core's KSampler.

    Raises:
        LatentError, SamplingError, ScheduleError: see the functions this calls.
    """
    settings = settings or A1111Settings()
    start = {**latent, "samples": fit_to_model(steering.model, latent)}
    sigmas = first_pass_sigmas(steering.model, sampler_name, scheduler, steps, settings)
    unit = _drawn(noise, start)
    out = _sample(steering, start, unit, sigmas, sampler_name, noise, settings, True)
    return {**with_samples(latent, out), FIRST_PASS: FirstPass(steering.places(), Move(*out.shape[-2:]))}


def renoise(
    model: Any, latent: Latent, noise: Any, sigmas: Sigmas, sampler_name: str, settings: A1111Settings | None = None
) -> Latent:
    """Add noise of the first sigma's strength to a clean latent, as the model's family does it.

    Returns:
        A LATENT with the noised samples, in the form in which the host keeps latents that still hold noise: unscaled,
        and for flow models divided by what the noise leaves of the picture, which is infinite at full strength. It
        also remembers clean latent and noise, which Second Sampling uses: the sum alone is not enough for masks.
    """
    clean = fit_to_model(model, latent)
    if len(sigmas.run) == 0:
        return with_samples(latent, clean)
    unit = _drawn(noise, {**latent, "samples": clean})
    first = float(sigmas.run[0])
    chosen = A1111_SAMPLERS.get(sampler_name)
    if chosen:
        settings = settings or A1111Settings()
        model = denoising_like_a1111(model, chosen, settings, first_pass=False)
        unit = unit * (1 + settings.img2img_extra_noise / first) if settings.img2img_extra_noise else unit
    sampling = model.get_model_object("model_sampling")
    scaled = model.model.process_latent_in(clean) if torch.count_nonzero(clean) else clean
    largest = float(sampling.sigma_max)
    full = first > largest or math.isclose(first, largest, rel_tol=1e-5)  # what the host's samplers ask
    x = sampling.noise_scaling(sigmas.run[0].to(scaled), unit.to(scaled), scaled, full)
    samples = model.model.process_latent_out(x / left_of_picture(model, sigmas.run[0]))
    return with_noised(latent, Noised(clean, unit, sigmas.whole, samples), sigmas.run)


def _drawn(noise: Any, latent: Latent) -> torch.Tensor:
    unit = noise.generate_noise(latent)
    if not bool(torch.isfinite(unit).all()):
        raise SamplingError(
            f"the noise for a latent of shape {tuple(latent['samples'].shape)} is NaN or infinite in places. "
            "A variation seed cannot be mixed in where a latent is a single cell high: set subseed_strength to 0, or "
            "use a larger size.",
            "noise",
        )
    return unit


def left_of_picture(model: Any, sigma: torch.Tensor) -> float:
    """Share of the picture in a noised latent: all of it for eps and v models, `1 - sigma` for flow."""
    one, zero = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)
    return float(model.get_model_object("model_sampling").noise_scaling(sigma.cpu(), zero, one))


def sample_second(
    steering: Steering,
    latent: Latent,
    sigmas: torch.Tensor,
    noise: Any,
    sampler_name: str,
    settings: A1111Settings | None = None,
) -> Latent:
    """Run the second pass from a noised latent; `noise` is not added again, it only seeds the sampler's steps.

    The latent may come from Re-noise or, as the host keeps latents with noise left in, from any of its samplers.

    Raises:
        LatentError, SamplingError: see the functions this calls; also a latent that is not Re-noise's where a noise
            mask or a sigma at which nothing is left of the picture needs its parts.
    """
    settings = settings or A1111Settings()
    if sigmas.ndim != 1 or not bool(torch.isfinite(sigmas).all()):
        raise SamplingError(f"found sigmas of shape {tuple(sigmas.shape)}; connect Re-noise's sigmas.", "sigmas")
    if len(sigmas) < 2:  # strength 0: there is nothing to run
        return with_samples(latent, samples_of(latent))
    check_sampler(steering.model, sampler_name)
    check_range(steering.model, sigmas, "the sigmas start", "sigmas")
    check_end(steering.model, sampler_name, sigmas, settings)
    noised = noised_of(latent, sigmas)
    if noised:
        start, unit, whole = noised.clean, noised.noise, noised.schedule
    else:
        start = fit_to_model(steering.model, latent)
        unit, whole = torch.zeros_like(start), schedule_of(latent, sigmas)
        _check_sum_is_enough(steering.model, latent, sigmas)
    first = latent.get(FIRST_PASS)
    if isinstance(first, FirstPass):
        steering = steering.after(first, *start.shape[-2:])
    begin, plan = {**latent, "samples": start}, Sigmas(whole, sigmas)
    out = _sample(steering, begin, unit, plan, sampler_name, noise, settings, False)
    return with_samples(latent, out)


def _check_sum_is_enough(model: Any, latent: Latent, sigmas: torch.Tensor) -> None:
    """A latent whose clean part and noise are unknown can only be sampled on as it is."""
    remedy = "Connect the latent of Re-noise, with nothing in between that changes it."
    if is_masked(latent):
        raise LatentError(
            "the latent has a noise mask, but its clean picture, which is to be kept outside the mask, is not known: "
            f"another node has noised or changed it. {remedy}"
        )
    if left_of_picture(model, sigmas[0]) < 1e-6:
        raise LatentError(
            f"at sigma {float(sigmas[0]):g}, where the sigmas start, nothing is left of the latent but noise, and this "
            f"one has been noised or changed by another node. {remedy} Or start from noise with Base Sampling."
        )


def _sample(
    steering: Steering,
    latent: Latent,
    unit: torch.Tensor,
    sigmas: Sigmas,
    sampler_name: str,
    noise: Any,
    settings: A1111Settings,
    first: bool,
) -> torch.Tensor:
    model, refiner = steering.model, steering.refiner
    chosen = A1111_SAMPLERS.get(sampler_name)
    steering.check(chosen, settings)
    if chosen is None:
        if refiner is not None:
            raise SamplingError(
                f"a refiner switches by A1111's rules, and '{sampler_name}' is ComfyUI's own sampler; "
                "choose a capitalised one.",
                "sampler_name",
            )
        guider, sampler = steering.host_guider(model), comfy.samplers.sampler_object(sampler_name)
    else:
        table = a1111_table(model, settings, chosen)
        model = denoising_like_a1111(model, chosen, settings, first)
        own = chosen.guidance_plus or needs_a1111_guidance(steering.positive, steering.negative, settings, refiner)
        if own and steering.guider is None:
            calls = (len(sigmas.run) - (not chosen.walks_timesteps)) * (2 if chosen.second_order else 1)
            guider = A1111Guider(model, settings, table, calls)
            guider.guidance_plus, guider.counts_timesteps = chosen.guidance_plus, chosen.walks_timesteps
            if refiner is not None:
                patched = denoising_like_a1111(refiner.model, chosen, settings, first)
                guider.refiner = replace(refiner, model=patched)
            guider.set_conds(steering.positive, steering.negative)
            guider.set_cfg(steering.cfg)
        else:
            guider = steering.host_guider(model)
        last_unguided = getattr(guider, "last_unguided", None)
        sampler = build_sampler(
            Pass(sampler_name, chosen, settings, table, sigmas, first, noise, latent, last_unguided)
        )
    out = guider.sample(
        unit,
        latent["samples"],
        sampler,
        sigmas.run,
        denoise_mask=latent.get("noise_mask"),
        callback=_callback(model, sampler_name, len(sigmas.run) - 1),
        disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
        seed=min(noise.seed, SEEDS - 2),  # the host's samplers count on from it, and fail at the end
    )
    out = out.to(comfy.model_management.intermediate_device(), comfy.model_management.intermediate_dtype())
    bad = out.numel() - int(torch.isfinite(out).sum())
    if bad:
        raise SamplingError(
            f"sampling with '{sampler_name}' gave {bad} of {out.numel()} numbers that are NaN or infinite. "
            "Try another sampler or scheduler, more steps, or a model in higher precision.",
            "sampler_name",
        )
    smallest = float(model.get_model_object("model_sampling").sigma_min)
    return _masked_kept(out, latent) if float(sigmas.run[-1]) <= smallest else out


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
    """Move the node's bar, show the latent, and tell the time that is left where the number of steps is known."""
    show = latent_preview.prepare_callback(model, steps)
    if sampler_name in OWN_PACE:
        return show
    remaining = RemainingTime()

    def step(index: int, denoised: torch.Tensor, x: torch.Tensor, total: int) -> None:
        show(index, denoised, x, total)
        show_text(remaining.text(index + 1, total))

    return step

"""Both sampling passes, on ComfyUI's samplers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import comfy.model_management
import comfy.samplers
import comfy.utils
import latent_preview
import torch

from ..hires.plan_steps import OWN_PACE
from ..hires.samplers import A1111_SAMPLERS
from ..hires.settings import A1111Settings
from ..upscale_models import RemainingTime
from .denoiser import a1111_table, denoising_like_a1111
from .guidance import A1111Guider, Refiner, needs_a1111_guidance
from .latents import Latent, Noised, fit_to_model, noised_of, samples_of, with_noised, with_samples
from .memory import tell
from .samplers import Pass, build_sampler
from .sigmas import SamplingError, Sigmas, first_pass_sigmas


def sample_base(
    model: Any,
    positive: Any,
    negative: Any,
    latent: Latent,
    noise: Any,
    steps: int,
    cfg: float,
    sampler_name: str,
    scheduler: str,
    settings: A1111Settings | None = None,
    refiner: Refiner | None = None,
) -> Latent:
    """Run the first pass; with the host's sampler and scheduler names bit-identical to core's KSampler.

    Raises:
        LatentError, SamplingError, ScheduleError: see the functions this calls.
    """
    settings = settings or A1111Settings()
    start = {**latent, "samples": fit_to_model(model, latent)}
    sigmas = first_pass_sigmas(model, sampler_name, scheduler, steps, settings)
    unit = noise.generate_noise(start)
    out = _sample(model, positive, negative, start, unit, sigmas, cfg, sampler_name, noise, settings, refiner, True)
    return with_samples(latent, out)


def renoise(
    model: Any, latent: Latent, noise: Any, sigmas: Sigmas, sampler_name: str, settings: A1111Settings | None = None
) -> Latent:
    """Add noise of the first sigma's strength to a clean latent, as the model's family does it.

    Returns:
        A LATENT with the noised samples (unscaled like every LATENT). It also remembers clean latent and noise,
        which Second Sampling uses: the sum alone is not enough for flow models and masks.
    """
    clean = fit_to_model(model, latent)
    if len(sigmas.run) == 0:
        return with_samples(latent, clean)
    unit = noise.generate_noise({**latent, "samples": clean})
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
    return with_noised(latent, Noised(clean, unit, sigmas.whole, model.model.process_latent_out(x)))


def sample_second(
    model: Any,
    positive: Any,
    negative: Any,
    latent: Latent,
    sigmas: torch.Tensor,
    noise: Any,
    cfg: float,
    sampler_name: str,
    settings: A1111Settings | None = None,
    refiner: Refiner | None = None,
) -> Latent:
    """Run the second pass from a noised latent; `noise` is not added again, it only seeds the sampler's steps.

    Raises:
        LatentError, SamplingError: see the functions this calls.
    """
    samples = samples_of(latent)
    if sigmas.ndim != 1 or not bool(torch.isfinite(sigmas).all()):
        raise SamplingError(f"found sigmas of shape {tuple(sigmas.shape)}; connect Re-noise's sigmas.", "sigmas")
    if len(sigmas) < 2:  # strength 0: there is nothing to run
        return with_samples(latent, samples)
    noised = noised_of(latent)
    if noised:
        start, unit, whole = noised.clean, noised.noise, noised.schedule
    else:
        start, unit = _split_noised(model, fit_to_model(model, latent), sigmas[0])
        whole = sigmas
    begin, plan = {**latent, "samples": start}, Sigmas(whole, sigmas)
    settings = settings or A1111Settings()
    out = _sample(model, positive, negative, begin, unit, plan, cfg, sampler_name, noise, settings, refiner, False)
    return with_samples(latent, out)


def _split_noised(model: Any, samples: torch.Tensor, sigma: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Find `(latent, noise)` that the model's own noise scaling adds up to `samples`.

    For latents that were noised elsewhere. Noise scaling is linear, so one probe tells how much of the latent
    is left at this sigma: all of it for eps and v models, `1 - sigma` for flow.
    """
    sampling = model.get_model_object("model_sampling")
    one, zero = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)
    left = float(sampling.noise_scaling(sigma.cpu(), zero.clone(), one))
    x = model.model.process_latent_in(samples)
    if left > 1e-3:
        return model.model.process_latent_out(x / left), torch.zeros_like(samples)
    share = float(sampling.noise_scaling(sigma.cpu(), one.clone(), zero))
    return torch.zeros_like(samples), x / share


def _sample(
    model: Any,
    positive: Any,
    negative: Any,
    latent: Latent,
    unit: torch.Tensor,
    sigmas: Sigmas,
    cfg: float,
    sampler_name: str,
    noise: Any,
    settings: A1111Settings,
    refiner: Refiner | None,
    first: bool,
) -> torch.Tensor:
    chosen = A1111_SAMPLERS.get(sampler_name)
    if chosen is None:
        if refiner is not None:
            raise SamplingError(
                f"a refiner switches by A1111's rules, and '{sampler_name}' is ComfyUI's own sampler; "
                "choose a capitalised one.",
                "sampler_name",
            )
        guider, sampler = comfy.samplers.CFGGuider(model), comfy.samplers.sampler_object(sampler_name)
    else:
        table = a1111_table(model, settings, chosen)
        model = denoising_like_a1111(model, chosen, settings, first)
        guider = comfy.samplers.CFGGuider(model)
        if chosen.guidance_plus or needs_a1111_guidance(positive, negative, settings, refiner):
            calls = (len(sigmas.run) - (not chosen.walks_timesteps)) * (2 if chosen.second_order else 1)
            guider = A1111Guider(model, settings, table, calls)
            guider.guidance_plus, guider.counts_timesteps = chosen.guidance_plus, chosen.walks_timesteps
            if refiner is not None:
                patched = denoising_like_a1111(refiner.model, chosen, settings, first)
                guider.refiner = replace(refiner, model=patched)
        last_unguided = getattr(guider, "last_unguided", None)
        sampler = build_sampler(
            Pass(sampler_name, chosen, settings, table, sigmas, first, noise, latent, last_unguided)
        )
    guider.set_conds(positive, negative)
    guider.set_cfg(cfg)
    out = guider.sample(
        unit,
        latent["samples"],
        sampler,
        sigmas.run,
        denoise_mask=latent.get("noise_mask"),
        callback=_callback(model, sampler_name, len(sigmas.run) - 1),
        disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
        seed=noise.seed,
    )
    out = out.to(comfy.model_management.intermediate_device(), comfy.model_management.intermediate_dtype())
    bad = out.numel() - int(torch.isfinite(out).sum())
    if bad:
        raise SamplingError(
            f"sampling with '{sampler_name}' gave {bad} of {out.numel()} numbers that are NaN or infinite. "
            "Try another sampler or scheduler, more steps, or a model in higher precision.",
            "sampler_name",
        )
    return out


def _callback(model: Any, sampler_name: str, steps: int) -> Callable[..., None]:
    """Move the node's bar, show the latent, and tell the time that is left where the number of steps is known."""
    show = latent_preview.prepare_callback(model, steps)
    if sampler_name in OWN_PACE:
        return show
    remaining = RemainingTime()

    def step(index: int, denoised: torch.Tensor, x: torch.Tensor, total: int) -> None:
        show(index, denoised, x, total)
        tell(remaining.text(index + 1, total))

    return step

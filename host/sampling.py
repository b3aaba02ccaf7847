"""Both sampling passes, on ComfyUI's samplers."""

from __future__ import annotations

import math
from typing import Any

import comfy.sample
import comfy.samplers
import comfy.utils
import latent_preview
import torch

from ..hires.samplers import A1111_SAMPLERS
from .denoiser import denoising_like_a1111
from .latents import Latent, Noised, fit_to_model, noised_of, samples_of, with_noised, with_samples
from .noise import PerImageNoise
from .sigmas import SamplingError, full_sigmas


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
) -> Latent:
    """Run the first pass; with the host's sampler and scheduler names bit-identical to core's KSampler.

    Raises:
        LatentError, SamplingError, ScheduleError: see the functions this calls.
    """
    samples = fit_to_model(model, latent)
    sigmas = full_sigmas(model, sampler_name, scheduler, steps)
    unit = noise.generate_noise({**latent, "samples": samples})
    out = _sample(model, positive, negative, samples, unit, sigmas, cfg, sampler_name, latent, noise)
    return with_samples(latent, out)


def renoise(model: Any, latent: Latent, noise: Any, sigmas: torch.Tensor, sampler_name: str) -> Latent:
    """Add noise of the first sigma's strength to a clean latent, as the model's family does it.

    Returns:
        A LATENT with the noised samples (unscaled like every LATENT). It also remembers clean latent and noise,
        which Second Sampling uses: the sum alone is not enough for flow models and masks.
    """
    clean = fit_to_model(model, latent)
    if len(sigmas) == 0:
        return with_samples(latent, clean)
    unit = noise.generate_noise({**latent, "samples": clean})
    if sampler_name in A1111_SAMPLERS:
        model = denoising_like_a1111(model)
    sampling = model.get_model_object("model_sampling")
    scaled = model.model.process_latent_in(clean) if torch.count_nonzero(clean) else clean
    first, largest = float(sigmas[0]), float(sampling.sigma_max)
    full = first > largest or math.isclose(first, largest, rel_tol=1e-5)  # what the host's samplers ask
    x = sampling.noise_scaling(sigmas[0].to(scaled), unit.to(scaled), scaled, full)
    return with_noised(latent, Noised(clean, unit, model.model.process_latent_out(x)))


def sample_second(
    model: Any,
    positive: Any,
    negative: Any,
    latent: Latent,
    sigmas: torch.Tensor,
    noise: Any,
    cfg: float,
    sampler_name: str,
) -> Latent:
    """Run the second pass from a noised latent; `noise` is not added again, it only seeds the sampler's steps.

    Raises:
        LatentError, SamplingError: see the functions this calls.
    """
    samples = samples_of(latent)
    if sigmas.ndim != 1 or not bool(torch.isfinite(sigmas).all()):
        raise SamplingError(
            f"sigmas has shape {tuple(sigmas.shape)}; expected a finite list. Connect Re-noise's.", "sigmas"
        )
    if len(sigmas) < 2:  # strength 0: there is nothing to run
        return with_samples(latent, samples)
    noised = noised_of(latent)
    if noised:
        start, unit = noised.clean, noised.noise
    else:
        start, unit = _split_noised(model, fit_to_model(model, latent), sigmas[0])
    out = _sample(model, positive, negative, start, unit, sigmas, cfg, sampler_name, latent, noise)
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
    samples: torch.Tensor,
    unit: torch.Tensor,
    sigmas: torch.Tensor,
    cfg: float,
    sampler_name: str,
    latent: Latent,
    noise: Any,
) -> torch.Tensor:
    chosen = A1111_SAMPLERS.get(sampler_name)
    if chosen:
        model = denoising_like_a1111(model)
        options = {}
        if chosen.draws_noise and isinstance(noise, PerImageNoise):
            options["noise_sampler"] = noise.step_noise({**latent, "samples": samples})
        sampler = comfy.samplers.ksampler(chosen.function, options)
    else:
        sampler = comfy.samplers.sampler_object(sampler_name)
    out = comfy.sample.sample_custom(
        model,
        unit,
        cfg,
        sampler,
        sigmas,
        positive,
        negative,
        samples,
        noise_mask=latent.get("noise_mask"),
        callback=latent_preview.prepare_callback(model, len(sigmas) - 1),
        disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
        seed=noise.seed,
    )
    bad = out.numel() - int(torch.isfinite(out).sum())
    if bad:
        raise SamplingError(
            f"sampling with '{sampler_name}' gave {bad} of {out.numel()} numbers that are NaN or infinite. "
            "Try another sampler or scheduler, more steps, or a model in higher precision.",
            "sampler_name",
        )
    return out

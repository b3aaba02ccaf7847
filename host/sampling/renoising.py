"""The latent that the second pass begins with: noise of the first sigma's strength in a clean one."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch

from ...hires.sampling.menus import SAMPLERS
from ...hires.sampling.same import SecondPassValues
from ..latents.latents import Latent, Noised, fit_to_model, is_masked, with_noised, with_samples
from .denoiser import denoising_like_a1111
from .sigmas import PassSigmas, SamplingError

Loss = Literal["mask", "picture"]
"""What only the parts of a noised latent tell, not their sum: what a noise mask keeps, or all of the picture."""


def renoise(model: Any, values: SecondPassValues, latent: Latent, noise: Any, sigmas: PassSigmas) -> Latent:
    """Add noise of the first sigma's strength to a clean latent, as the model's family does it.

    `values`: what the sigmas were made with.

    Returns:
        A LATENT with the noised samples, in the form in which the host keeps latents that still hold noise: unscaled,
        and for flow models divided by what the noise leaves of the picture, which is infinite at full strength. It
        also remembers clean latent and noise, which Second Sampling uses: see `loss_of_sum`.
    """
    settings = values.settings
    clean = fit_to_model(model, latent)
    if len(sigmas.sigmas) == 0:
        return with_samples(latent, clean)
    drawn = strong = draw_noise(noise, {**latent, "samples": clean})
    first = float(sigmas.sigmas[0])
    sampler = SAMPLERS.get(values.sampler_name)
    if sampler:
        model = denoising_like_a1111(model, sampler, settings, first_pass=False)
        if values.is_img2img and settings.initial_noise_multiplier != 1:
            strong = strong * settings.initial_noise_multiplier
        strong = strong * (1 + settings.img2img_extra_noise / first) if settings.img2img_extra_noise else strong
    sampling = model.get_model_object("model_sampling")
    scaled = model.model.process_latent_in(clean) if torch.count_nonzero(clean) else clean
    largest = float(sampling.sigma_max)
    full = first > largest or math.isclose(first, largest, rel_tol=1e-5)  # what the host's samplers ask
    x = sampling.noise_scaling(sigmas.sigmas[0].to(scaled), strong.to(scaled), scaled, full)
    samples = model.model.process_latent_out(x / left_of_picture(model, sigmas.sigmas[0]))
    noised = Noised(clean, strong, sigmas.schedule, samples, values, drawn, sigmas.denoising_strength)
    return with_noised(latent, noised, sigmas.sigmas)


def draw_noise(noise: Any, latent: Latent) -> torch.Tensor:
    """Draw a NOISE object's start noise, of the samples' shape. Raises SamplingError if it is not finite."""
    drawn = noise.generate_noise(latent)
    if not bool(torch.isfinite(drawn).all()):
        raise SamplingError(
            f"the noise for a latent of shape {tuple(latent['samples'].shape)} is NaN or infinite in places. "
            "A variation seed cannot be mixed in where a latent is a single cell high: set subseed_strength to 0, or "
            "use a larger size.",
            "noise",
        )
    return drawn


def left_of_picture(model: Any, sigma: torch.Tensor) -> float:
    """Share of the picture in a noised latent: all of it for eps and v models, `1 - sigma` for flow."""
    one, zero = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)
    return float(model.get_model_object("model_sampling").noise_scaling(sigma.cpu(), zero, one))


def loss_of_sum(model: Any, latent: Latent, sigma: torch.Tensor) -> Loss | None:
    """What is lost where a latent, noised to a sigma, is sampled without its clean picture and its noise being known.

    None: it can be sampled on as it is.
    """
    if is_masked(latent):
        return "mask"
    return "picture" if left_of_picture(model, sigma) < 1e-6 else None

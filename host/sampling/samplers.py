"""SAMPLER objects under A1111's names, with A1111's options and step noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import comfy.k_diffusion.sampling as k_diffusion
import comfy.samplers
import torch
from comfy.extra_samplers.uni_pc import NoiseScheduleVP, UniPC

from ...hires.sampling.brownian import BrownianNoise
from ...hires.sampling.noise import SEEDS
from ...hires.sampling.samplers import A1111Sampler
from ...hires.sampling.schedules import DiscreteTable, SigmaTable
from ...hires.sampling.settings import A1111Settings
from ..latents.latents import Latent
from .noise import PerImageNoise
from .sigmas import SamplingError, Sigmas

StepNoise = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Pass:
    """What a sampler has to know of the pass it runs in."""

    name: str
    """A1111's name of the sampler."""

    sampler: A1111Sampler
    settings: A1111Settings
    table: SigmaTable
    sigmas: Sigmas
    first: bool
    noise: Any
    """The NOISE object."""

    latent: Latent
    """The LATENT whose samples are those that are sampled."""

    last_unguided: Callable[[], torch.Tensor]
    """Gives the picture that was last predicted without the prompt."""


def build_sampler(this: Pass) -> comfy.samplers.KSAMPLER:
    """Return the host's SAMPLER for a pass.

    Raises:
        SamplingError: a combination that cannot be sampled.
    """
    chosen, settings = this.sampler, this.settings
    values = {
        "eta": settings.eta_ancestral,
        "s_churn": settings.s_churn,
        "s_tmin": settings.s_tmin,
        "s_tmax": settings.churn_limit,
        "s_noise": settings.s_noise,
    }
    options: dict[str, Any] = {name: values[name] for name in chosen.takes}
    step_noise = _step_noise(this)
    if step_noise is not None:
        options["noise_sampler"] = step_noise
    if chosen.function == "uni_pc":
        return comfy.samplers.KSAMPLER(_keeping_unmasked(_unipc(this)))
    if chosen.function in ("dpm_fast", "dpm_adaptive"):
        return comfy.samplers.KSAMPLER(_keeping_unmasked(_dpm_solver(this)), options)
    if isinstance(chosen.function, str):
        return comfy.samplers.KSAMPLER(getattr(k_diffusion, f"sample_{chosen.function}"), options)
    if chosen.walks_timesteps:
        options |= {"table": this.table, "first_pass": this.first}
        if chosen.noise == "image":
            options["eta"] = settings.eta_ddim
        if chosen.guidance_plus:
            options["direction"] = this.last_unguided
        return comfy.samplers.KSAMPLER(_keeping_unmasked(chosen.function), options)
    return comfy.samplers.KSAMPLER(chosen.function, options)


def _keeping_unmasked(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Lay the original back over what the noise mask protects, after the last step, as A1111 does.

    For samplers that stop above sigma 0. All others end with the model's picture, in which the host has done so.
    """

    def sample(model: Any, x: torch.Tensor, sigmas: torch.Tensor, **arguments: Any) -> torch.Tensor:
        out = function(model, x, sigmas, **arguments)
        extra = arguments.get("extra_args") or {}
        mask = extra.get("denoise_mask")
        if mask is None:
            return out
        if "denoise_mask_function" in extra.get("model_options", {}):  # a mask for each step: none is left at the end
            return torch.where(mask == 0, model.latent_image, out)
        return out * mask + model.latent_image * (1 - mask)

    return sample


def _step_noise(this: Pass) -> StepNoise | None:
    """Where the noise of the steps comes from; None leaves it to the host (or there is none)."""
    chosen, noise = this.sampler, this.noise
    if chosen.noise == "none" or ("s_churn" in chosen.takes and this.settings.s_churn == 0):
        return None
    if not isinstance(noise, PerImageNoise):
        own = callable(chosen.function) or chosen.sigma_only
        return _one_stream(this) if own else None
    if chosen.noise == "brownian":
        shape = this.latent["samples"].shape[1:]

        def randn(seed: int, shape: Any) -> torch.Tensor:
            return noise.generator(seed).randn(shape)

        return BrownianNoise(this.sigmas.whole, shape, noise.image_seeds(this.latent), randn)
    return noise.step_noise(this.latent)


def _one_stream(this: Pass) -> StepNoise:
    """Noise for samplers of our own when a foreign NOISE object has nothing but a seed."""
    generator = torch.Generator("cpu").manual_seed((this.noise.seed + 1) % SEEDS)
    shape = this.latent["samples"].shape
    return lambda sigma, sigma_next: torch.randn(shape, generator=generator).to(sigma.device)


def _dpm_solver(this: Pass) -> Callable[..., torch.Tensor]:
    """DPM fast and DPM adaptive run between two sigmas, without a schedule: the model's own in the first pass."""
    if this.first:
        largest, smallest = this.table.sigmas[-1], this.table.sigmas[0]
    elif len(this.sigmas.run) < 3:
        raise SamplingError(f"'{this.name}' needs at least 2 steps in the second pass.", "steps")
    else:
        largest, smallest = this.sigmas.run[0], this.sigmas.run[-2]

    def sample(model: Any, x: torch.Tensor, sigmas: torch.Tensor, **arguments: Any) -> torch.Tensor:
        low, high = float(smallest), float(largest)
        if this.sampler.function == "dpm_fast":
            return k_diffusion.sample_dpm_fast(model, x, low, high, len(sigmas) - 1, **arguments)
        return k_diffusion.sample_dpm_adaptive(model, x, low, high, **arguments)

    return sample


def _unipc(this: Pass) -> Callable[..., torch.Tensor]:
    """UniPC (Zhao et al. 2023) over continuous time, as A1111 sets it up; the steps are the host's."""
    settings = this.settings
    # in the second pass the first sigma is only the level that the noise was added at
    steps = len(this.sigmas.run) - (not this.first)
    if steps < settings.uni_pc_order:
        raise SamplingError(
            f"UniPC of order {settings.uni_pc_order} needs at least {settings.uni_pc_order} steps and has {steps}. "
            "Use more steps (the second pass has one less than it is given) or a lower uni_pc_order.",
            "steps",
        )
    table = this.table
    assert isinstance(table, DiscreteTable)

    def sample(
        model: Any,
        x: torch.Tensor,
        sigmas: torch.Tensor,
        extra_args: dict[str, Any] | None = None,
        callback: Any = None,
        disable: bool | None = None,
    ) -> torch.Tensor:
        process = NoiseScheduleVP("discrete", alphas_cumprod=table.alphas_cumprod.to(x))
        total = process.total_N

        def noise_of(x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
            sigma = table.t_to_sigma(((time[:1] - 1 / total) * total).cpu()).to(x)
            scaled = x * (1 + sigma**2).sqrt()
            return (scaled - model(scaled, sigma * x.new_ones(x.shape[0]), **(extra_args or {}))) / sigma

        solver = UniPC(noise_of, process, predict_x0=True, thresholding=False, variant=settings.uni_pc_variant)
        start = 1.0 if this.first else float(table.sigma_to_t(sigmas[1].cpu()).round()) / total + 1 / total
        times = solver.get_time_steps(settings.uni_pc_skip_type, start, 1 / total, steps, x.device)
        first = sigmas[0]
        return solver.sample(
            x / first if this.first else x / (1 + first**2).sqrt(),
            times,
            order=settings.uni_pc_order,
            skip_type=settings.uni_pc_skip_type,
            method="multistep",
            lower_order_final=settings.uni_pc_lower_order_final,
            callback=callback,
            disable_pbar=True,
        )

    return sample

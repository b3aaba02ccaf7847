"""SAMPLER objects under A1111's names, with A1111's options and step noise."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import comfy.k_diffusion.sampling as k_diffusion
import comfy.samplers
import torch
from comfy.extra_samplers.uni_pc import NoiseScheduleVP, UniPC

from ...hires.sampling import k_samplers
from ...hires.sampling.brownian import BrownianNoise
from ...hires.sampling.k_samplers import NoiseSampler, SamplerFunction
from ...hires.sampling.menus import Sampler
from ...hires.sampling.noise import SEEDS
from ...hires.sampling.schedules import DiscreteTable, SigmaTable
from ...hires.sampling.timestep_samplers import sample_ddim, sample_plms
from .job import Pass
from .noise import PerImageNoise
from .sigmas import SamplingError


def build_sampler(
    run: Pass, sampler: Sampler, table: SigmaTable, last_unguided: Callable[[], torch.Tensor] | None = None
) -> comfy.samplers.KSAMPLER:
    """Return the host's SAMPLER for a pass.

    `last_unguided` gives the picture that was last predicted without the prompt; CFG++ needs it.

    Raises:
        SamplingError: a combination that cannot be sampled.
    """
    name, settings = run.job.sampler_name, run.job.settings
    values = {
        "eta": settings.eta_ancestral,
        "s_churn": settings.s_churn,
        "s_tmin": settings.s_tmin,
        "s_tmax": settings.churn_limit,
        "s_noise": settings.s_noise,
    }
    options: dict[str, Any] = {option: values[option] for option in sampler.takes}
    step_noise = _step_noise(run, sampler)
    if step_noise is not None:
        options["noise_sampler"] = step_noise
    if sampler.guidance_plus:
        options["direction"] = last_unguided
    if sampler.own_end:
        return comfy.samplers.KSAMPLER(_keeping_unmasked(_OWN_END[name](run, table)), options)
    function = _HOST_FUNCTIONS.get(name) or k_samplers.FUNCTIONS[name]
    return comfy.samplers.KSAMPLER(_masked_afterwards(function) if run.is_img2img else function, options)


def _masked_afterwards(function: SamplerFunction) -> SamplerFunction:
    """With a noise mask: blend the picture that the model predicts with the original, and nothing else, as A1111 does.

    The host also replaces what the model is given outside the mask by the noised original: where a mask is soft, or a
    sampler adds noise, that is another picture.
    """

    def sample(model: Any, x: torch.Tensor, sigmas: torch.Tensor, **arguments: Any) -> torch.Tensor:
        return function(_MaskedAfterwards(model), x, sigmas, **arguments)

    return sample


class _MaskedAfterwards:
    """The host's model of a sampler with a noise mask; see `_masked_afterwards`."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def __call__(self, x: torch.Tensor, sigma: torch.Tensor, denoise_mask: Any = None, **given: Any) -> torch.Tensor:
        if denoise_mask is None or "denoise_mask_function" in given.get("model_options", {}):
            return self._model(x, sigma, denoise_mask=denoise_mask, **given)
        predicted = self._model(x, sigma, denoise_mask=None, **given)
        return predicted * denoise_mask + self._model.latent_image * (1 - denoise_mask)


def _keeping_unmasked(function: SamplerFunction) -> SamplerFunction:
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


def _step_noise(run: Pass, sampler: Sampler) -> NoiseSampler | None:
    """Where the noise of the steps comes from; None leaves it to the host (or there is none)."""
    noise = run.job.noise
    if sampler.noise == "none" or ("s_churn" in sampler.takes and run.job.settings.s_churn == 0):
        return None
    if not isinstance(noise, PerImageNoise):
        return None if run.job.sampler_name in _HOST_FUNCTIONS else _one_stream(run)
    if sampler.noise == "brownian":
        shape = run.latent["samples"].shape[1:]

        def randn(seed: int, shape: Any) -> torch.Tensor:
            return noise.generator(seed).randn(shape)

        return BrownianNoise(run.sigmas.schedule, shape, noise.image_seeds(run.latent), randn)
    return noise.step_noise(run.latent)


def _one_stream(run: Pass) -> NoiseSampler:
    """Noise for samplers of our own when a foreign NOISE object has nothing but a seed."""
    generator = torch.Generator("cpu").manual_seed((run.job.noise.seed + 1) % SEEDS)
    shape = run.latent["samples"].shape
    return lambda sigma, sigma_next: torch.randn(shape, generator=generator).to(sigma.device)


def _ddim(run: Pass, table: SigmaTable) -> SamplerFunction:
    eta = run.job.settings.eta_ddim
    return partial(sample_ddim, table=_discrete(table), first_pass=run.is_first, eta=eta)


def _plms(run: Pass, table: SigmaTable) -> SamplerFunction:
    return partial(sample_plms, table=_discrete(table), first_pass=run.is_first)


def _discrete(table: SigmaTable) -> DiscreteTable:
    assert isinstance(table, DiscreteTable)  # see `check_sampler`
    return table


def _dpm_fast(run: Pass, table: SigmaTable) -> SamplerFunction:
    ends = _ends(run, table)
    return lambda model, x, sigmas, **others: k_diffusion.sample_dpm_fast(model, x, *ends, len(sigmas) - 1, **others)


def _dpm_adaptive(run: Pass, table: SigmaTable) -> SamplerFunction:
    smallest, largest = _ends(run, table)

    def sample(model: Any, x: torch.Tensor, sigmas: torch.Tensor, **arguments: Any) -> Any:
        return k_diffusion.sample_dpm_adaptive(model, x, smallest, largest, **arguments)

    return sample


def _ends(run: Pass, table: SigmaTable) -> tuple[float, float]:
    """DPM fast and DPM adaptive run between two sigmas, without a schedule: the model's own in the first pass."""
    sigmas = run.sigmas.sigmas
    if run.is_first:
        return float(table.sigmas[0]), float(table.sigmas[-1])
    if len(sigmas) < 3:
        raise SamplingError(f"'{run.job.sampler_name}' needs at least 2 steps in the second pass.", "steps")
    return float(sigmas[-2]), float(sigmas[0])


def _unipc(run: Pass, sigma_table: SigmaTable) -> SamplerFunction:
    """UniPC (Zhao et al. 2023) over continuous time, as A1111 sets it up; the steps are the host's."""
    settings, table = run.job.settings, _discrete(sigma_table)
    # in the second pass the first sigma is only the level that the noise was added at
    steps = len(run.sigmas.sigmas) - (not run.is_first)
    if steps < settings.uni_pc_order:
        raise SamplingError(
            f"UniPC of order {settings.uni_pc_order} needs at least {settings.uni_pc_order} steps and has {steps}. "
            "Use more steps (the second pass has one less than it is given) or a lower uni_pc_order.",
            "steps",
        )

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
        start = 1.0 if run.is_first else float(table.sigma_to_t(sigmas[1].cpu()).round()) / total + 1 / total
        times = solver.get_time_steps(settings.uni_pc_skip_type, start, 1 / total, steps, x.device)
        first = sigmas[0]
        return solver.sample(
            x / first if run.is_first else x / (1 + first**2).sqrt(),
            times,
            order=settings.uni_pc_order,
            skip_type=settings.uni_pc_skip_type,
            method="multistep",
            lower_order_final=settings.uni_pc_lower_order_final,
            callback=callback,
            disable_pbar=True,
        )

    return sample


_OWN_END: dict[str, Callable[[Pass, SigmaTable], SamplerFunction]] = {
    "DPM fast": _dpm_fast,
    "DPM adaptive": _dpm_adaptive,
    "DDIM": _ddim,
    "DDIM CFG++": _ddim,
    "PLMS": _plms,
    "UniPC": _unipc,
}
"""What makes the function of one that goes its own way to the end, see `Sampler.own_end`, for a pass."""

_HOST_FUNCTIONS: dict[str, SamplerFunction] = {
    "DPM++ 2M": k_diffusion.sample_dpmpp_2m,
    "DPM++ SDE": k_diffusion.sample_dpmpp_sde,
    "DPM++ 2M SDE": k_diffusion.sample_dpmpp_2m_sde,
    "DPM++ 2M SDE Heun": k_diffusion.sample_dpmpp_2m_sde_heun,
    "DPM++ 2S a": k_diffusion.sample_dpmpp_2s_ancestral,
    "DPM++ 3M SDE": k_diffusion.sample_dpmpp_3m_sde,
    "Euler a": k_diffusion.sample_euler_ancestral,
    "DPM2 a": k_diffusion.sample_dpm_2_ancestral,
}
"""The host's functions that give A1111's numbers; the others are `k_samplers.FUNCTIONS`."""

"""A1111's denoiser on a ComfyUI MODEL: sigma table, fractional timesteps, start noise of exactly sigma."""

from __future__ import annotations

import copy
from typing import Any

import comfy.model_sampling
import torch
import torch.nn.functional as F
from comfy.ldm.modules.diffusionmodules.openaimodel import Upsample

from ...hires.sampling.menus import Sampler
from ...hires.sampling.schedules import DiscreteTable, LCMTable, SigmaTable
from ...hires.sampling.settings import ZERO_TERMINAL_SNR, A1111Settings


def is_discrete(model: Any) -> bool:
    """Whether the model is an eps or v model with a table of training sigmas, which is all that A1111 knows."""
    sampling = model.get_model_object("model_sampling")
    discrete = comfy.model_sampling.ModelSamplingDiscrete
    return (
        isinstance(sampling, discrete)
        and type(sampling).timestep is discrete.timestep
        and type(sampling).sigma is discrete.sigma
    )


def a1111_table(model: Any, settings: A1111Settings, sampler: Sampler | None = None) -> SigmaTable:
    """The model's sigmas with A1111's rounding; models without a discrete table keep the host's."""
    sampling = model.get_model_object("model_sampling")
    if not is_discrete(model):
        return _HostTable(sampling)
    betas = torch.linspace(
        sampling.linear_start**0.5, sampling.linear_end**0.5, sampling.num_timesteps, dtype=torch.float64
    )
    table = DiscreteTable(torch.cumprod(1.0 - betas**2, dim=0).float())
    host_sigmas = sampling.sigmas.cpu()
    if table.sigmas.shape != host_sigmas.shape or not torch.allclose(table.sigmas, host_sigmas, rtol=1e-4):
        table = DiscreteTable((1.0 / (1.0 + host_sigmas.double() ** 2)).float())  # another noise schedule
    if settings.use_downcasted_alpha_bar:
        table = table.downcast()
    if settings.sd_noise_schedule == ZERO_TERMINAL_SNR:
        table = table.zero_terminal_snr()
    return LCMTable(table) if sampler and sampler.consistency else table


class _HostTable:
    """The sigmas of flow and continuous models, as the host has them."""

    def __init__(self, sampling: Any) -> None:
        self.sigmas = sampling.sigmas.float().cpu()

    @property
    def ends(self) -> tuple[float, float]:
        """Schedules count entries of the table; the model's own time may have another unit."""
        return float(len(self.sigmas) - 1), 0.0

    def t_to_sigma(self, t: torch.Tensor) -> torch.Tensor:
        t = t.float().clamp(0, len(self.sigmas) - 1)
        low, high, w = t.floor().long(), t.ceil().long(), t.frac()
        return (1 - w) * self.sigmas[low] + w * self.sigmas[high]

    def sigma_to_t(self, sigma: torch.Tensor) -> torch.Tensor:
        """Only asked for the ends of a schedule."""
        return (self.sigmas - sigma).abs().argmin().float()


class _A1111Denoiser:
    """Mixed into the model's own sampling class."""

    table: DiscreteTable
    quantized: bool
    full_noise: bool

    def timestep(self, sigma: torch.Tensor) -> torch.Tensor:
        """A1111 feeds the interpolated timestep to the model where the host rounds to the nearest entry."""
        t = self.table.sigma_to_t(sigma)
        return t.round() if self.quantized else t

    def noise_scaling(
        self, sigma: torch.Tensor, noise: torch.Tensor, latent_image: torch.Tensor, max_denoise: bool = False
    ) -> torch.Tensor:
        """`latent + noise * sigma`; the host's `sqrt(1 + sigma^2)` at full strength is an option in A1111."""
        return super().noise_scaling(sigma, noise, latent_image, max_denoise and self.full_noise)  # type: ignore[misc]


class _ConsistencyDenoiser(_A1111Denoiser):
    """The boundary condition of latent consistency models (Luo et al. 2023, equation 8), time scaled by 10."""

    def calculate_denoised(
        self, sigma: torch.Tensor, model_output: torch.Tensor, model_input: torch.Tensor
    ) -> torch.Tensor:
        """Mix the predicted picture with the input: the less, the noisier the input is."""
        denoised = super().calculate_denoised(sigma, model_output, model_input)  # type: ignore[misc]
        time = (self.timestep(sigma) * 10).view(sigma.shape[:1] + (1,) * (model_output.ndim - 1))
        skip = 0.25 / (time**2 + 0.25)
        return time / (time**2 + 0.25) ** 0.5 * denoised + skip * model_input


def denoising_like_a1111(model: Any, sampler: Sampler, settings: A1111Settings, first_pass: bool) -> Any:
    """Clone a MODEL to denoise as A1111 does; flow and continuous models are returned as they are."""
    if not is_discrete(model):
        return model
    sampling = model.get_model_object("model_sampling")
    denoiser = _ConsistencyDenoiser if sampler.consistency else _A1111Denoiser
    patched = copy.deepcopy(sampling)
    patched.__class__ = type("A1111" + type(sampling).__name__, (denoiser, type(sampling)), {})
    patched.table = a1111_table(model, settings, sampler)
    patched.quantized = settings.enable_quantization
    patched.full_noise = settings.sgm_noise_multiplier and first_pass
    patched.set_sigmas(patched.table.sigmas)
    clone = model.clone()
    clone.add_object_patch("model_sampling", patched)
    clone.set_model_forward_timestep_embed_patch((Upsample, _upsample_then_fit))
    return clone


def _upsample_then_fit(
    layer: Upsample, x: torch.Tensor, emb: Any, context: Any, options: Any, output_shape: Any, *_: Any
) -> torch.Tensor:
    """At sizes that do not halve evenly, A1111 fits to the skip connection after the convolution, the host before."""
    x = layer(x)
    if output_shape is not None and x.shape[-2:] != output_shape[-2:]:
        x = F.interpolate(x, size=output_shape[-2:], mode="nearest")
    return x

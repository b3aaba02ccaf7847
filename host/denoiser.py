"""A1111's denoiser on a ComfyUI MODEL: sigma table, fractional timesteps, start noise of exactly sigma."""

from __future__ import annotations

import copy
from typing import Any

import comfy.model_sampling
import torch
import torch.nn.functional as F
from comfy.ldm.modules.diffusionmodules.openaimodel import Upsample

from ..hires.schedules import DiscreteTable, SigmaTable


class _A1111Denoiser:
    """Mixed into the model's own sampling class: fractional timesteps, and noise that starts at exactly sigma."""

    table: DiscreteTable

    def timestep(self, sigma: torch.Tensor) -> torch.Tensor:
        """A1111 feeds the interpolated timestep to the model where the host rounds to the nearest entry."""
        return self.table.sigma_to_t(sigma)

    def noise_scaling(
        self, sigma: torch.Tensor, noise: torch.Tensor, latent_image: torch.Tensor, max_denoise: bool = False
    ) -> torch.Tensor:
        """`latent + noise * sigma`, without the host's `sqrt(1 + sigma^2)` at full strength."""
        return super().noise_scaling(sigma, noise, latent_image, False)  # type: ignore[misc]


def a1111_table(sampling: Any) -> SigmaTable:
    """The model's sigmas with A1111's rounding; models without a discrete table keep the host's."""
    if not _is_discrete(sampling):
        return _HostTable(sampling)
    betas = torch.linspace(
        sampling.linear_start**0.5, sampling.linear_end**0.5, sampling.num_timesteps, dtype=torch.float64
    )
    table = DiscreteTable.from_alphas_cumprod(torch.cumprod(1.0 - betas**2, dim=0))
    host_sigmas = sampling.sigmas.cpu()
    if table.sigmas.shape == host_sigmas.shape and torch.allclose(table.sigmas, host_sigmas, rtol=1e-4):
        return table
    return DiscreteTable.from_alphas_cumprod(1.0 / (1.0 + host_sigmas.double() ** 2))  # another noise schedule


def _is_discrete(sampling: Any) -> bool:
    discrete = comfy.model_sampling.ModelSamplingDiscrete
    return (
        isinstance(sampling, discrete)
        and type(sampling).timestep is discrete.timestep
        and type(sampling).sigma is discrete.sigma
    )


class _HostTable:
    """The sigmas of flow and continuous models, as the host has them."""

    def __init__(self, sampling: Any) -> None:
        self._sampling = sampling
        self.sigmas = sampling.sigmas.float().cpu()

    def t_to_sigma(self, t: torch.Tensor) -> torch.Tensor:
        """Schedules count entries of the table; the model's own time may have another unit."""
        t = t.float().clamp(0, len(self.sigmas) - 1)
        low, high, w = t.floor().long(), t.ceil().long(), t.frac()
        return (1 - w) * self.sigmas[low] + w * self.sigmas[high]

    def sigma_to_t(self, sigma: torch.Tensor) -> torch.Tensor:
        """Only asked for the ends of the table."""
        return (self.sigmas - sigma).abs().argmin().float()


def denoising_like_a1111(model: Any) -> Any:
    """Clone a MODEL to denoise as A1111 does; flow and continuous models are returned as they are."""
    sampling = model.get_model_object("model_sampling")
    if not _is_discrete(sampling):
        return model
    patched = copy.deepcopy(sampling)
    patched.__class__ = type("A1111" + type(sampling).__name__, (_A1111Denoiser, type(sampling)), {})
    patched.table = a1111_table(sampling)
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

"""The VAE's distribution: A1111 draws from it where ComfyUI takes its middle."""

from __future__ import annotations

import logging
from typing import Any

import comfy.model_management
import torch
from comfy.ldm.models.autoencoder import AutoencodingEngine, DiagonalGaussianRegularizer
from comfy.ldm.modules.distributions.distributions import DiagonalGaussianDistribution

from ...hires.errors import InputError
from ...hires.sampling.noise import SEEDS
from .latents import Latent, samples_of
from .tiled_vae import encode_picture

log = logging.getLogger("hires-fix")


def has_posterior(vae: Any) -> bool:
    """Whether this VAE encodes pictures to a distribution (SD1, SD2, SDXL, SD3, Flux; not TAESD, not clips)."""
    model = vae.first_stage_model
    return (
        isinstance(model, AutoencodingEngine)
        and isinstance(model.regularization, DiagonalGaussianRegularizer)
        and vae.latent_dim == 2
        and vae.output_channels == 3
        and getattr(model, "bn", None) is None
        and getattr(vae, "format_encoded", None) is None
    )


def encode_posterior(vae: Any, image: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
    """Encode one picture as A1111 does: at its full size, and drawn from the distribution.

    A picture that is not made of whole latent cells is not cut first: the encoder's own strides drop the rest, which
    it has seen.

    Args:
        vae: one that `has_posterior`.
        image: `(1, H, W, C)`, 0 to 1; alpha is dropped.
        generator: a CPU generator, from which one latent's worth of numbers is drawn; None takes the mean.

    Returns:
        `(1, C, h, w)`, unscaled like every LATENT, where ComfyUI keeps its results. When memory runs out, the
        mean instead, of whole cells.
    """
    vae.throw_exception_if_invalid()
    pixels = image[..., :3].movedim(-1, 1)
    try:
        moments = _moments(vae, pixels)
    except Exception as error:
        comfy.model_management.raise_non_oom(error)
        moments = None
    if moments is None:  # outside the except block, where the failed run's tensors are still alive
        log.warning("Out of memory while encoding in one piece; the VAE's mean from tiles is used instead.")
        return encode_picture(vae, image)
    distribution = DiagonalGaussianDistribution(moments)
    if generator is None:
        return distribution.mode()
    noise = torch.randn(distribution.mean.shape, generator=generator)
    return distribution.mean + distribution.std * noise.to(distribution.mean.device)


def _moments(vae: Any, pixels: torch.Tensor) -> torch.Tensor:
    """Mean and log variance, stacked, of `(1, 3, H, W)`, 0 to 1."""
    model = vae.first_stage_model
    with comfy.model_management.cuda_device_context(vae.device):
        comfy.model_management.load_models_gpu(
            [vae.patcher],
            memory_required=vae.memory_used_encode(pixels.shape, vae.vae_dtype),
            force_full_load=vae.disable_offload,
        )
        moments = model.encoder(vae.process_input(pixels).to(vae.device, vae.vae_dtype))
        if hasattr(model, "quant_conv"):
            moments = model.quant_conv(moments)
        return moments.to(vae.output_device, torch.float32)


def posterior_generator(noise: Any, latent: Latent) -> torch.Generator | None:
    """The generator that A1111 draws from while encoding: freshly seeded with the last seed of the batch.

    None without a NOISE object, the pack's or core's, that has a seed. `latent`, of the first pass, tells the places in
    the batch.
    """
    if hasattr(noise, "image_seeds"):
        last = noise.image_seeds(latent)[-1]
    elif isinstance(getattr(noise, "seed", None), int):
        last = noise.seed + (latent.get("batch_index") or range(samples_of(latent).shape[0]))[-1]
    else:
        return None
    return torch.Generator("cpu").manual_seed(last % SEEDS)


def generator_of(noise: Any) -> torch.Generator | None:
    """The generator that A1111 draws from after a job that ended with the seed of a NOISE object; None without one.

    Raises:
        InputError: it has no seed.
    """
    if noise is None:
        return None
    found = posterior_generator(noise, {"batch_index": [0]})
    if found is None:
        raise InputError(
            f"{type(noise).__name__} has no seed that A1111's numbers could be drawn with. Connect Seed and Noise or "
            "core's RandomNoise, or nothing.",
            "noise",
        )
    return found

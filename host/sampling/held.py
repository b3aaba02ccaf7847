"""Models that draw in the light of a picture, SUPIR and PiD: whether what they got fits what they are to draw."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import comfy.model_base
import torch
from comfy.ldm.supir.supir_modules import SUPIR
from comfy.ldm.supir.supir_patch import SUPIRPatch

from .sigmas import SamplingError


def check_held(model: Any, samples: torch.Tensor, extras: Iterable[dict[str, Any]]) -> None:
    """Refuse (SamplingError) what would end in the network's own words about shapes.

    `samples`: the latent `(B, C, h, w)` to sample. `extras`: what the prompts hold beside the text.
    """
    for patch in (
        model.model_options.get("transformer_options", {}).get("patches", {}).get("middle_block_after_patch", ())
    ):
        holder = getattr(patch, "__self__", None)
        if isinstance(holder, SUPIRPatch) and isinstance(holder.model_patch.model, SUPIR):
            _check_supir(model.model, holder.hint_latent, samples)
    if isinstance(model.model, comfy.model_base.PiD):
        _check_pid(model.model.diffusion_model.lq_proj, extras)


def _check_supir(model: Any, hint: torch.Tensor, samples: torch.Tensor) -> None:
    if not isinstance(model, comfy.model_base.SDXL):
        raise SamplingError(
            f"the model carries SUPIR, which is made for SDXL, and it is of the kind {type(model).__name__}. Load a "
            "checkpoint of SDXL before SUPIRApply, or connect the model without it.",
            "model",
        )
    if hint.shape[-2:] != samples.shape[-2:]:
        seen, drawn = (f"{one.shape[-1]}x{one.shape[-2]}" for one in (hint, samples))
        raise SamplingError(
            f"SUPIR has a picture of {seen} latent cells, and {drawn} are to be drawn. Give SUPIRApply the "
            "enlarged picture that becomes this latent, its sides whole multiples of 8 pixels.",
            "latent",
        )


def _check_pid(network: Any, extras: Iterable[dict[str, Any]]) -> None:
    for extra in extras:
        latent = extra.get("lq_latent")
        if latent is None:
            continue
        if latent.shape[1] != network.latent_channels:
            raise SamplingError(
                f"PiD has a latent of {latent.shape[1]} channels, and this file of it takes {network.latent_channels}: "
                "16 are Flux's, Z-Image's or SD3's, 128 Flux 2's, 4 SD's and SDXL's. Load the PiD of that family, or "
                "encode with the VAE of PiD's.",
                "positive",
            )
        return
    raise SamplingError("PiD draws from a latent, and the prompt has none. Put PiD Conditioning before it.", "positive")

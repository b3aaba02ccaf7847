"""The demo's networks as they were trained, in place of the full-size ones: the same pictures, sooner."""

from __future__ import annotations

from typing import Any

import torch

from ...demo import checkpoint, sizes
from ...training.demo.narrow_unet import NarrowUNet
from ...training.demo.narrow_vae import NarrowVAE

# `tests/host/demo_networks.py` compares them with the full-size ones


def narrow(model: Any) -> Any:
    """Clone a MODEL of the demo's checkpoint so that the narrow network predicts."""
    from comfy.patcher_extension import WrappersMP

    network = _trained(NarrowUNet(), checkpoint.UNET).to(model.load_device)

    def predict(_: Any, x: torch.Tensor, timesteps: torch.Tensor, context: torch.Tensor, *args: Any, **kw: Any) -> Any:
        return network(x.float(), timesteps, context[..., : sizes.CONTEXT].float()).to(x.dtype)

    clone = model.clone()
    clone.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "narrow", predict)
    return clone


def make_narrow(vae: Any) -> None:
    """Put the narrow networks into a VAE of the demo's checkpoint."""
    network, host = _trained(NarrowVAE(), checkpoint.VAE).to(vae.vae_dtype), vae.first_stage_model
    host.taesd_encoder, host.taesd_decoder = network.taesd_encoder, network.taesd_decoder


def _trained(network: torch.nn.Module, file: str) -> torch.nn.Module:
    tensors = checkpoint.read(checkpoint.TRAINED / file)
    network.load_state_dict({name: torch.from_numpy(array).float() for name, array in tensors.items()})
    return network.eval()

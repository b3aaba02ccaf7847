"""The demo's network as it was trained, in place of the full-size one: the same pictures, sooner."""

from __future__ import annotations

from typing import Any

import torch

from ...demo import checkpoint, sizes
from ...training.demo.narrow_unet import NarrowUNet


def narrow(model: Any) -> Any:
    """Clone a MODEL of the demo's checkpoint so that the narrow network predicts.

    `tests/host/demo_networks.py` compares the two.
    """
    from comfy.patcher_extension import WrappersMP

    network = NarrowUNet().eval().to(model.load_device)
    tensors = checkpoint.read(checkpoint.TRAINED / checkpoint.UNET)
    network.load_state_dict({name: torch.from_numpy(array).float() for name, array in tensors.items()})

    def predict(_: Any, x: torch.Tensor, timesteps: torch.Tensor, context: torch.Tensor, *args: Any, **kw: Any) -> Any:
        return network(x.float(), timesteps, context[..., : sizes.CONTEXT].float()).to(x.dtype)

    clone = model.clone()
    clone.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "narrow", predict)
    return clone

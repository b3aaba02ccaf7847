"""Noise for training and sampling: SD 1.x's thousand steps, predicting the noise."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

STEPS = 1000
KEPT = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, STEPS, dtype=torch.float64) ** 2, 0).float()
"""Share of the picture's power that is left at each step."""


def noised(latents: Tensor, noise: Tensor, steps: Tensor) -> Tensor:
    """Return latents (B, …) with the noise of `steps` (B,)."""
    kept = KEPT[steps].view(-1, *[1] * (latents.ndim - 1))
    return kept.sqrt() * latents + (1 - kept).sqrt() * noise


def noise_to(latents: Tensor, seen: Tensor, steps: Tensor) -> Tensor:
    """Return the noise which, taken from `seen` at `steps` (B,), leaves `latents` (B, …)."""
    kept = KEPT[steps].view(-1, *[1] * (latents.ndim - 1))
    return (seen - kept.sqrt() * latents) / (1 - kept).sqrt()


def weights(steps: Tensor, most: float = 5.0) -> Tensor:
    """Return the loss's weight (B,): min(SNR, most) / SNR, so that steps with little noise do not drown the others."""
    snr = KEPT[steps] / (1 - KEPT[steps])
    return snr.clamp(max=most) / snr


def sample(predict: Callable[[Tensor, Tensor], Tensor], noise: Tensor, count: int = 20) -> Tensor:
    """Return latents from pure noise (B, 4, h, w) by DDIM; `predict` (latents, steps) gives the noise."""
    times = torch.linspace(STEPS - 1, 0, count + 1).round().long()
    x = noise
    for i in range(count):
        steps = times[i].expand(len(x))
        eps = predict(x, steps)
        kept = KEPT[times[i]]
        picture = (x - (1 - kept).sqrt() * eps) / kept.sqrt()
        if i == count - 1:
            return picture
        kept = KEPT[times[i + 1]]
        x = kept.sqrt() * picture + (1 - kept).sqrt() * eps
    return x

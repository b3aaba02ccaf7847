"""A1111's samplers that walk over whole timesteps: DDIM, DDIM CFG++ and PLMS.

They start from `latent + noise * sigma` like all others, but work on `x * sqrt(alpha)`. The sigmas handed in are those
of the timesteps, descending. In the second pass the first one is only the level that the noise was added at: A1111
then makes its first model call one grid step below. That is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch

from ..errors import InputError
from .k_samplers import Denoiser, NoiseSampler, k_sampler
from .schedules import DiscreteTable


def timesteps(steps: int) -> torch.Tensor:
    """A1111's grid: 1, 1 + 1000 // steps, ... below 1000, ascending; may hold more than `steps` entries.

    Raises:
        InputError: fewer than 1 or more than 1000 steps.
    """
    if not 1 <= steps <= 1000:
        raise InputError(
            f"this sampler walks over 1000 timesteps and cannot make {steps} steps of them. "
            "Raise denoising_strength or lower the steps.",
            "steps",
        )
    return torch.tensor(np.clip(np.arange(0, 1000, 1000 // steps) + 1, 0, 999))


@dataclass(frozen=True)
class _Walk:
    """What the samplers share: the timesteps to visit, in A1111's scaled space."""

    denoiser: Denoiser
    alphas: torch.Tensor
    """alpha_cumprod at the timesteps, ascending in time."""

    sigmas: torch.Tensor
    """sigma at the same timesteps."""

    def noise(self, x: torch.Tensor, index: int) -> torch.Tensor:
        """Predict the noise in `x` at a timestep."""
        sigma = self.sigmas[index]
        scaled = x / self.alphas[index].sqrt()
        return (scaled - self.denoiser(scaled, sigma)) / sigma

    def picture(self, x: torch.Tensor, noise: torch.Tensor, index: int) -> torch.Tensor:
        """Take the predicted noise off."""
        a = self.alphas[index]
        return (x - (1 - a).sqrt() * noise) / a.sqrt()


def _start(
    denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, table: DiscreteTable, first_pass: bool
) -> tuple[_Walk, torch.Tensor]:
    walked = sigmas if first_pass else sigmas[1:]
    indices = table.sigma_to_t(walked.cpu()).round().long().flip(0)
    grid, alphas = table.sigmas[indices].to(x), table.alphas_cumprod[indices].to(x)
    first = sigmas[0].to(x)
    # the first pass starts from unit noise, whatever the first timestep
    start = x / first if first_pass else x / (1 + first**2).sqrt()
    return _Walk(denoiser, alphas, grid), start


@k_sampler
def sample_ddim(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    *,
    table: DiscreteTable,
    first_pass: bool,
    noise_sampler: NoiseSampler,
    eta: float = 0.0,
    direction: Callable[[], torch.Tensor] | None = None,
) -> torch.Tensor:
    """Denoising diffusion implicit models (Song et al. 2020), equation 12.

    `direction`: for CFG++ (Chung et al. 2024), gives the picture that was last predicted without the prompt; its
    noise then is the one that is added back.
    """
    walk, x = _start(denoiser, x, sigmas, table, first_pass)
    last = len(walk.alphas) - 1
    for i in range(last):
        index = last - i
        noise = walk.noise(x, index)
        picture = walk.picture(x, noise, index)
        if direction is not None:
            noise = (x / walk.alphas[index].sqrt() - direction()) / walk.sigmas[index]
        a, a_next = walk.alphas[index], walk.alphas[index - 1]
        spread = eta * ((1 - a_next) / (1 - a) * (1 - a / a_next)).sqrt()
        drawn = noise_sampler(walk.sigmas[index], walk.sigmas[index - 1])
        denoiser.report(i, x, picture)
        x = a_next.sqrt() * picture + (1 - a_next - spread**2).sqrt() * noise + spread * drawn
    return x


_ADAMS_BASHFORTH = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))
"""Weights of the newest and the older predictions, by how many there are."""


@k_sampler
def sample_plms(
    denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, *, table: DiscreteTable, first_pass: bool
) -> torch.Tensor:
    """Pseudo linear multistep (Liu et al. 2022); the first step is an improved Euler step with two model calls."""
    walk, x = _start(denoiser, x, sigmas, table, first_pass)
    older: list[torch.Tensor] = []
    last = len(walk.alphas) - 1

    def step(noise: torch.Tensor, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        picture, a_next = walk.picture(x, noise, index), walk.alphas[index - 1]
        return a_next.sqrt() * picture + (1 - a_next).sqrt() * noise, picture

    for i in range(last):
        index = last - i
        noise = walk.noise(x, index)
        if not older:
            ahead, _ = step(noise, index)
            mixed = (noise + walk.noise(ahead, index - 1)) / 2
        else:
            known = [noise, *older]
            weights = _ADAMS_BASHFORTH[len(known) - 1]
            mixed = reduce(torch.add, (weight * e for weight, e in zip(weights, known, strict=True)))
        after, picture = step(mixed, index)
        denoiser.report(i, x, picture)
        x, older = after, [noise, *older][:3]
    return x

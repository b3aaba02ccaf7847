"""Sigma schedules under A1111's names, with A1111's sigma table and rounding.

Source of every rule: AUTOMATIC1111 stable-diffusion-webui v1.10.1; numbers are float32 where A1111's are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from scipy.stats import beta as beta_distribution

from .errors import InputError


class ScheduleError(InputError):
    """A schedule that cannot be built for this number of steps."""


class SigmaTable(Protocol):
    """What a schedule needs to know of a model."""

    sigmas: torch.Tensor
    """Training sigmas, ascending, float32."""

    def t_to_sigma(self, t: torch.Tensor) -> torch.Tensor:
        """Sigma at a (fractional) timestep."""
        ...

    def sigma_to_t(self, sigma: torch.Tensor) -> torch.Tensor:
        """Timestep, possibly fractional, of a sigma."""
        ...


class DiscreteTable:
    """The table of a discrete eps or v model; timesteps in between interpolate log sigma linearly."""

    def __init__(self, sigmas: torch.Tensor) -> None:
        self.sigmas = sigmas
        self.log_sigmas = sigmas.log()

    @classmethod
    def from_alphas_cumprod(cls, alphas_cumprod: torch.Tensor) -> DiscreteTable:
        """A1111's table: `sqrt((1 - a) / a)` in float32, with the loss near sigma 0 that float32 brings."""
        a = alphas_cumprod.float()
        return cls(((1 - a) / a) ** 0.5)

    def t_to_sigma(self, t: torch.Tensor) -> torch.Tensor:
        """See `SigmaTable`; `t` in 0..len-1."""
        t = t.float()
        low, high, w = t.floor().long(), t.ceil().long(), t.frac()
        return ((1 - w) * self.log_sigmas[low] + w * self.log_sigmas[high]).exp()

    def sigma_to_t(self, sigma: torch.Tensor) -> torch.Tensor:
        """See `SigmaTable`; clamped to the table's ends."""
        log_sigma = sigma.log()
        log_sigmas = self.log_sigmas.to(sigma.device)
        distances = log_sigma - log_sigmas[:, None]
        low_index = distances.ge(0).cumsum(dim=0).argmax(dim=0).clamp(max=log_sigmas.shape[0] - 2)
        low, high = log_sigmas[low_index], log_sigmas[low_index + 1]
        w = ((low - log_sigma) / (low - high)).clamp(0, 1)
        return ((1 - w) * low_index + w * (low_index + 1)).view(sigma.shape)


def _range(table: SigmaTable) -> tuple[float, float]:
    return float(table.sigmas[0]), float(table.sigmas[-1])


def _with_zero(sigmas: torch.Tensor) -> torch.Tensor:
    return torch.cat([sigmas, sigmas.new_zeros(1)])


def _uniform(n: int, table: SigmaTable) -> torch.Tensor:
    return _with_zero(table.t_to_sigma(torch.linspace(len(table.sigmas) - 1, 0, n)))


def _normal(n: int, table: SigmaTable) -> torch.Tensor:
    start, end = table.sigma_to_t(table.sigmas[-1]), table.sigma_to_t(table.sigmas[0])
    return _with_zero(table.t_to_sigma(torch.linspace(float(start), float(end), n)))


def _sgm_uniform(n: int, table: SigmaTable) -> torch.Tensor:
    start, end = table.sigma_to_t(table.sigmas[-1]), table.sigma_to_t(table.sigmas[0])
    return _with_zero(table.t_to_sigma(torch.linspace(float(start), float(end), n + 1)[:-1]))


def _karras(n: int, table: SigmaTable, rho: float = 7.0) -> torch.Tensor:
    """Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models" (2022), equation 5."""
    smallest, largest = (sigma ** (1 / rho) for sigma in _range(table))
    return _with_zero((largest + torch.linspace(0, 1, n) * (smallest - largest)) ** rho)


def _exponential(n: int, table: SigmaTable) -> torch.Tensor:
    smallest, largest = _range(table)
    return _with_zero(torch.linspace(math.log(largest), math.log(smallest), n).exp())


def _polyexponential(n: int, table: SigmaTable, rho: float = 1.0) -> torch.Tensor:
    smallest, largest = _range(table)
    ramp = torch.linspace(1, 0, n) ** rho
    return _with_zero(torch.exp(ramp * (math.log(largest) - math.log(smallest)) + math.log(smallest)))


def _kl_optimal(n: int, table: SigmaTable) -> torch.Tensor:
    """Ends at the smallest sigma, not at 0."""
    smallest, largest = (torch.arctan(torch.tensor(sigma)) for sigma in _range(table))
    i = torch.arange(n + 1)
    return torch.tan(i / n * smallest + (1.0 - i / n) * largest)


_AYS_SD1 = (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029)
_AYS_SDXL = (14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029)


def _align_your_steps(n: int, base: tuple[float, ...]) -> torch.Tensor:
    """Sabour et al., "Align Your Steps" (2024): a list of 11, interpolated log-linearly to n."""
    sigmas = np.asarray(base)
    if n != len(base):
        x = np.linspace(0, 1, len(base))
        sigmas = np.exp(np.interp(np.linspace(0, 1, n), x, np.log(sigmas[::-1])))[::-1].copy()
    return torch.tensor(np.append(sigmas, 0.0), dtype=torch.float32)


def _simple(n: int, table: SigmaTable) -> torch.Tensor:
    stride = len(table.sigmas) / n
    return _with_zero(torch.stack([table.sigmas[-(1 + int(i * stride))] for i in range(n)]))


def _ddim(n: int, table: SigmaTable) -> torch.Tensor:
    """May give more values than asked for."""
    stride = max(len(table.sigmas) // n, 1)
    return _with_zero(table.sigmas[1::stride].flip(0))


def _beta(n: int, table: SigmaTable, alpha: float = 0.6, beta: float = 0.6) -> torch.Tensor:
    """Lee et al., "Beta Sampling is All You Need" (2024), but linear in sigma."""
    smallest, largest = _range(table)
    quantiles = beta_distribution.ppf(1 - np.linspace(0, 1, n), alpha, beta)
    return torch.tensor([*(smallest + quantiles * (largest - smallest)), 0.0], dtype=torch.float32)


_SCHEDULES: dict[str, Callable[[int, SigmaTable], torch.Tensor]] = {
    "Uniform": _uniform,
    "Karras": _karras,
    "Exponential": _exponential,
    "Polyexponential": _polyexponential,
    "SGM Uniform": _sgm_uniform,
    "KL Optimal": _kl_optimal,
    "Simple": _simple,
    "Normal": _normal,
    "DDIM": _ddim,
    "Beta": _beta,
}
AUTOMATIC = "Automatic"
ALIGN_YOUR_STEPS = "Align Your Steps"

SCHEDULE_NAMES = (
    AUTOMATIC,
    "Uniform",
    "Karras",
    "Exponential",
    "Polyexponential",
    "SGM Uniform",
    "KL Optimal",
    ALIGN_YOUR_STEPS,
    "Simple",
    "Normal",
    "DDIM",
    "Beta",
)
"""A1111's labels in A1111's order."""


def schedule(
    name: str, n: int, table: SigmaTable, *, is_sdxl: bool = False, discard_penultimate: bool = False
) -> torch.Tensor:
    """Return a descending float32 schedule for `n` steps, normally `n + 1` sigmas ending in 0.

    Args:
        name: a label of `SCHEDULE_NAMES` but Automatic, which the caller resolves per sampler.
        n: steps, at least 1. DDIM can return more than `n + 1` values; KL Optimal ends at the smallest sigma.
        table: the model's sigmas.
        is_sdxl: chooses the list of Align Your Steps.
        discard_penultimate: build for one step more and leave the second-to-last sigma out.

    Raises:
        ScheduleError: fewer than 1 step, more steps than the schedule has entries, or values that are not finite.
    """
    if n < 1:
        raise ScheduleError(f"the {name} schedule needs at least 1 step, {n} asked for.")
    length = n + 1 if discard_penultimate else n
    if name in ("Simple", "DDIM") and length > len(table.sigmas):
        raise ScheduleError(
            f"the {name} schedule has {len(table.sigmas)} entries, {length} steps asked for. "
            "Raise denoising_strength, lower the steps or choose another scheduler."
        )
    if name == ALIGN_YOUR_STEPS:
        sigmas = _align_your_steps(length, _AYS_SDXL if is_sdxl else _AYS_SD1)
    else:
        sigmas = _SCHEDULES[name](length, table)
    if discard_penultimate:
        sigmas = torch.cat([sigmas[:-2], sigmas[-1:]])
    if not bool(torch.isfinite(sigmas).all()):
        raise ScheduleError(f"the {name} schedule has no finite values for {n} steps; use more steps.")
    return sigmas

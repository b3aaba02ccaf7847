"""Sigma schedules under A1111's names, with A1111's sigma table and rounding.

Source of every rule: AUTOMATIC1111 stable-diffusion-webui v1.10.1; numbers are float32 where A1111's are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from scipy.stats import beta as beta_distribution

from ..errors import InputError
from .menus import SCHEDULES
from .settings import A1111Settings


class ScheduleError(InputError):
    """A schedule that cannot be built for this number of steps."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "scheduler")


class SigmaTable(Protocol):
    """What a schedule needs to know of a model."""

    sigmas: torch.Tensor
    """Training sigmas, ascending, float32."""

    @property
    def ends(self) -> tuple[float, float]:
        """Timesteps of the largest and the smallest sigma."""
        ...

    def t_to_sigma(self, t: torch.Tensor) -> torch.Tensor:
        """Sigma at a (fractional) timestep."""
        ...

    def sigma_to_t(self, sigma: torch.Tensor) -> torch.Tensor:
        """Timestep, possibly fractional, of a sigma."""
        ...


class DiscreteTable:
    """The table of a discrete eps or v model; timesteps in between interpolate log sigma linearly."""

    def __init__(self, alphas_cumprod: torch.Tensor) -> None:
        """Make A1111's table: `sqrt((1 - a) / a)` in the dtype of `a`.

        `alphas_cumprod`: what of the picture is left at every training timestep, falling from 1 towards 0. float32,
        with the loss near sigma 0 that float32 brings; half for A1111's old pictures.
        """
        self.alphas_cumprod = alphas_cumprod
        sigmas = ((1 - alphas_cumprod) / alphas_cumprod) ** 0.5
        self.sigmas, self.log_sigmas = sigmas.float(), sigmas.log().float()

    @property
    def ends(self) -> tuple[float, float]:
        return float(len(self.sigmas) - 1), 0.0

    def downcast(self) -> DiscreteTable:
        """Round the noise schedule to half precision."""
        return DiscreteTable(self.alphas_cumprod.half())

    def zero_terminal_snr(self) -> DiscreteTable:
        """Rescale the table so that it ends in pure noise (Lin et al. 2023, algorithm 1, with A1111's last entry)."""
        root = self.alphas_cumprod.sqrt()
        first, last = root[0].clone(), root[-1].clone()
        alphas = ((root - last) * (first / (first - last))) ** 2
        alphas[-1] = 4.8973451890853435e-08
        return DiscreteTable(alphas)

    def t_to_sigma(self, t: torch.Tensor) -> torch.Tensor:
        """`t` in 0..len-1."""
        t = t.float()
        low, high, w = t.floor().long(), t.ceil().long(), t.frac()
        return ((1 - w) * self.log_sigmas[low] + w * self.log_sigmas[high]).exp()

    def sigma_to_t(self, sigma: torch.Tensor) -> torch.Tensor:
        """Clamped to the table's ends."""
        log_sigma = sigma.log()
        log_sigmas = self.log_sigmas.to(sigma.device)
        distances = log_sigma - log_sigmas[:, None]
        low_index = distances.ge(0).cumsum(dim=0).argmax(dim=0).clamp(max=log_sigmas.shape[0] - 2)
        low, high = log_sigmas[low_index], log_sigmas[low_index + 1]
        # two entries that half precision has made equal: nothing lies between them
        w = torch.where(low == high, 0.0, (low - log_sigma) / (low - high)).clamp(0, 1)
        return ((1 - w) * low_index + w * (low_index + 1)).view(sigma.shape)


class LCMTable(DiscreteTable):
    """Every 20th training timestep, those that latent consistency models were distilled on."""

    _STRIDE = 20

    def __init__(self, table: DiscreteTable) -> None:
        super().__init__(table.alphas_cumprod[self._STRIDE - 1 :: self._STRIDE])

    @property
    def ends(self) -> tuple[float, float]:
        return float(len(self.sigmas) * self._STRIDE - 1), float(self._STRIDE - 1)

    def t_to_sigma(self, t: torch.Tensor) -> torch.Tensor:
        """`t` counts training timesteps."""
        entry = (t.float() - (self._STRIDE - 1)) / self._STRIDE
        return super().t_to_sigma(entry.clamp(0, len(self.sigmas) - 1))

    def sigma_to_t(self, sigma: torch.Tensor) -> torch.Tensor:
        """The nearest entry, never in between."""
        distances = sigma.log() - self.log_sigmas.to(sigma.device)[:, None]
        return distances.abs().argmin(dim=0).view(sigma.shape) * self._STRIDE + (self._STRIDE - 1)


@dataclass(frozen=True)
class _Shape:
    """Range and form of a schedule: the model's, or what the settings say."""

    smallest: float
    largest: float
    settings: A1111Settings
    is_sdxl: bool

    @classmethod
    def of(cls, table: SigmaTable, settings: A1111Settings, is_sdxl: bool) -> _Shape:
        low, high = float(table.sigmas[0]), float(table.sigmas[-1])
        if settings.use_old_karras_scheduler_sigmas:
            low, high = 0.1, 10.0
        return cls(settings.sigma_min or low, settings.sigma_max or high, settings, is_sdxl)


_KARRAS_RHO, _POLYEXPONENTIAL_RHO = (SCHEDULES[label].default_rho or 1.0 for label in ("Karras", "Polyexponential"))


def _with_zero(sigmas: torch.Tensor) -> torch.Tensor:
    return torch.cat([sigmas, sigmas.new_zeros(1)])


def _timesteps(n: int, table: SigmaTable, shape: _Shape) -> torch.Tensor:
    """Evenly spaced between those of the range's ends."""
    first, last = (float(table.sigma_to_t(torch.tensor(sigma))) for sigma in (shape.largest, shape.smallest))
    return torch.linspace(first, last, n)


def karras(n: int, smallest: float, largest: float, rho: float = _KARRAS_RHO) -> torch.Tensor:
    """`n` sigmas from `largest` down to `smallest`: Karras et al. 2022, equation 5."""
    low, high = smallest ** (1 / rho), largest ** (1 / rho)
    return (high + torch.linspace(0, 1, n) * (low - high)) ** rho


def _polyexponential(n: int, table: SigmaTable, shape: _Shape) -> torch.Tensor:
    low, high = math.log(shape.smallest), math.log(shape.largest)
    rho = shape.settings.rho or _POLYEXPONENTIAL_RHO
    return _with_zero(torch.exp(torch.linspace(1, 0, n) ** rho * (high - low) + low))


def _kl_optimal(n: int, table: SigmaTable, shape: _Shape) -> torch.Tensor:
    """Ends at the smallest sigma, not at 0."""
    low, high = (torch.arctan(torch.tensor(sigma)) for sigma in (shape.smallest, shape.largest))
    i = torch.arange(n + 1)
    return torch.tan(i / n * low + (1.0 - i / n) * high)


_AYS_SD1 = (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029)
_AYS_SDXL = (14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029)


def _align_your_steps(n: int, table: SigmaTable, shape: _Shape) -> torch.Tensor:
    """Sabour et al., "Align Your Steps" (2024): a list of 11, interpolated log-linearly to n."""
    base = _AYS_SDXL if shape.is_sdxl else _AYS_SD1
    sigmas = np.asarray(base)
    if n != len(base):
        x = np.linspace(0, 1, len(base))
        sigmas = np.exp(np.interp(np.linspace(0, 1, n), x, np.log(sigmas[::-1])))[::-1].copy()
    return torch.tensor(np.append(sigmas, 0.0), dtype=torch.float32)


def _simple(n: int, table: SigmaTable, shape: _Shape) -> torch.Tensor:
    stride = len(table.sigmas) / n
    return _with_zero(torch.stack([table.sigmas[-(1 + int(i * stride))] for i in range(n)]))


def _ddim(n: int, table: SigmaTable, shape: _Shape) -> torch.Tensor:
    """May give more values than asked for."""
    stride = max(len(table.sigmas) // n, 1)
    return _with_zero(table.sigmas[1::stride].flip(0))


def _beta(n: int, table: SigmaTable, shape: _Shape) -> torch.Tensor:
    """Lee et al., "Beta Sampling is All You Need" (2024), but linear in sigma."""
    alpha, beta = shape.settings.beta_dist_alpha, shape.settings.beta_dist_beta
    quantiles = beta_distribution.ppf(1 - np.linspace(0, 1, n), alpha, beta)
    sigmas = shape.smallest + quantiles * (shape.largest - shape.smallest)
    return torch.tensor([*sigmas, 0.0], dtype=torch.float32)


_SCHEDULES: dict[str, Callable[[int, SigmaTable, _Shape], torch.Tensor]] = {
    "Uniform": lambda n, table, shape: _with_zero(table.t_to_sigma(torch.linspace(*table.ends, n))),
    "Karras": lambda n, _, shape: _with_zero(
        karras(n, shape.smallest, shape.largest, shape.settings.rho or _KARRAS_RHO)
    ),
    "Exponential": lambda n, _, shape: _with_zero(
        torch.linspace(math.log(shape.largest), math.log(shape.smallest), n).exp()
    ),
    "Polyexponential": _polyexponential,
    "SGM Uniform": lambda n, table, shape: _with_zero(table.t_to_sigma(_timesteps(n + 1, table, shape)[:-1])),
    "KL Optimal": _kl_optimal,
    "Align Your Steps": _align_your_steps,
    "Simple": _simple,
    "Normal": lambda n, table, shape: _with_zero(table.t_to_sigma(_timesteps(n, table, shape))),
    "DDIM": _ddim,
    "Beta": _beta,
}
"""By A1111's label: all of `menus.SCHEDULES` but Automatic."""


def schedule(
    name: str,
    n: int,
    table: SigmaTable,
    *,
    is_sdxl: bool = False,
    discard_penultimate: bool = False,
    settings: A1111Settings | None = None,
) -> torch.Tensor:
    """Return a descending float32 schedule for `n` steps, normally `n + 1` sigmas ending in 0.

    Args:
        name: a label of `menus.SCHEDULES` but Automatic, which the caller resolves per sampler.
        n: steps, at least 1. DDIM can return more than `n + 1` values; KL Optimal ends at the smallest sigma.
        table: the model's sigmas.
        is_sdxl: chooses the list of Align Your Steps.
        discard_penultimate: build for one step more and leave the second-to-last sigma out.
        settings: range and form. Uniform, Simple, DDIM and Align Your Steps have fixed ones.

    Raises:
        ScheduleError: fewer than 1 step, more steps than the schedule has entries, or values that are not finite.
    """
    settings = settings or A1111Settings()
    if n < 1:
        raise ScheduleError(f"the {name} schedule needs at least 1 step, {n} asked for.")
    discard = discard_penultimate or settings.always_discard_next_to_last_sigma
    length = n + 1 if discard else n
    if name in ("Simple", "DDIM") and length > len(table.sigmas):
        raise ScheduleError(
            f"the {name} schedule has {len(table.sigmas)} entries, {length} steps asked for. "
            "Raise denoising_strength, lower the steps or choose another scheduler."
        )
    shape = _Shape.of(table, settings, is_sdxl)
    if name != "Align Your Steps" and not 0 < shape.smallest < shape.largest:
        raise ScheduleError(
            f"the {name} schedule goes from sigma {shape.largest:g} down to {shape.smallest:g}; "
            "set sigma_max above sigma_min, and both above 0 (0 itself means the model's own)."
        )
    sigmas = _SCHEDULES[name](length, table, shape)
    if discard:
        sigmas = torch.cat([sigmas[:-2], sigmas[-1:]])
    if not bool(torch.isfinite(sigmas).all()):
        raise ScheduleError(f"the {name} schedule has no finite values for {n} steps; use more steps.")
    return sigmas

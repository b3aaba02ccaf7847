"""Sigma-space samplers that ComfyUI lacks or runs with other numbers than A1111.

Step noise is always drawn from the images' own generators: `noise_sampler(sigma, sigma_next)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from itertools import pairwise
from typing import Any, Concatenate, ParamSpec

import torch
from scipy import integrate

from .schedules import karras

NoiseSampler = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Callback = Callable[[dict[str, Any]], None]
SamplerFunction = Callable[..., torch.Tensor]
"""With k-diffusion's signature, see `k_sampler`."""


@dataclass(frozen=True)
class Denoiser:
    """The model of a run with all that it is called with."""

    model: Callable[..., torch.Tensor]
    extra_args: dict[str, Any]
    callback: Callback | None

    def __call__(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """Predict the picture in `x`, `(B, C, [T,] h, w)`, at one sigma."""
        return self.model(x, sigma * x.new_ones(x.shape[0]), **self.extra_args)

    def report(self, i: int, x: torch.Tensor, denoised: torch.Tensor) -> None:
        """Tell the host of step `i`, from 0."""
        if self.callback is not None:
            self.callback({"i": i, "x": x, "denoised": denoised})


_P = ParamSpec("_P")


def k_sampler(
    function: Callable[Concatenate[Denoiser, torch.Tensor, torch.Tensor, _P], torch.Tensor],
) -> SamplerFunction:
    """Give a function `(denoiser, x, sigmas, …)` the signature of k-diffusion's samplers, which the host calls."""

    @wraps(function)
    def sample(
        model: Callable[..., torch.Tensor],
        x: torch.Tensor,
        sigmas: torch.Tensor,
        extra_args: dict[str, Any] | None = None,
        callback: Callback | None = None,
        disable: bool | None = None,
        *args: _P.args,
        **options: _P.kwargs,
    ) -> torch.Tensor:
        return function(Denoiser(model, extra_args or {}, callback), x, sigmas, *args, **options)

    return sample


def _derivative(x: torch.Tensor, sigma: torch.Tensor, denoised: torch.Tensor) -> torch.Tensor:
    return (x - denoised) / sigma


def _churned(
    x: torch.Tensor,
    sigma: torch.Tensor,
    steps: int,
    noise_sampler: NoiseSampler | None,
    s_churn: float = 0.0,
    s_tmin: float = 0.0,
    s_tmax: float = math.inf,
    s_noise: float = 1.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Raise the noise level before a step (Karras et al. 2022, algorithm 2). Noise is drawn even when unused."""
    gamma = min(s_churn / steps, 2**0.5 - 1) if s_churn > 0 and s_tmin <= sigma <= s_tmax else 0.0
    if noise_sampler is None:
        return x, sigma
    noise = noise_sampler(sigma, sigma) * s_noise
    if gamma == 0:
        return x, sigma
    raised = sigma * (gamma + 1)
    return x + noise * (raised**2 - sigma**2) ** 0.5, raised


@k_sampler
def sample_euler(
    denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, noise_sampler: NoiseSampler | None = None, **churn: float
) -> torch.Tensor:
    """Euler steps, Karras et al. 2022, algorithm 2 without the correction."""
    for i in range(len(sigmas) - 1):
        x, sigma = _churned(x, sigmas[i], len(sigmas) - 1, noise_sampler, **churn)
        denoised = denoiser(x, sigma)
        denoiser.report(i, x, denoised)
        x = x + _derivative(x, sigma, denoised) * (sigmas[i + 1] - sigma)
    return x


@k_sampler
def sample_heun(
    denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, noise_sampler: NoiseSampler | None = None, **churn: float
) -> torch.Tensor:
    """Heun steps, Karras et al. 2022, algorithm 2."""
    for i in range(len(sigmas) - 1):
        x, sigma = _churned(x, sigmas[i], len(sigmas) - 1, noise_sampler, **churn)
        x = _heun_step(denoiser, x, sigma, sigmas[i + 1], i)
    return x


def _heun_step(
    denoiser: Denoiser, x: torch.Tensor, sigma: torch.Tensor, sigma_next: torch.Tensor, i: int
) -> torch.Tensor:
    denoised = denoiser(x, sigma)
    denoiser.report(i, x, denoised)
    d = _derivative(x, sigma, denoised)
    dt = sigma_next - sigma
    if sigma_next == 0:
        return x + d * dt
    ahead = x + d * dt
    d_ahead = _derivative(ahead, sigma_next, denoiser(ahead, sigma_next))
    return x + (d + d_ahead) / 2 * dt


@k_sampler
def sample_dpm_2(
    denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, noise_sampler: NoiseSampler | None = None, **churn: float
) -> torch.Tensor:
    """DPM-Solver-2 steps (Lu et al. 2022) with the churn of Karras et al. 2022, algorithm 2."""
    for i in range(len(sigmas) - 1):
        x, sigma = _churned(x, sigmas[i], len(sigmas) - 1, noise_sampler, **churn)
        denoised = denoiser(x, sigma)
        denoiser.report(i, x, denoised)
        d = _derivative(x, sigma, denoised)
        if sigmas[i + 1] == 0:
            x = x + d * (sigmas[i + 1] - sigma)
            continue
        middle = sigma.log().lerp(sigmas[i + 1].log(), 0.5).exp()
        between = x + d * (middle - sigma)
        d_middle = _derivative(between, middle, denoiser(between, middle))
        x = x + d_middle * (sigmas[i + 1] - sigma)
    return x


@k_sampler
def sample_lms(denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, order: int = 4) -> torch.Tensor:
    """Linear multistep: an Adams-Bashforth rule for unevenly spaced sigmas, up to the last step."""
    times = sigmas.detach().cpu().double().numpy()
    derivatives: list[torch.Tensor] = []
    for i in range(len(sigmas) - 1):
        denoised = denoiser(x, sigmas[i])
        denoiser.report(i, x, denoised)
        derivatives = [*derivatives, _derivative(x, sigmas[i], denoised)][-order:]
        reach = len(derivatives)
        weights = [_multistep_weight(reach, times, i, j) for j in range(reach)]
        x = x + sum(weight * d for weight, d in zip(weights, reversed(derivatives), strict=True))
    return x


def _multistep_weight(order: int, times: Any, i: int, j: int) -> float:
    """Integrate the j-th Lagrange polynomial through the last `order` times over the next step."""

    def polynomial(time: float) -> float:
        product = 1.0
        for k in range(order):
            if k != j:
                product *= (time - times[i - k]) / (times[i - j] - times[i - k])
        return product

    return integrate.quad(polynomial, times[i], times[i + 1], epsrel=1e-4)[0]


@k_sampler
def sample_restart(
    denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, noise_sampler: NoiseSampler, s_noise: float = 1.0
) -> torch.Tensor:
    """Restart sampling (Xu et al. 2023): Heun steps that go back up from sigma 0.1 to 2 once or more.

    Below 20 steps there is nothing to spend on restarts and it is plain Heun.
    """
    previous: torch.Tensor | None = None
    for i, (sigma, sigma_next) in enumerate(restart_plan(sigmas)):
        if previous is not None and previous < sigma:  # a restart
            x = x + noise_sampler(previous, sigma) * s_noise * (sigma**2 - previous**2) ** 0.5
        x = _heun_step(denoiser, x, sigma, sigma_next, i)
        previous = sigma_next
    return x


def restart_plan(sigmas: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return the steps `(sigma, sigma_next)` that Restart makes of a schedule; a rise between two is a restart."""
    steps = len(sigmas) - 1
    length, times = 0, 0
    if steps >= 20:
        length, times = (steps // 4, 2) if steps >= 36 else (9, 1)
        smallest, largest = float(sigmas[-2]), float(sigmas[0])
        sigmas = torch.cat([karras(steps - length * times, smallest, largest), torch.zeros(1)]).to(sigmas)
    plan: list[tuple[torch.Tensor, torch.Tensor]] = []
    low = int(torch.argmin(abs(sigmas - 0.1)))
    for i in range(len(sigmas) - 1):
        plan.append((sigmas[i], sigmas[i + 1]))
        if times and i + 1 == low:
            high = int(torch.argmin(abs(sigmas - 2.0)))
            if high < low:
                walk = karras(length + 1, float(sigmas[low]), float(sigmas[high])).to(sigmas)
                plan += [(a, b) for _ in range(times) for a, b in pairwise(walk)]
    return plan


@k_sampler
def sample_lcm(denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, noise_sampler: NoiseSampler) -> torch.Tensor:
    """Latent consistency (Luo et al. 2023): jump to the picture, add the next sigma's noise."""
    for i in range(len(sigmas) - 1):
        denoised = denoiser(x, sigmas[i])
        denoiser.report(i, x, denoised)
        x = denoised
        if sigmas[i + 1] > 0:
            x = x + sigmas[i + 1] * noise_sampler(sigmas[i], sigmas[i + 1])
    return x


FUNCTIONS: dict[str, SamplerFunction] = {
    "Euler": sample_euler,
    "LMS": sample_lms,
    "Heun": sample_heun,
    "DPM2": sample_dpm_2,
    "Restart": sample_restart,
    "LCM": sample_lcm,
}
"""By A1111's name, see `menus.SAMPLERS`. The host's own and those that need more of a pass are not here."""

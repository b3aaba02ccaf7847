"""Sigma-space samplers that ComfyUI lacks or runs with other numbers than A1111.

All have k-diffusion's signature: `model(x, sigma, **extra_args)` denoises, `noise_sampler(sigma, sigma_next)` draws,
`callback` hears of every step. Step noise is always drawn from the images' own generators.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from scipy import integrate

from .schedules import karras

Denoiser = Callable[..., torch.Tensor]
NoiseSampler = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Callback = Callable[[dict[str, Any]], None]


def _report(callback: Callback | None, i: int, x: torch.Tensor, sigma: torch.Tensor, denoised: torch.Tensor) -> None:
    if callback is not None:
        callback({"i": i, "x": x, "sigma": sigma, "sigma_hat": sigma, "denoised": denoised})


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


def sample_euler(
    model: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    extra_args: dict[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
    noise_sampler: NoiseSampler | None = None,
    **churn: float,
) -> torch.Tensor:
    """Euler steps, Karras et al. 2022, algorithm 2 without the correction."""
    ones = x.new_ones(x.shape[0])
    for i in range(len(sigmas) - 1):
        x, sigma = _churned(x, sigmas[i], len(sigmas) - 1, noise_sampler, **churn)
        denoised = model(x, sigma * ones, **(extra_args or {}))
        _report(callback, i, x, sigmas[i], denoised)
        x = x + _derivative(x, sigma, denoised) * (sigmas[i + 1] - sigma)
    return x


def sample_heun(
    model: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    extra_args: dict[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
    noise_sampler: NoiseSampler | None = None,
    **churn: float,
) -> torch.Tensor:
    """Heun steps, Karras et al. 2022, algorithm 2."""
    for i in range(len(sigmas) - 1):
        x, sigma = _churned(x, sigmas[i], len(sigmas) - 1, noise_sampler, **churn)
        x = _heun_step(model, x, sigma, sigmas[i + 1], extra_args, callback, i)
    return x


def _heun_step(
    model: Denoiser,
    x: torch.Tensor,
    sigma: torch.Tensor,
    sigma_next: torch.Tensor,
    extra_args: dict[str, Any] | None,
    callback: Callback | None,
    i: int,
) -> torch.Tensor:
    ones = x.new_ones(x.shape[0])
    denoised = model(x, sigma * ones, **(extra_args or {}))
    _report(callback, i, x, sigma, denoised)
    d = _derivative(x, sigma, denoised)
    dt = sigma_next - sigma
    if sigma_next == 0:
        return x + d * dt
    ahead = x + d * dt
    d_ahead = _derivative(ahead, sigma_next, model(ahead, sigma_next * ones, **(extra_args or {})))
    return x + (d + d_ahead) / 2 * dt


def sample_dpm_2(
    model: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    extra_args: dict[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
    noise_sampler: NoiseSampler | None = None,
    **churn: float,
) -> torch.Tensor:
    """DPM-Solver-2 steps (Lu et al. 2022) with the churn of Karras et al. 2022, algorithm 2."""
    ones = x.new_ones(x.shape[0])
    for i in range(len(sigmas) - 1):
        x, sigma = _churned(x, sigmas[i], len(sigmas) - 1, noise_sampler, **churn)
        denoised = model(x, sigma * ones, **(extra_args or {}))
        _report(callback, i, x, sigmas[i], denoised)
        d = _derivative(x, sigma, denoised)
        if sigmas[i + 1] == 0:
            x = x + d * (sigmas[i + 1] - sigma)
            continue
        middle = sigma.log().lerp(sigmas[i + 1].log(), 0.5).exp()
        between = x + d * (middle - sigma)
        d_middle = _derivative(between, middle, model(between, middle * ones, **(extra_args or {})))
        x = x + d_middle * (sigmas[i + 1] - sigma)
    return x


def sample_lms(
    model: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    extra_args: dict[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
    order: int = 4,
) -> torch.Tensor:
    """Linear multistep: an Adams-Bashforth rule for unevenly spaced sigmas, up to the last step."""
    ones = x.new_ones(x.shape[0])
    times = sigmas.detach().cpu().double().numpy()
    derivatives: list[torch.Tensor] = []
    for i in range(len(sigmas) - 1):
        denoised = model(x, sigmas[i] * ones, **(extra_args or {}))
        _report(callback, i, x, sigmas[i], denoised)
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


def sample_restart(
    model: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    extra_args: dict[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
    noise_sampler: NoiseSampler | None = None,
    s_noise: float = 1.0,
) -> torch.Tensor:
    """Restart sampling (Xu et al. 2023): Heun steps that go back up from sigma 0.1 to 2 once or more.

    Below 20 steps there is nothing to spend on restarts and it is plain Heun.
    """
    assert noise_sampler is not None
    previous: torch.Tensor | None = None
    for i, (sigma, sigma_next) in enumerate(restart_plan(sigmas)):
        if previous is not None and previous < sigma:  # a restart
            x = x + noise_sampler(previous, sigma) * s_noise * (sigma**2 - previous**2) ** 0.5
        x = _heun_step(model, x, sigma, sigma_next, extra_args, callback, i)
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


def sample_lcm(
    model: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    extra_args: dict[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
    noise_sampler: NoiseSampler | None = None,
) -> torch.Tensor:
    """Latent consistency (Luo et al. 2023): jump to the picture, add the next sigma's noise."""
    assert noise_sampler is not None
    ones = x.new_ones(x.shape[0])
    for i in range(len(sigmas) - 1):
        denoised = model(x, sigmas[i] * ones, **(extra_args or {}))
        _report(callback, i, x, sigmas[i], denoised)
        x = denoised
        if sigmas[i + 1] > 0:
            x = x + sigmas[i + 1] * noise_sampler(sigmas[i], sigmas[i + 1])
    return x

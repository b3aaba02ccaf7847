"""How many steps the second pass will run, without a model."""

from __future__ import annotations

from ..sampling.menus import SAMPLERS, SCHEDULES, has_own_pace
from ..sampling.steps import second_pass_steps
from ..sampling.timestep_samplers import timesteps
from .values import Steps

_EXACT_SCHEDULERS = frozenset(
    {"simple", "sgm_uniform", "karras", "exponential", "normal", "linear_quadratic", "kl_optimal"}
)
"""ComfyUI's own that always have as many steps as asked; the others depend on the model."""

SMALLEST_STRENGTH = 0.001
"""The least that the node's field holds; schedules have no end towards 0."""


def planned_steps(
    sampler_name: str, scheduler: str, steps: int, denoising_strength: float, hr_second_pass_steps: int = 0
) -> Steps | None:
    """Work out what `host.sigmas.second_pass_sigmas` will give.

    Args:
        sampler_name: A1111's or the host's.
        scheduler: A1111's or the host's.
        steps: see `second_pass_steps`.
        denoising_strength: see `second_pass_steps`.
        hr_second_pass_steps: see `second_pass_steps`.

    Returns:
        None where it depends on the model or on the sampler's own mind.

    Raises:
        InputError: a strength or step count that cannot be used.
    """
    if 0 < denoising_strength < SMALLEST_STRENGTH:
        return None
    plan = second_pass_steps(steps, denoising_strength, hr_second_pass_steps)
    if plan.run == 0:
        return Steps(0, 0)
    if has_own_pace(sampler_name):
        return None
    sampler = SAMPLERS.get(sampler_name)
    if sampler and sampler.walks_timesteps:
        timesteps(plan.schedule)
        # A1111 makes the first call one grid step below the level that the noise was added at
        return Steps(plan.run - 1, plan.schedule)
    if scheduler in SCHEDULES:
        return None if scheduler == "DDIM" else Steps(plan.run, plan.schedule)
    if scheduler not in _EXACT_SCHEDULERS:
        return None
    # KSampler's rule
    return Steps(plan.run, plan.run if denoising_strength > 0.9999 else int(plan.run / denoising_strength))

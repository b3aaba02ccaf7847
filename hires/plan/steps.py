"""How many steps the second pass runs, and which part of which schedule they are."""

from __future__ import annotations

from dataclasses import dataclass

from ..sampling.menus import SAMPLERS, SCHEDULES, has_own_pace
from ..sampling.steps import StepsRule, img2img_steps, second_pass_steps
from ..sampling.timestep_samplers import timesteps

_EXACT_SCHEDULERS = frozenset(
    {"simple", "sgm_uniform", "karras", "exponential", "normal", "linear_quadratic", "kl_optimal"}
)
"""ComfyUI's own that always have as many steps as asked; the others depend on the model."""


@dataclass(frozen=True)
class SecondPass:
    """The end of a longer schedule."""

    schedule: int
    """Steps that the schedule is made for; 0 where nothing is run."""

    part: slice
    """Of its sigmas: those that are run."""

    steps: int | None
    """Steps that are run; None where that depends on the model or the sampler."""

    @property
    def text(self) -> str | None:
        """The line on the node."""
        if self.steps is None:
            return None
        return f"{self.steps} of {self.schedule} steps" if self.steps else "no steps: the picture stays as it is"


def plan_second_pass(
    sampler_name: str,
    scheduler: str,
    steps: int,
    denoising_strength: float,
    hr_second_pass_steps: int = 0,
    rule: StepsRule = "hires fix",
) -> SecondPass:
    """Work out the part of a schedule that the second pass runs; names are A1111's or the host's.

    Raises InputError for a strength or step count that cannot be used, see `second_pass_steps`.
    """
    share = img2img_steps if rule == "img2img" else second_pass_steps
    schedule, run = share(steps, denoising_strength, hr_second_pass_steps)
    if run == 0:
        return SecondPass(0, slice(0), 0)
    sampler = SAMPLERS.get(sampler_name)
    if sampler and sampler.walks_timesteps:
        timesteps(schedule)
        # A1111 makes the first call one grid step below the level that the noise was added at
        part, known = slice(-run, None), run - 1
    elif scheduler in SCHEDULES:
        # the slice starts at an index, so that a schedule that is longer than asked is run longer, as in A1111
        part, known = slice(schedule - run, None), run if scheduler != "DDIM" else None
    else:
        if rule == "hires fix":  # KSampler's
            schedule = run if denoising_strength > 0.9999 else int(run / denoising_strength)
        part = slice(None) if schedule == run else slice(-(run + 1), None)
        known = run if scheduler in _EXACT_SCHEDULERS else None
    return SecondPass(schedule, part, None if has_own_pace(sampler_name) else known)

"""How the steps of prompt editing are counted: what the prompt's node is told of it, and what its pass knows."""

from __future__ import annotations

from dataclasses import dataclass

from ..sampling.menus import calls_per_step
from ..sampling.same import SAME_SAMPLER
from .grammar import PassSteps

FIRST, SECOND, EITHER = PASSES = ("first pass", "second pass", "either pass")
"""What a prompt is for. Either: for the one that it is used in, also if that is both."""


@dataclass(frozen=True)
class CountedPass:
    """A pass, as prompts count it."""

    is_second: bool
    """It follows a first pass; one of a picture that was there before counts as a first."""

    steps: int
    sampler_name: str
    """Of the first pass."""

    hr_second_pass_steps: int = 0
    """0: as many as the first pass."""

    hr_sampler_name: str = SAME_SAMPLER


@dataclass(frozen=True)
class Counting:
    """What the inputs of the prompt's node say."""

    for_pass: str
    """One of `PASSES`."""

    steps: int
    """Of the first pass; 0: as the pass says."""

    hr_second_pass_steps: int
    """0: as many as the first pass, or as the pass says where it also says how many that are."""

    sampler_name: str
    hr_sampler_name: str
    """`SAME_SAMPLER`: of the first, as the pass says; of the second, the first one."""

    def steps_in(self, of: CountedPass | None) -> PassSteps | None:
        """Steps of a pass, in model calls; without a pass None, unless all of it is said here."""
        if of is None:
            if not self.steps or self.sampler_name == SAME_SAMPLER or self.for_pass == EITHER:
                return None
            of = CountedPass(False, self.steps, self.sampler_name)
        steps, second_steps = self.steps or of.steps, self.hr_second_pass_steps
        if not self.steps:
            second_steps = second_steps or of.hr_second_pass_steps
        sampler, second_sampler = self.sampler_name, self.hr_sampler_name
        if second_sampler == SAME_SAMPLER:
            second_sampler = of.hr_sampler_name if sampler == SAME_SAMPLER else sampler
        sampler = of.sampler_name if sampler == SAME_SAMPLER else sampler
        second_sampler = sampler if second_sampler == SAME_SAMPLER else second_sampler
        is_second = self.for_pass == SECOND or (self.for_pass == EITHER and of.is_second)
        second = (second_steps or steps) * calls_per_step(second_sampler) if is_second else None
        return PassSteps(steps * calls_per_step(sampler), second)

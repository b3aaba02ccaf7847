"""How denoising strength and step counts of the second pass become a slice of a longer schedule."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ..errors import InputError

StepsRule = Literal["hires fix", "img2img"]

STEPS_RULES: tuple[StepsRule, ...] = ("hires fix", "img2img")
"""What a denoising strength does to the steps, in two of A1111's tabs: see `second_pass_steps`, `img2img_steps`."""


class StrengthError(InputError):
    """A denoising strength or step count that cannot be used."""


class SecondPassSteps(NamedTuple):
    """Steps of the schedule to build, and of those that are run at its end; both 0 when the strength is 0."""

    schedule: int
    run: int


def second_pass_steps(steps: int, denoising_strength: float, hr_second_pass_steps: int = 0) -> SecondPassSteps:
    """A1111's rule: `hr_second_pass_steps` (0: `steps`) are run, whatever the strength.

    The schedule is `int(requested / min(strength, 0.999))` steps long and its last `requested` steps are run, so
    the strength only chooses where on the curve the pass starts. Strength 0 runs nothing.

    Raises:
        StrengthError: strength outside 0..1, or a negative or zero number of steps.
    """
    requested = _requested(steps, denoising_strength, hr_second_pass_steps)
    if denoising_strength == 0:
        return SecondPassSteps(0, 0)
    return SecondPassSteps(int(requested / min(denoising_strength, 0.999)), requested)


def img2img_steps(steps: int, denoising_strength: float, hr_second_pass_steps: int = 0) -> SecondPassSteps:
    """A1111's rule for img2img: the strength is the share of the steps that is run, and one more.

    The schedule is as long as asked (`hr_second_pass_steps`, 0: `steps`). Strength 0 runs its last step.

    Raises:
        StrengthError: see `second_pass_steps`.
    """
    requested = _requested(steps, denoising_strength, hr_second_pass_steps)
    return SecondPassSteps(requested, int(min(denoising_strength, 0.999) * requested) + 1)


def _requested(steps: int, denoising_strength: float, hr_second_pass_steps: int) -> int:
    if not 0.0 <= denoising_strength <= 1.0:
        raise StrengthError(f"denoising_strength is {denoising_strength}; it goes from 0 to 1.", "denoising_strength")
    if hr_second_pass_steps < 0:
        raise StrengthError(
            f"hr_second_pass_steps is {hr_second_pass_steps}; use 0 for the steps of the first pass.",
            "hr_second_pass_steps",
        )
    requested = hr_second_pass_steps or steps
    if requested < 1:
        raise StrengthError(f"steps is {steps}; the second pass needs at least 1.", "steps")
    return requested

"""What a later pass takes from the first one, as by A1111's "Use same sampler": one value has one home."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError
from .menus import AUTOMATIC, HOST_DISCARD_PENULTIMATE, SAMPLERS, SCHEDULES
from .settings import A1111Settings
from .steps import StepsRule

SAME_SAMPLER, SAME_SCHEDULER = "Use same sampler", "Use same scheduler"
SAME_STEPS, SAME_CFG = 0, -1.0
"""What a later pass's fields say for "as in the first pass"; every cfg below 0 is one."""

FIRST_VALUES = "hires_fix_first_values"
"""Key of a LATENT: the `PassValues` of the first pass that it came from."""


@dataclass(frozen=True)
class PassValues:
    """What a first pass samples with, for those after it that do the same."""

    steps: int
    sampler_name: str
    scheduler: str
    """Names of A1111 or the host, never one of the "same"."""

    cfg: float | None
    """None where a GUIDER had its own."""

    settings: A1111Settings


@dataclass(frozen=True)
class SecondPassValues:
    """What Re-noise has made its sigmas with, for the sampling that runs them."""

    steps: int
    """Of the first pass, as far as this one knows."""

    hr_second_pass_steps: int
    """0: as many as the first pass."""

    sampler_name: str
    scheduler: str
    """As in `PassValues`."""

    settings: A1111Settings
    first: PassValues | None
    """None where the latent came from no first pass that is known."""

    is_img2img: bool = False
    """A1111's img2img tab decides about steps and noise, not its hires fix."""

    @property
    def steps_rule(self) -> StepsRule:
        """What the strength does to the steps."""
        return "img2img" if self.is_img2img and not self.settings.img2img_fix_steps else "hires fix"


def second_pass_values(
    first: PassValues | None,
    steps: int,
    hr_second_pass_steps: int,
    sampler_name: str,
    scheduler: str,
    settings: A1111Settings | None,
    rule: StepsRule = "hires fix",
) -> SecondPassValues:
    """What the inputs of Re-noise stand for.

    Args:
        first: of the first pass that the latent came from, if it tells.
        settings: those connected; without them the first pass's where sampler or scheduler is, else A1111's defaults.

    Raises:
        InputError: a value is to be the first pass's, and that is not known.
    """
    same = {
        "sampler_name": sampler_name == SAME_SAMPLER,
        "scheduler": scheduler == SAME_SCHEDULER,
        # its own number of steps is all that a second pass needs
        "steps": steps == SAME_STEPS and not hr_second_pass_steps,
    }
    if first is None:
        for name, is_same in same.items():
            if is_same:
                raise no_first_pass(name, {"sampler_name": sampler_name, "scheduler": scheduler}.get(name, steps))
        settings = settings or A1111Settings()
        return SecondPassValues(steps, hr_second_pass_steps, sampler_name, scheduler, settings, None, rule == "img2img")
    follows = same["sampler_name"] or same["scheduler"]
    return SecondPassValues(
        first.steps if steps == SAME_STEPS else steps,
        hr_second_pass_steps,
        first.sampler_name if same["sampler_name"] else sampler_name,
        first.scheduler if same["scheduler"] else scheduler,
        settings or (first.settings if follows else A1111Settings()),
        first,
        rule == "img2img",
    )


def no_first_pass(input_name: str, value: str | float) -> InputError:
    """The refusal of a "same" without a first pass to take it from."""
    said = value if isinstance(value, str) else f"{value:g}"
    return InputError(
        f"'{said}' means as in the first pass, and the latent comes from no Base Sampling: it was encoded from a "
        "picture, drawn by another sampler, or a node on the way has dropped what Base Sampling was told. Set a value "
        "here.",
        input_name,
    )


def no_cfg() -> InputError:
    """The refusal of a "same" where the first pass had a GUIDER."""
    return InputError(
        f"{SAME_CFG:g} means as in the first pass, whose guider has a cfg of its own. Connect a guider here, too, or "
        "set a cfg.",
        "cfg",
    )


def misfit(made_for: str, run_by: str, scheduler: str) -> str | None:
    """Warn of a sampler that runs a scheduler's sigmas which were made for another one, where it would have others."""
    if _kind_of_sigmas(made_for, scheduler) == _kind_of_sigmas(run_by, scheduler):
        return None
    return (
        f"Re-noise makes the sigmas for {made_for}, and {run_by} runs them, which would have others: the picture may "
        f"stay noisy or lose detail. Set sampler_name of Second Sampling to '{SAME_SAMPLER}'."
    )


def _kind_of_sigmas(sampler_name: str, scheduler: str) -> tuple[object, ...]:
    """What a scheduler's sigmas depend on of the sampler."""
    sampler = SAMPLERS.get(sampler_name)
    if sampler and sampler.walks_timesteps:
        return ("timesteps",)
    discards = sampler.discard_penultimate if sampler else sampler_name in HOST_DISCARD_PENULTIMATE
    schedule = (sampler and sampler.schedule) if scheduler == AUTOMATIC else scheduler
    return schedule, discards, bool(sampler and sampler.consistency) and scheduler in SCHEDULES

"""Denoising strength to steps, against A1111's own results."""

import pytest
from hires_pack.hires.sampling.steps import StrengthError, img2img_steps, second_pass_steps


@pytest.mark.parametrize(
    ("requested", "strength", "schedule"),
    [(20, 0.7, 28), (20, 0.5, 40), (15, 0.35, 42), (20, 1.0, 20), (20, 0.05, 400), (7, 0.07, 99), (33, 0.55, 59)],
)
def test_schedule_length_as_recorded(requested, strength, schedule):
    plan = second_pass_steps(requested, strength)
    assert (plan.schedule, plan.run) == (schedule, requested)


def test_zero_second_pass_steps_means_those_of_the_first():
    assert second_pass_steps(20, 0.5, 0).run == 20
    assert second_pass_steps(20, 0.5, 5) == second_pass_steps(5, 0.5)


def test_strength_zero_runs_nothing():
    assert second_pass_steps(20, 0.0).run == 0


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((20, 1.1), "denoising_strength"),
        ((20, float("nan")), "denoising_strength"),
        ((0, 0.5), "steps"),
        ((20, 0.5, -1), "hr_second_pass_steps"),
    ],
)
def test_bad_values_name_their_input(arguments, name):
    with pytest.raises(StrengthError) as error:
        second_pass_steps(*arguments)
    assert error.value.input_name == name


@pytest.mark.parametrize(
    ("steps", "strength", "run"),
    [(5, 0.4, 3), (5, 0.7, 4), (4, 0.3, 2), (5, 1.0, 5), (6, 0.6, 4), (6, 0.5, 4), (6, 0.4, 3), (20, 0.0, 1)],
)
def test_img2img_runs_a_share_of_the_steps_and_one_more_as_recorded(steps, strength, run):
    assert img2img_steps(steps, strength) == (steps, run)
    assert img2img_steps(50, strength, steps) == (steps, run)


def test_the_rule_of_img2img_refuses_the_same():
    with pytest.raises(StrengthError):
        img2img_steps(20, 1.1)

"""Denoising strength to steps, against A1111's own results."""

import pytest
from hires_pack.hires.sampling.steps import StrengthError, second_pass_steps


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

"""Schedules under A1111's names, against values that A1111 printed."""

import math

import pytest
import torch
from hires_pack.hires.sampling.menus import AUTOMATIC, SCHEDULES
from hires_pack.hires.sampling.schedules import DiscreteTable, ScheduleError, schedule
from hires_pack.hires.sampling.steps import second_pass_steps


@pytest.fixture(scope="module")
def sd1():
    betas = torch.linspace(0.00085**0.5, 0.0120**0.5, 1000, dtype=torch.float64) ** 2
    return DiscreteTable(torch.cumprod(1 - betas, 0).float())


def test_the_table_has_the_float32_loss_of_a1111(sd1):
    # float64 arithmetic gives 0.0291671582 at the low end
    assert float(sd1.sigmas[0]) == pytest.approx(0.029167532920837402, abs=3e-9)
    assert float(sd1.sigmas[-1]) == pytest.approx(14.614642143249512, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "head", "tail"),
    [
        ("Uniform", [14.61464, 7.83988, 4.60917], [0.36866, 0.02917, 0]),
        ("Normal", [14.61464, 7.83988, 4.60917], [0.36866, 0.02917, 0]),
        ("Karras", [14.61464, 9.10293, 5.4784], [0.08191, 0.02917, 0]),
        ("Exponential", [14.61464, 7.32488, 3.67124], [0.0582, 0.02917, 0]),
        ("Polyexponential", [14.61464, 7.32488, 3.67124], [0.0582, 0.02917, 0]),
        ("SGM Uniform", [14.61464, 8.30717, 5.09241], [0.57119, 0.3437, 0]),
        ("KL Optimal", [14.61463, 4.56504, 2.63289], [0.33564, 0.17835, 0.02917]),
        ("Align Your Steps", [14.615, 6.11351, 3.56511], [0.16921, 0.029, 0]),
        ("Simple", [14.61464, 8.3028, 5.08776], [0.56928, 0.34167, 0]),
        ("DDIM", [8.39068, 5.13443, 3.34776], [0.34619, 0.04131, 0]),
        ("Beta", [14.61464, 13.92779, 12.49098], [0.71602, 0.02917, 0]),
    ],
)
def test_ten_steps_as_recorded(sd1, name, head, tail):
    sigmas = schedule(name, 10, sd1)
    assert len(sigmas) == 11
    assert sigmas.dtype == torch.float32
    torch.testing.assert_close(sigmas[:3], torch.tensor(head), rtol=0, atol=1.1e-5)
    torch.testing.assert_close(sigmas[-3:], torch.tensor(tail, dtype=torch.float32), rtol=0, atol=1.1e-5)


@pytest.mark.parametrize(("name", "second"), [("Karras", 11.72537), ("Exponential", 10.53632), ("Uniform", 10.7468)])
def test_second_of_twenty_as_recorded(sd1, name, second):
    assert float(schedule(name, 20, sd1)[1]) == pytest.approx(second, abs=1e-5)


def test_discarding_the_second_to_last_sigma(sd1):
    sigmas = schedule("Karras", 20, sd1, discard_penultimate=True)
    assert len(sigmas) == 21
    torch.testing.assert_close(sigmas[:3], torch.tensor([14.61464, 11.85719, 9.55827]), rtol=0, atol=1.1e-5)
    torch.testing.assert_close(sigmas[-3:], torch.tensor([0.07436, 0.04731, 0.0]), rtol=0, atol=1.1e-5)


def test_hires_slice_as_recorded(sd1):
    plan = second_pass_steps(20, 0.5)
    sliced = schedule("Karras", plan.schedule, sd1)[plan.schedule - plan.run :]
    assert len(sliced) == 21
    torch.testing.assert_close(sliced[:4], torch.tensor([1.18175, 1.01413, 0.86731, 0.7391]), rtol=0, atol=1.1e-5)


def test_align_your_steps_has_a_list_of_its_own_for_sdxl(sd1):
    assert float(schedule("Align Your Steps", 11, sd1, is_sdxl=True)[1]) == pytest.approx(6.315)


def test_ddim_can_be_longer_than_asked(sd1):
    assert len(schedule("DDIM", 28, sd1)) == 30


def test_timesteps_in_between_interpolate_log_sigma(sd1):
    t = torch.tensor([0.0, 10.25, 500.5, 999.0])
    sigma = sd1.t_to_sigma(t)
    assert float(sigma[1]) == pytest.approx(
        math.exp(0.75 * math.log(float(sd1.sigmas[10])) + 0.25 * math.log(float(sd1.sigmas[11]))), rel=1e-6
    )
    torch.testing.assert_close(sd1.sigma_to_t(sigma), t, rtol=0, atol=2e-3)


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name != AUTOMATIC])
@pytest.mark.parametrize("steps", [2, 3, 7, 33, 150])
def test_every_schedule_descends(sd1, name, steps):
    sigmas = schedule(name, steps, sd1)
    assert len(sigmas) >= steps + 1
    assert bool((sigmas.diff() < 0).all())


def test_impossible_step_counts_say_so(sd1):
    with pytest.raises(ScheduleError, match="0 asked"):
        schedule("Karras", 0, sd1)
    with pytest.raises(ScheduleError, match="2000 steps"):
        schedule("Simple", 2000, sd1)


@pytest.mark.parametrize("sigma", [0.01, 0.5, 14.0, 1000.0, 1e6])
def test_equal_entries_of_a_rounded_table_have_a_timestep(sd1, sigma):
    """Half precision makes neighbours of the noise schedule equal; nothing lies between them."""
    table = sd1.downcast().zero_terminal_snr()
    t = float(table.sigma_to_t(torch.tensor(sigma)))
    assert 0 <= t <= 999

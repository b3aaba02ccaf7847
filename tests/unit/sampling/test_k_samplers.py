"""Samplers on problems with a known solution, and the parts that only show at certain step counts.

For the denoiser `D(x, sigma) = m + (x - m) / (1 + sigma^2)`, Gaussian data around m with variance 1, the probability
flow is solved by `x - m` proportional to `sqrt(1 + sigma^2)`.
"""

from itertools import pairwise

import pytest
import torch
from hires_pack.hires.errors import InputError
from hires_pack.hires.sampling import k_samplers, timestep_samplers
from hires_pack.hires.sampling.noise import TorchGenerator
from hires_pack.hires.sampling.schedules import DiscreteTable, karras

MEAN = 0.3
START = torch.tensor([[[[2.0, -1.0], [0.5, 14.0]]]])


def gaussian(x, sigma, **_):
    sigma = sigma.view(-1, 1, 1, 1)
    return MEAN + (x - MEAN) / (1 + sigma**2)


def schedule(steps):
    return torch.cat([karras(steps, 0.03, 14.6), torch.zeros(1)])


def solution(x, sigma):
    return MEAN + (x - MEAN) / (1 + sigma**2) ** 0.5


@pytest.mark.parametrize(
    ("sampler", "steps", "error"),
    [
        (k_samplers.sample_euler, 400, 0.03),
        (k_samplers.sample_heun, 60, 0.003),
        (k_samplers.sample_dpm_2, 60, 0.003),
        (k_samplers.sample_lms, 60, 0.003),
    ],
)
def test_deterministic_samplers_reach_the_solution(sampler, steps, error):
    sigmas = schedule(steps)
    got = sampler(gaussian, START, sigmas)
    torch.testing.assert_close(got, solution(START, sigmas[0]), rtol=0, atol=error)


@pytest.mark.parametrize("sampler", [k_samplers.sample_euler, k_samplers.sample_heun, k_samplers.sample_dpm_2])
def test_churn_draws_from_the_given_noise_and_keeps_the_distribution(sampler):
    x = torch.randn(1, 1, 100, 100, generator=torch.Generator().manual_seed(0)) * (1 + 14.6**2) ** 0.5 + MEAN
    generator = TorchGenerator(1)
    churn = {"s_churn": 10.0, "s_tmin": 0.0, "s_tmax": float("inf"), "s_noise": 1.0}

    def noise(sigma, sigma_next):
        return generator.randn(x.shape)

    got = sampler(gaussian, x, schedule(300), noise_sampler=noise, **churn)
    assert float(got.mean()) == pytest.approx(MEAN, abs=0.05)
    assert float(got.std()) == pytest.approx(1.0, abs=0.05)
    plain = sampler(gaussian, x, schedule(300), noise_sampler=noise, **churn | {"s_churn": 0.0})
    assert not torch.allclose(got, plain, atol=0.1)
    outside = sampler(gaussian, x, schedule(300), noise_sampler=noise, **churn | {"s_tmax": 0.001})
    assert torch.equal(outside, plain)


@pytest.mark.parametrize(("steps", "calls", "restarts"), [(10, 19, 0), (20, 39, 1), (40, None, 2)])
def test_restart_spends_its_steps_on_going_back(steps, calls, restarts):
    sigmas = schedule(steps)
    plan = k_samplers.restart_plan(sigmas)
    rises = [(a, b) for (_, a), (b, _) in pairwise(plan) if a < b]
    assert len(rises) == restarts
    for low, high in rises:
        assert float(low) < 0.3
        assert 1.0 < float(high) < 3.5
    counted = []

    def model(x, sigma, **_):
        counted.append(sigma)
        return gaussian(x, sigma)

    generator = TorchGenerator(0)
    k_samplers.sample_restart(model, START, sigmas, noise_sampler=lambda a, b: generator.randn(START.shape))
    if calls:
        assert len(counted) == calls


def test_lcm_ends_on_a_picture_without_noise():
    sigmas = torch.tensor([14.0, 3.0, 0.0])
    got = k_samplers.sample_lcm(
        lambda x, sigma: torch.full_like(x, 0.25), START, sigmas, noise_sampler=lambda a, b: 1e9
    )
    assert torch.equal(got, torch.full_like(START, 0.25))


# ---------------------------------------------------------------------------------------------- whole timesteps


@pytest.fixture(scope="module")
def table():
    betas = torch.linspace(0.00085**0.5, 0.0120**0.5, 1000, dtype=torch.float64) ** 2
    return DiscreteTable(torch.cumprod(1 - betas, 0).float())


@pytest.mark.parametrize(("steps", "length"), [(20, 20), (33, 34), (28, 29), (1000, 1000)])
def test_the_grid_can_be_longer_than_asked(steps, length):
    grid = timestep_samplers.timesteps(steps)
    assert len(grid) == length
    assert int(grid[0]) == 1
    assert int(grid[-1]) <= 999


@pytest.mark.parametrize("steps", [0, 1001])
def test_impossible_grids_say_so(steps):
    with pytest.raises(InputError, match=str(steps)):
        timestep_samplers.timesteps(steps)


def walk(sampler, table, first_pass, steps=20, strength=0.5, **options):
    """Timesteps of the model calls."""
    seen = []

    def model(x, sigma, **_):
        seen.append(round(float(table.sigma_to_t(sigma[:1].cpu()))))
        return gaussian(x, sigma)

    grid = timestep_samplers.timesteps(steps if first_pass else int(steps / strength))
    walked = grid if first_pass else grid[:steps]
    sampler(model, START, table.sigmas[walked].flip(0), table=table, first_pass=first_pass, **options)
    return seen


def test_model_calls_as_recorded(table):
    noise = {"noise_sampler": lambda a, b: torch.zeros(1)}
    first = walk(timestep_samplers.sample_ddim, table, True, **noise)
    assert len(first) == 19
    second = walk(timestep_samplers.sample_ddim, table, False, **noise)
    assert (len(second), second[0], second[-1]) == (18, 451, 26)
    assert len(walk(timestep_samplers.sample_plms, table, True)) == 20
    assert len(walk(timestep_samplers.sample_plms, table, False)) == 19


@pytest.mark.parametrize("sampler", ["ddim", "plms"])
def test_walking_timesteps_reaches_the_solution(sampler, table):
    sigmas = table.sigmas[timestep_samplers.timesteps(500)].flip(0)
    x = START * sigmas[0]  # the first pass starts from unit noise
    if sampler == "ddim":
        noise = {"noise_sampler": lambda a, b: torch.zeros(1)}
        got = timestep_samplers.sample_ddim(gaussian, x, sigmas, table=table, first_pass=True, **noise)
    else:
        got = timestep_samplers.sample_plms(gaussian, x, sigmas, table=table, first_pass=True)
    # the walk ends at the first timestep of the grid, where the picture is nearly reached
    torch.testing.assert_close(got, solution(x, sigmas[0]), rtol=0, atol=0.2)
    half = timestep_samplers.sample_ddim(
        gaussian, START, sigmas, table=table, first_pass=False, noise_sampler=lambda a, b: torch.zeros(1)
    )
    torch.testing.assert_close(half, solution(START, sigmas[0]), rtol=0, atol=0.05)

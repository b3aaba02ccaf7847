"""The Brownian tree against torchsde's, which has the same path for the same seed."""

import pytest
import torch
import torchsde
from hires_pack.hires.sampling.brownian import BrownianNoise, BrownianTree
from hires_pack.hires.sampling.noise import TorchGenerator
from hires_pack.hires.sampling.philox import PhiloxGenerator

SHAPE = (4, 6, 5)


def randn(seed, shape):
    return TorchGenerator(seed).randn(shape)


@pytest.mark.parametrize("seed", [0, 1234567, 2**40 + 3])
def test_increments_equal_torchsde(seed):
    start, end = 0.0291675, 14.6146
    ours = BrownianTree(start, end, SHAPE, seed, randn)
    theirs = torchsde.BrownianTree(torch.tensor(start), torch.zeros(SHAPE), torch.tensor(end), entropy=seed)
    for a, b in [(start, end), (7.3, end), (3.1, 7.3), (3.1, 5.0), (start, 3.1), (0.5, 9.125)]:
        torch.testing.assert_close(ours(a, b), theirs(a, b), rtol=0, atol=2e-6)


def test_the_path_does_not_depend_on_how_it_is_asked():
    one, other = (BrownianTree(0.1, 10.0, SHAPE, 7, randn) for _ in range(2))
    whole = one(0.5, 8.0)
    for i in range(100):  # more questions than the tree remembers
        other(0.1 + 0.05 * i, 0.2 + 0.05 * i)
    torch.testing.assert_close(other(0.5, 3.0) + other(3.0, 8.0), whole, rtol=0, atol=2e-5)


def test_noise_is_normalised_and_changes_sign_with_direction():
    noise = BrownianNoise(torch.tensor([10.0, 5.0, 1.0, 0.0]), (4, 64, 64), [3], randn)
    down = noise(torch.tensor(5.0), torch.tensor(1.0))
    assert float(down.std()) == pytest.approx(1.0, abs=0.02)
    assert torch.equal(noise(torch.tensor(1.0), torch.tensor(5.0)), -down)


def test_each_image_has_a_tree_of_its_own_seed_and_source():
    schedule = torch.tensor([10.0, 5.0, 1.0, 0.0])
    step = (torch.tensor(5.0), torch.tensor(1.0))
    batch = BrownianNoise(schedule, SHAPE, [3, 4], randn)(*step)
    assert torch.equal(batch[1:], BrownianNoise(schedule, SHAPE, [4], randn)(*step))
    other = BrownianNoise(schedule, SHAPE, [3], lambda seed, shape: PhiloxGenerator(seed).randn(shape))(*step)
    assert not torch.allclose(batch[:1], other)

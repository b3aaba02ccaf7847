"""Noise sources against numbers printed by A1111 itself."""

import pytest
import torch
from hires_pack.hires.noise import ImageNoise, PhiloxGenerator, TorchGenerator


def test_philox_two_draws_of_one_generator():
    generator = PhiloxGenerator(0)
    first = [-0.9246624, -0.42534396, -2.6438458, 0.14518388, -0.12086651, -0.5797257, -0.6228513, -0.32838714]
    first += [-1.074542, -0.3631441, -1.6710504, 2.265505]
    torch.testing.assert_close(generator.randn((3, 4)), torch.tensor(first).view(3, 4), rtol=0, atol=3e-7)
    second = torch.tensor([0.18082589, -0.5522627, 0.9238134, -0.73497033, 1.3799946, 0.8676307]).view(2, 3)
    torch.testing.assert_close(generator.randn((2, 3)), second, rtol=0, atol=3e-7)


def test_philox_uses_all_64_bits_of_the_seed():
    expected = [0.47459313, 0.8396766, -0.764283, -1.0388207, -0.72524834, -2.1107821]
    got = PhiloxGenerator(1234567890123).randn((4, 64, 64)).flatten()[:6]
    torch.testing.assert_close(got, torch.tensor(expected), rtol=0, atol=3e-7)


@pytest.mark.parametrize(
    ("source", "seeds", "rows"),
    [
        ("GPU", [42, 43], [[0.1940, 2.1614, -0.1721, 0.8491], [1.9983, 1.9810, 1.4458, 1.9813]]),
        ("CPU", [42], [[1.9269, 1.4873, 0.9007, -2.1055]]),
    ],
)
def test_first_draw_of_every_image(source, seeds, rows):
    noise = ImageNoise(source, seeds).draw((4, 8, 8))
    torch.testing.assert_close(noise[:, 0, 0, :4], torch.tensor(rows), rtol=0, atol=5e-5)


def test_later_draws_go_on_with_each_image_s_generator():
    noise = ImageNoise("GPU", [42, 43])
    noise.draw((4, 8, 8))
    expected = torch.tensor([0.1391, -0.1082, -0.7174, 0.7566])
    torch.testing.assert_close(noise.draw((4, 8, 8))[0, 0, 0, :4], expected, rtol=0, atol=5e-5)


@pytest.mark.parametrize("source", ["CPU", "GPU"])
def test_an_image_of_a_batch_equals_its_single_run(source):
    batch = ImageNoise(source, [7, 8, 9]).draw((16, 5, 3))
    for i in range(3):
        assert torch.equal(batch[i], ImageNoise(source, [7 + i]).draw((16, 5, 3))[0])


def test_drawing_leaves_torch_s_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    TorchGenerator(1).randn((4, 8, 8))
    assert torch.equal(torch.rand(3), expected)

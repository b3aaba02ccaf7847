"""Noise sources against numbers printed by A1111 itself."""

import numpy as np
import pytest
import torch
from hires_pack.hires.sampling.noise import ImageNoise, TorchGenerator, Variation
from hires_pack.hires.sampling.philox import PhiloxGenerator


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


def philox_4x32_10(counter, key):
    """Algorithm of Salmon et al., section 3.3, in whole numbers."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p, q = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1, c2, c3 = (q >> 32) ^ c1 ^ k0, q & 0xFFFFFFFF, (p >> 32) ^ c3 ^ k1, p & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def box_muller(x, y):
    """As A1111's numpy has it: float64 numbers of float32 constants."""
    a, b = np.float32(2.3283064e-10), np.float32(2.3283064e-10 * 6.2831855)
    u, v = (np.array([word], np.uint32) * np.array([c]) + np.array([c]) / 2 for word, c in ((x, a), (y, b)))
    return (np.sqrt(-2.0 * np.log(u)) * np.sin(v)).astype(np.float32)[0]


@pytest.mark.parametrize("threads", [1, 3])
def test_philox_numbers_of_every_block_are_exact(threads):
    # Random123's known answers (kat_vectors)
    assert philox_4x32_10((0, 0, 0, 0), (0, 0)) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        generator = PhiloxGenerator(0xFEDCBA9876543210)
        draws = [generator.randn((100_003,)) for _ in range(3)]
    finally:
        torch.set_num_threads(before)
    for call, draw in enumerate(draws):
        for i in [*range(100), *range(5, 100_003, 997), *range(2**15 - 5, 2**15 + 5), 100_002]:
            words = philox_4x32_10((call, 0, i, 0), (0x76543210, 0xFEDCBA98))
            assert draw[i].item() == box_muller(*words[:2]), (call, i)


def test_philox_draws_may_be_empty():
    assert PhiloxGenerator(1).randn((0, 3)).shape == (0, 3)


@pytest.mark.parametrize(
    ("source", "seed", "indices", "rows"),
    [
        ("GPU", 42, [0, 1], [[0.1940, 2.1614, -0.1721, 0.8491], [1.9983, 1.9810, 1.4458, 1.9813]]),
        ("CPU", 42, [0], [[1.9269, 1.4873, 0.9007, -2.1055]]),
    ],
)
def test_first_draw_of_every_image(source, seed, indices, rows):
    noise = ImageNoise(source, seed, indices).draw((4, 8, 8))
    torch.testing.assert_close(noise[:, 0, 0, :4], torch.tensor(rows), rtol=0, atol=5e-5)


def test_later_draws_go_on_with_each_image_s_generator():
    noise = ImageNoise("GPU", 42, [0, 1])
    noise.draw((4, 8, 8))
    expected = torch.tensor([0.1391, -0.1082, -0.7174, 0.7566])
    torch.testing.assert_close(noise.draw((4, 8, 8))[0, 0, 0, :4], expected, rtol=0, atol=5e-5)


@pytest.mark.parametrize("source", ["CPU", "GPU"])
def test_an_image_of_a_batch_equals_its_single_run(source):
    batch = ImageNoise(source, 7, [0, 1, 2]).draw((16, 5, 3))
    for i in range(3):
        assert torch.equal(batch[i], ImageNoise(source, 7 + i, [0]).draw((16, 5, 3))[0])


def test_drawing_leaves_torch_s_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    TorchGenerator(1).randn((4, 8, 8))
    assert torch.equal(torch.rand(3), expected)


def test_variation_as_recorded():
    noise = ImageNoise("GPU", 42, [0], Variation(subseed=7, subseed_strength=0.3)).draw((4, 8, 8))
    torch.testing.assert_close(noise[0, 0, 0, :4], torch.tensor([0.0390, 1.9797, -0.3980, 1.0290]), rtol=0, atol=5e-5)


def test_with_a_variation_all_images_share_the_seed_and_the_variation_seeds_count_up():
    batch = ImageNoise("CPU", 5, [0, 1], Variation(subseed=7, subseed_strength=0.3)).draw((4, 8, 8))
    second = ImageNoise("CPU", 5, [0], Variation(subseed=8, subseed_strength=0.3)).draw((4, 8, 8))
    assert torch.equal(batch[1], second[0])


def test_ensd_changes_only_later_draws():
    noise = ImageNoise("GPU", 42, [0], Variation(eta_noise_seed_delta=31337))
    assert torch.equal(noise.draw((4, 8, 8)), ImageNoise("GPU", 42, [0]).draw((4, 8, 8)))
    expected = torch.tensor([-1.0426, 0.2067, 0.8093, -0.0306])
    torch.testing.assert_close(noise.draw((4, 8, 8))[0, 0, 0, :4], expected, rtol=0, atol=5e-5)


@pytest.mark.parametrize("size", [(6, 4), (12, 10), (8, 12), (7, 9)])
def test_seed_resize_keeps_the_middle(size):
    """The overlap of the two pictures, centred, carries the noise that the seed has at the other size."""
    width, height = size
    noise = ImageNoise("CPU", 42, [0], Variation(resize_from=size)).draw((4, 8, 8))[0]
    other = TorchGenerator(42).randn((4, height, width))
    row, column = 4, 4  # a cell in the middle of both
    dx, dy = (8 - width) // 2, (8 - height) // 2
    assert torch.equal(noise[:, row, column], other[:, row - dy, column - dx])
    if width < 8 and height < 8:
        own = TorchGenerator(42).randn((4, 8, 8))
        assert torch.equal(noise[:, 0, 0], own[:, 0, 0])

"""Noise by place: any window has what the whole picture has there."""

import itertools

import pytest
import torch
from hires_pack.hires.sampling.placed_noise import BLOCK, PlacedBlocks
from hires_pack.hires.tiles.boxes import Box

CHANNELS = 4


def drawn(window, seed=7, frames=()):
    """A window's noise; every block is one draw of a generator with the block's seed."""
    blocks = PlacedBlocks(window)
    shape = blocks.shape((CHANNELS, *frames, window.height, window.width))
    each = [torch.randn(shape, generator=torch.Generator().manual_seed(one)) for one in blocks.seeds(seed)]
    return blocks.joined(torch.stack(each))


@pytest.mark.parametrize("frames", [(), (1,)])
def test_any_window_is_a_part_of_the_whole(frames):
    whole = drawn(Box(0, 0, 3 * BLOCK + 5, 2 * BLOCK + 9), frames=frames)
    assert whole.shape == (1, CHANNELS, *frames, 2 * BLOCK + 9, 3 * BLOCK + 5)
    for box in (Box(0, 0, 8, 8), Box(60, 50, 68, 70), Box(BLOCK, BLOCK, 2 * BLOCK, 2 * BLOCK), Box(100, 3, 197, 137)):
        assert torch.equal(drawn(box, frames=frames), whole[..., box.y0 : box.y1, box.x0 : box.x1])


def test_blocks_are_noise_and_no_two_are_alike():
    """Neither side by side nor with neighbouring seeds, which counting up would give the same blocks."""
    places = [
        Box(x * BLOCK, y * BLOCK, (x + 1) * BLOCK, (y + 1) * BLOCK) for x, y in itertools.product(range(3), repeat=2)
    ]
    blocks = [drawn(box, seed) for seed in (0, 1, 2**64 - 1) for box in places]
    flat = torch.stack([block.flatten() for block in blocks])
    assert float((flat.std(dim=1) - 1).abs().max()) < 0.03
    correlation = torch.corrcoef(flat) - torch.eye(len(flat))
    assert float(correlation.abs().max()) < 0.05


def test_there_is_no_line_where_blocks_meet():
    noise = drawn(Box(0, 0, 8 * BLOCK, 8 * BLOCK))[0]
    steps = (noise[..., 1:] - noise[..., :-1]).square().mean(dim=(0, 1))
    lines = steps[BLOCK - 1 :: BLOCK]
    assert abs(float(lines.mean() / steps.mean()) - 1) < 0.05

"""How far two computations of one thing may lie apart, by the type they are computed in.

The values are pictures, latents, sigmas and noise, about 1. A bound that was measured at one recorded case stays there.
"""

import torch

ROUNDED = 1e-6
"""float32, a few operations: filters, blends, sigmas, noise."""

FLOAT32 = 1e-5
"""float32, a network in other tiles, another order, another batch, or a few steps of a sampler."""

SAMPLED = 1e-4
"""float32, many steps, or guidance that is added up in another order."""

BATCHED = 1e-3
"""float32, all steps of both passes in another batch, of single values."""

HALF = 50.0
"""bfloat16 and float16 beside float32: decibels of a picture, at least."""

LEVEL = 1
"""uint8: rounded to the next level."""


def relative(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """L2 distance over the L2 norm of what is expected."""
    assert ours.shape == theirs.shape
    return float((ours.double() - theirs.double()).norm() / theirs.double().norm())


def assert_close(ours: torch.Tensor, theirs: torch.Tensor, tolerance: float) -> None:
    """Every single value, relative to itself and to how widely the values are spread."""
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance * float(theirs.std()))

"""The optimizer of inner convolutions: momentum, made orthogonal before each step (Muon, Jordan et al. 2024)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration that pulls all singular values towards 1; published with the method."""

ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """For weights with two dimensions or more; all but the first are one."""

    def __init__(self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.95) -> None:
        """`lr` is the length of a step in every direction of the matrix."""
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Change the weights by their gradients."""
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                average = state.setdefault("average", torch.zeros_like(weight))
                average.lerp_(weight.grad, 1 - group["momentum"])
                ahead = weight.grad.lerp(average, group["momentum"])
                weight.add_(orthogonal(ahead.flatten(1)).view(weight.shape), alpha=-group["lr"])


def orthogonal(matrix: Tensor) -> Tensor:
    """The matrix with its singular values near 1; it must not be taller than wide by much, for speed only."""
    a, b, c = COEFFICIENTS
    result = matrix / (matrix.norm() + 1e-7)
    for _ in range(ITERATIONS):
        square = result @ result.T
        result = a * result + (b * square + c * square @ square) @ result
    return result

"""The optimizer inside networks: momentum, made orthogonal before each step (Muon, Jordan et al. 2024)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration that pulls all singular values towards 1; published with the method."""

ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """For weights with two dimensions or more; all but the first are one."""

    def __init__(
        self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.95, like_adam: bool = False
    ) -> None:
        """`lr` is the length of a step in every direction of the matrix; `like_adam`: a rate of Adam's size."""
        super().__init__(parameters, {"lr": lr, "momentum": momentum})
        self._like_adam = like_adam

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Change the weights by their gradients."""
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                average = state.setdefault("average", torch.zeros_like(weight))
                average.lerp_(weight.grad, 1 - group["momentum"])
                ahead = weight.grad.lerp(average, group["momentum"])
                matrix = ahead.flatten(1)
                # an orthogonal matrix's numbers are about 1 / sqrt(longer side), Adam's steps about 0.2
                size = 0.2 * max(matrix.shape) ** 0.5 if self._like_adam else 1.0
                weight.add_(orthogonal(matrix).view(weight.shape), alpha=-group["lr"] * size)


def orthogonal(matrix: Tensor) -> Tensor:
    """The matrix with its singular values near 1."""
    a, b, c = COEFFICIENTS
    result = matrix / (matrix.norm() + 1e-7)
    tall = result.shape[0] > result.shape[1]
    if tall:
        result = result.T
    for _ in range(ITERATIONS):
        square = result @ result.T
        result = a * result + (b * square + c * square @ square) @ result
    return result.T if tall else result

"""The optimizer of the UNet: Muon for matrices and convolutions, Adam for the rest."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Muon(torch.optim.Optimizer):
    """Steps along the nearest orthogonal matrix to the momentum; `lr` is comparable with Adam's."""

    def __init__(self, parameters: list[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Change the parameters by their gradients."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                direction = parameter.grad.lerp(state["momentum"], group["momentum"]).flatten(1)
                # an orthogonal matrix's numbers are about 1 / sqrt(longer side), Adam's steps about 0.2
                size = 0.2 * max(direction.shape) ** 0.5
                parameter.add_(orthogonal(direction).view_as(parameter), alpha=-group["lr"] * size)


def orthogonal(matrix: Tensor, rounds: int = 5) -> Tensor:
    """Return about the nearest (semi-)orthogonal matrix, by Newton and Schulz's iteration with a quintic."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = (matrix / (matrix.norm() + 1e-7)).bfloat16()
    turned = x.shape[0] > x.shape[1]
    if turned:
        x = x.T
    for _ in range(rounds):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return (x.T if turned else x).to(matrix.dtype)


def split(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return what Muon steps (weights inside the network) and what Adam does (its ends, norms and biases)."""
    inner, other = [], []
    for name, parameter in model.named_parameters():
        at_an_end = name.startswith(("input_blocks.0.", "out."))
        (inner if parameter.ndim > 1 and not at_an_end else other).append(parameter)
    return inner, other

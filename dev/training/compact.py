"""The network: SRVGGNetCompact, known to spandrel as "Compact", with one fixed slope for negative values."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.25
"""Of every PReLU. A number that float16 holds exactly, not learnt: a training step on a CPU takes half as long."""

LAST_SCALE = 0.1
"""How small the last convolution starts: the network begins as the nearest-neighbour enlargement."""


class Compact(nn.Module):
    """Convolutions at the size of the input; what comes out is added to the nearest-neighbour enlargement."""

    def __init__(self, features: int, convolutions: int, scale: int) -> None:
        """Fill the network by torch's global generator; `convolutions` lie between the first and the last one."""
        super().__init__()
        self.scale = scale
        widths = [3, *[features] * (convolutions + 1), 3 * scale**2]
        # the numbers between belong to the PReLUs, see `published`
        self.body = nn.ModuleDict(
            {str(2 * i): nn.Conv2d(widths[i], widths[i + 1], 3, 1, 1) for i in range(len(widths) - 1)}
        )
        for layer in self.body.values():
            nn.init.kaiming_normal_(layer.weight, a=SLOPE)
            nn.init.zeros_(layer.bias)
        with torch.no_grad():
            layer.weight.mul_(LAST_SCALE)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, H, W) in [0, 1] to (N, 3, H * scale, W * scale), not clamped, in float32."""
        *inner, last = self.body.values()
        features = pixels
        for layer in inner:
            features = F.leaky_relu(layer(features), SLOPE, inplace=True)
        enlarged = F.pixel_shuffle(last(features).float(), self.scale)
        return enlarged + F.interpolate(pixels, scale_factor=self.scale, mode="nearest")

    def inner_weights(self) -> list[Tensor]:
        """The weights of all convolutions but the first and the last one."""
        return [layer.weight for layer in list(self.body.values())[1:-1]]

    def published(self) -> dict[str, Tensor]:
        """The weights under the architecture's own names, in float16 and with the slopes of the PReLUs."""
        weights = dict(self.state_dict())
        for i in range(len(self.body) - 1):
            features = weights[f"body.{2 * i}.bias"].shape[0]
            weights[f"body.{2 * i + 1}.weight"] = torch.full((features,), SLOPE)
        return {key: value.detach().to("cpu", torch.float16).contiguous() for key, value in weights.items()}

"""Weights for a network that somebody else's class has laid out: seeded, and lively enough to be worth a test.

A network as its class makes it does nearly nothing: attention is uniform, residual branches are multiplied by zero,
results lie around one value. Here every layer keeps the size of its signal, and the last one is scaled so that the
results use the range 0 to 1 without leaving it. A mistake at the edge of a tile then shows.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from ...demo.weights import uniform

_LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)

GAIN = 0.7
"""Torch's own is 0.6. From 1 on, networks that multiply their signals are chaotic: not even float32 settles them."""

SPREAD = 0.15
"""Standard deviation of what the last layer adds to the result; 0.5 is its mean."""


def enliven(network: nn.Module, seed: int, channels: int = 3, gain: float = GAIN) -> nn.Module:
    """Give every layer random weights, then settle the range of the result.

    Args:
        network: an image-to-image network; changed in place, and in evaluation mode afterwards.
        seed: of the weights, which depend on the names of the layers, too.
        channels: how many the network itself takes, `(1, channels, H, W)`.
        gain: what one layer does to the size of a signal, where nothing else does.
    """
    network.eval()
    with torch.no_grad():
        for name, module in network.named_modules():
            if isinstance(module, _LAYERS) and module.weight.numel():
                fan_in = module.weight[0].numel()
                if isinstance(module, nn.ConvTranspose2d):
                    fan_in = module.weight[:, 0].numel() // math.prod(module.stride)
                _draw(module.weight, seed, f"{name}.weight", gain / math.sqrt(fan_in))
                if module.bias is not None:
                    _draw(module.bias, seed, f"{name}.bias", 0.02)
        for name, parameter in network.named_parameters():
            if not parameter.any() and not name.endswith("bias"):  # a branch that is switched off
                _draw(parameter, seed, name, 0.1)
        _settle(network, channels)
    return network


def smooth_picture(height: int, width: int, channels: int = 3, batch: int = 1) -> torch.Tensor:
    """Overlaid waves and two hard edges, `(batch, channels, height, width)` in 0.05 to 0.95; every picture differs.

    Neighbouring pixels are alike nearly everywhere, so that a seam stands out.
    """
    y = torch.arange(height, dtype=torch.float32)[:, None]
    x = torch.arange(width, dtype=torch.float32)[None, :]
    planes = []
    for index in range(batch * channels):
        waves = torch.sin(x / (9 + 2 * index) + y / 23 + index) + torch.sin(y / (11 + index) - x / 37 + 2 * index)
        edges = ((x + y / 3) % 61 < 20).float() - ((y - x / 5) % 47 < 9).float()
        planes.append(0.5 + 0.15 * waves + 0.075 * edges)
    return torch.stack(planes).clamp(0.05, 0.95).reshape(batch, channels, height, width)


def _draw(parameter: torch.Tensor, seed: int, name: str, std: float) -> None:
    parameter.copy_(torch.from_numpy(uniform(seed, name, tuple(parameter.shape), std)))


def _settle(network: nn.Module, channels: int) -> None:
    picture = smooth_picture(48, 48, channels)
    ran: list[tuple[nn.Module, torch.Tensor]] = []
    hooks = [
        module.register_forward_hook(lambda module, given, _: ran.append((module, given[0])))
        for module in network.modules()
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d))
    ]
    whole = _run(network, picture)
    for hook in hooks:
        hook.remove()
    layer, given = ran[-1]
    weight, bias = layer.weight, layer.bias
    drawn = weight.clone()
    weight.zero_()
    if bias is not None:
        bias.zero_()
    weight.copy_(drawn * (SPREAD / (whole - _run(network, picture)).std()))
    at_zero = _run(network, picture).mean()
    if bias is None:
        # what the layer gets on average then gives the mean that is missing
        usual = given.mean((0, 2, 3))
        weight[:, :, weight.shape[2] // 2, weight.shape[3] // 2] += (0.5 - at_zero) * usual / usual.square().sum()
    else:
        # some networks compute in another range than 0 to 1, so what the bias is worth is measured
        bias.fill_(1.0)
        bias.fill_(float((0.5 - at_zero) / (_run(network, picture).mean() - at_zero)))


def _run(network: nn.Module, picture: torch.Tensor) -> torch.Tensor:
    result = network(picture.clone())
    return result[0] if isinstance(result, tuple) else result

"""Small seeded upscalers, and modules that behave in a way that a test needs, as upscalers."""

from __future__ import annotations

import torch
from spandrel import Architecture, ImageModelDescriptor
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.SPAN import SPAN
from spandrel.architectures.SwinIR import SwinIR

from ...upscale_models import ModelUpscaler, from_descriptor, from_state_dict

CONVOLUTIONS = 2
"""In the body of `compact`; it sees two pixels more."""


def compact(scale: int = 2, channels: int = 3, seed: int = 0, features: int = 8) -> ModelUpscaler:
    """A network of convolutions alone."""
    torch.manual_seed(seed)
    network = Compact(num_in_ch=channels, num_out_ch=channels, num_feat=features, num_conv=CONVOLUTIONS, upscale=scale)
    return from_state_dict(f"compact-{scale}x", network.state_dict())


def esrgan(scale: int, shuffle: int | None = None) -> ModelUpscaler:
    """One dense block; `shuffle` pixels a side are one for the network."""
    torch.manual_seed(1)
    channels = 3 * shuffle**2 if shuffle else 3
    network = ESRGAN(
        in_nc=channels, out_nc=3, num_filters=8, num_blocks=1, scale=scale * (shuffle or 1), shuffle_factor=shuffle
    )
    return from_state_dict(f"esrgan-{scale}x", network.state_dict())


def span() -> ModelUpscaler:
    """Convolutions and a product."""
    torch.manual_seed(2)
    return from_state_dict("span", SPAN(num_in_ch=3, num_out_ch=3, feature_channels=8, upscale=2).state_dict())


def swinir() -> ModelUpscaler:
    """Attention in windows of 8 pixels."""
    torch.manual_seed(3)
    network = SwinIR(
        img_size=16, depths=[1], embed_dim=12, num_heads=[2], window_size=8, mlp_ratio=2, upscale=2,
        upsampler="pixelshuffledirect",
    )  # fmt: skip
    return from_state_dict("swinir", network.state_dict())


class Weighted(torch.nn.Module):
    """A module with a weight, without which nobody knows its number format and device."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))


class Nearest(Weighted):
    """Repeats pixels."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return torch.nn.functional.interpolate(x, scale_factor=self.scale, mode="nearest")


class Overwriting(Weighted):
    """A restoration network that works in place, as some do."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return x.mul_(0.5)


class _Unknown(Architecture[torch.nn.Module]):
    def load(self, state_dict: dict) -> ImageModelDescriptor[torch.nn.Module]:
        raise AssertionError("these descriptors are made of modules, never loaded")


def descriptor_of(
    module: torch.nn.Module, scale: int = 1, channels: int = 3, exact: bool = True, bfloat16: bool = True
) -> ImageModelDescriptor[torch.nn.Module]:
    """What a loader returns; `exact` for an architecture of convolutions, else for one that nothing is known of."""
    architecture = compact().descriptor.architecture if exact else _Unknown(id="Unknown", detect=lambda _: False)
    return ImageModelDescriptor(
        module, module.state_dict(), architecture, "Restoration" if scale == 1 else "SR", [],
        supports_half=True, supports_bfloat16=bfloat16, scale=scale, input_channels=channels, output_channels=channels,
    )  # fmt: skip


def upscaler_of(
    module: torch.nn.Module, scale: int = 1, channels: int = 3, exact: bool = True, bfloat16: bool = True
) -> ModelUpscaler:
    """See `descriptor_of`."""
    return from_descriptor(descriptor_of(module, scale, channels, exact, bfloat16))


def image(width: int, height: int, channels: int = 3, batch: int = 1) -> torch.Tensor:
    """Noise `(batch, height, width, channels)`."""
    return torch.rand(batch, height, width, channels, generator=torch.Generator().manual_seed(5))


def untiled(upscaler: ModelUpscaler, pixels: torch.Tensor) -> torch.Tensor:
    """The bare model on the whole picture."""
    with torch.no_grad():
        return torch.cat([upscaler.descriptor(one[None].movedim(-1, 1)).movedim(1, -1) for one in pixels])

"""What a batch of pictures and its size have to be."""

from __future__ import annotations

import torch

from ..errors import InputError


def check_image(image: torch.Tensor, input_name: str | None = None) -> None:
    """Refuse (InputError) what is not a batch of pictures: wrong rank or channels, empty, integer, or not finite."""
    shape = tuple(image.shape)
    if image.ndim != 4:
        raise InputError(
            f"an image must be (batch, height, width, channels), but this tensor has shape {shape}. "
            "Connect an IMAGE output.",
            input_name,
        )
    if 0 in shape:
        raise InputError(f"the image is empty: shape {shape}. Check the node that made it.", input_name)
    if not image.is_floating_point():
        raise InputError(
            f"an image must hold floating point values in 0..1, but this one is {image.dtype}. "
            "Divide 8-bit values by 255 first.",
            input_name,
        )
    finite = torch.isfinite(image)
    if not finite.all():
        index, row, column, channel = (~finite).nonzero()[0].tolist()
        raise InputError(
            f"{int((~finite).sum())} of {image.numel()} values of the incoming image are NaN or infinite, the first in "
            f"image {index} at x={column}, y={row}, channel {channel}. They were there before the upscaling: "
            "look at the node that made the image (often a VAE in half precision).",
            input_name,
        )
    check_channels(shape[-1], input_name)


def check_channels(channels: int, input_name: str | None = None) -> None:
    """Refuse (InputError) what is not grey or RGB, with or without alpha."""
    if not 1 <= channels <= 4:
        raise InputError(f"an image has 1 to 4 channels, but this one has {channels}.", input_name)


def check_size(width: int, height: int) -> None:
    """Refuse (InputError) a target without pixels."""
    if width < 1 or height < 1:
        raise InputError(f"the target size must be at least 1x1 pixels, but {width}x{height} was asked for.")

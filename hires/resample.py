"""Exact-size resampling of pictures in float precision, with Pillow's filters."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from .errors import InputError


def lanczos(image: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Resize with Pillow's LANCZOS (three lobes, widened when shrinking), channel by channel in float32.

    Across first, then down, overshoot clamped after each: so Pillow 9.5 resizes 8-bit pictures, and this is A1111's
    resize within 1/255, without its rounding. (Newer Pillows choose which axis goes first by the size.)

    Args:
        image: `(B, H, W, C)`, floating point, values in [0, 1].
        width: pixels, at least 1.
        height: pixels, at least 1.

    Returns:
        `(B, height, width, C)` in [0, 1], dtype and device of `image`.

    Raises:
        InputError: size below 1, or a picture that `check_image` refuses.
    """
    return _resize(image, width, height, Image.Resampling.LANCZOS)


def nearest(image: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Resize with Pillow's NEAREST (the source pixel under each target pixel's centre); else as `lanczos`."""
    return _resize(image, width, height, Image.Resampling.NEAREST)


def check_image(image: torch.Tensor) -> None:
    """Refuse (InputError) what is not a batch of pictures: wrong rank, empty, integer, or not finite."""
    shape = tuple(image.shape)
    if image.ndim != 4:
        raise InputError(
            f"an image must be (batch, height, width, channels), but this tensor has shape {shape}. "
            "Connect an IMAGE output."
        )
    if 0 in shape:
        raise InputError(f"the image is empty: shape {shape}. Check the node that made it.")
    if not image.is_floating_point():
        raise InputError(
            f"an image must hold floating point values in 0..1, but this one is {image.dtype}. "
            "Divide 8-bit values by 255 first."
        )
    finite = torch.isfinite(image)
    if not finite.all():
        index, row, column, channel = (~finite).nonzero()[0].tolist()
        raise InputError(
            f"{int((~finite).sum())} of {image.numel()} values of the incoming image are NaN or infinite, the first in "
            f"image {index} at x={column}, y={row}, channel {channel}. They were there before the upscaling: "
            "look at the node that made the image (often a VAE in half precision)."
        )


def check_size(width: int, height: int) -> None:
    """Refuse (InputError) a target without pixels."""
    if width < 1 or height < 1:
        raise InputError(f"the target size must be at least 1x1 pixels, but {width}x{height} was asked for.")


def _resize(image: torch.Tensor, width: int, height: int, method: Image.Resampling) -> torch.Tensor:
    check_image(image)
    check_size(width, height)
    source = image.detach().to("cpu", torch.float32).numpy()
    batch, _, _, channels = source.shape
    result = np.empty((batch, height, width, channels), np.float32)
    for index in range(batch):
        for channel in range(channels):
            # float32 planes become Pillow's mode "F", which is not quantised to 8 bits
            plane = Image.fromarray(np.ascontiguousarray(source[index, :, :, channel]))
            across = np.asarray(plane.resize((width, plane.height), method)).clip(0, 1)
            result[index, :, :, channel] = Image.fromarray(across).resize((width, height), method)
    return torch.from_numpy(result).clamp_(0, 1).to(image.device, image.dtype)

"""Exact-size resampling of pictures with Pillow's filters: in float precision, and in A1111's 8 bits."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from ..errors import InputError

_PREMULTIPLIED = {"LA": "La", "RGBA": "RGBa"}


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


def to_8_bit(image: torch.Tensor) -> list[Image.Image]:
    """Turn float pictures into Pillow's, as A1111 does between decoding and upscaling: cut off, not rounded.

    Pictures that were 8 bit before (value / 255) come back unchanged. Alpha is rounded: no VAE makes it, and core's
    masks store it as 1 minus itself, which costs the last bit.

    Args:
        image: `(B, H, W, C)` that passes `check_image`, C 1 to 4 (grey, grey and alpha, RGB, RGB and alpha); values
            outside [0, 1] are clamped.

    Returns:
        B pictures of mode L, LA, RGB or RGBA.
    """
    scaled = image.detach().to("cpu", torch.float32).clamp(0, 1) * 255
    if image.shape[-1] in (2, 4):
        scaled[..., -1].round_()
    levels = scaled.to(torch.uint8).numpy()
    return [Image.fromarray(np.ascontiguousarray(one[..., 0] if one.shape[-1] == 1 else one)) for one in levels]


def from_8_bit(pictures: list[Image.Image]) -> torch.Tensor:
    """Stack Pillow's pictures of one size and mode to `(B, H, W, C)` float32, level / 255."""
    levels = np.stack([np.asarray(picture) for picture in pictures])
    return torch.from_numpy(levels.reshape(*levels.shape[:3], -1)).to(torch.float32).div_(255)


def lanczos_8_bit(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Resize with LANCZOS exactly as Pillow 9.5, which A1111 uses.

    Across first, then down, rounded to 8 bits after each; colours are premultiplied by alpha before and divided by it
    after. (Newer Pillows do the same but may start with the other axis.)

    Args:
        picture: mode L, LA, RGB or RGBA.
        width: pixels, at least 1.
        height: pixels, at least 1.

    Raises:
        InputError: size below 1.
    """
    check_size(width, height)
    if picture.size == (width, height):
        return picture
    result = picture.convert(_PREMULTIPLIED[picture.mode]) if picture.mode in _PREMULTIPLIED else picture
    for size in ((width, picture.height), (width, height)):
        result = result.resize(size, Image.Resampling.LANCZOS)
    return result.convert(picture.mode)


def nearest_8_bit(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Resize with NEAREST; else as `lanczos_8_bit`."""
    check_size(width, height)
    return picture.resize((width, height), Image.Resampling.NEAREST)


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

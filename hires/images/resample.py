"""Pictures in 8 bits: from numbers and back, and resized exactly as A1111 does."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from .checks import check_size

_PREMULTIPLIED = {"LA": "La", "RGBA": "RGBa"}


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


def on_white_8_bit(picture: Image.Image) -> Image.Image:
    """Lay a picture of mode L, LA, RGB or RGBA over white, as A1111's img2img does: RGB, in 8 bits."""
    if picture.mode not in ("LA", "RGBA"):
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture.convert("RGB"), mask=picture.getchannel("A"))
    return white


def lanczos_8_bit(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Resize with LANCZOS exactly as Pillow 9.5, which A1111 uses.

    Across first, then down, rounded to 8 bits after each; colours are premultiplied by alpha before and divided by it
    after. (Newer Pillows do the same but may start with the other axis.)

    The picture's mode is L, LA, RGB or RGBA. Raises InputError for a side below 1 pixel.
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

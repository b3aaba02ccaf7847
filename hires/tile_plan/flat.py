"""Which tiles of a picture have nothing in them that a redraw could do better."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from ..tiles.boxes import Box

_BLOCK = 16
"""Pixels a side of what is looked at as one: within it, a sky's gradient is nothing and a bird is something."""

_LUMA = (0.2126, 0.7152, 0.0722)


def detail(image: torch.Tensor, box: Box) -> float:
    """Return how much there is to see in a part of pictures: the largest deviation from the mean within a block.

    Args:
        image: `(B, H, W, C)`, 0 to 1, grey or colours, with or without alpha; the picture with most detail counts.
        box: what part.

    Returns:
        The standard deviation of the luma in that block of 16x16 pixels that has most of it, in 1/255: 0 is one
        colour, noise of a camera 1 to 3, anything with edges above 10.
    """
    part = image[:, box.y0 : box.y1, box.x0 : box.x1].float()
    weights = part.new_tensor(_LUMA)
    luma = (part[..., :3] * weights).sum(-1) if part.shape[-1] > 2 else part[..., 0]
    luma = (luma - luma.mean(dim=(1, 2), keepdim=True))[:, None].double()
    size = (min(_BLOCK, box.height), min(_BLOCK, box.width))
    # every second block overlaps two others, so that no edge lies between all of them; the last ones end with the part
    values = luma
    for dim, side in ((-2, size[0]), (-1, size[1])):
        short = -(luma.shape[dim] - side) % max(1, side // 2)
        if short:
            pad = (0, 0, 0, short) if dim == -2 else (0, short, 0, 0)
            values = F.pad(values, pad, mode="replicate")
    stride = (max(1, size[0] // 2), max(1, size[1] // 2))
    mean, square = (F.avg_pool2d(one, size, stride) for one in (values, values**2))
    return float((square - mean**2).clamp_min(0).max().sqrt()) * 255


def flat_tiles(image: torch.Tensor, tiles: Sequence[Box], threshold: float) -> list[tuple[int, float]]:
    """Return the tiles with less detail than `threshold`, and what they have; see `detail`. At 0 there are none."""
    found = [(number, detail(image, box)) for number, box in enumerate(tiles)] if threshold > 0 else []
    return [(number, value) for number, value in found if value < threshold]

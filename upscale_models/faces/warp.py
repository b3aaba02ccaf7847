"""Resampling a part of a picture through a similarity."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from ...hires.tiles.boxes import Box
from .alignment import Similarity

EDGE = 3

_SAMPLES_AT_ONCE = 1 << 22


def warp(
    pixels: torch.Tensor, to_source: Similarity, box: Box, outside: tuple[float, ...] | None = None
) -> torch.Tensor:
    """Make the pixels of `box` of a turned picture.

    Bicubic. Where the result is smaller than the source, the mean over each of its pixels is taken (as many samples a
    side as source pixels fall into it), so that nothing aliases.

    Args:
        pixels: `(H, W, C)` float32 in [0, 1], not empty.
        to_source: from positions in the result to positions in `pixels`.
        box: which part of the result.
        outside: colour around `pixels`, C values. Default: its edge goes on. Here, too, it goes on for `EDGE` pixels
            of the result, so that the colour does not bleed into the picture when the result is turned back.

    Returns:
        `(box.height, box.width, C)` in [0, 1], on the device of `pixels`.
    """
    height, width, channels = pixels.shape
    source = pixels.permute(2, 0, 1)[None]
    edge = EDGE * to_source.scale
    samples = max(1, math.ceil(to_source.scale - 1e-6))
    rows = max(1, _SAMPLES_AT_ONCE // (box.width * samples * samples))
    result = pixels.new_empty((box.height, box.width, channels))
    x = _positions(box.x0, box.x1, samples, pixels.device)
    for top in range(box.y0, box.y1, rows):
        bottom = min(top + rows, box.y1)
        y = _positions(top, bottom, samples, pixels.device)[:, None]
        turn, shift = to_source.turn, to_source.shift
        source_x = turn.real * x - turn.imag * y + shift.real
        source_y = turn.imag * x + turn.real * y + shift.imag
        grid = torch.stack((source_x * (2 / width) - 1, source_y * (2 / height) - 1), dim=-1)[None]
        sampled = F.grid_sample(source, grid, mode="bicubic", padding_mode="border", align_corners=False)[0]
        if outside is not None:
            near = (source_x > -edge) & (source_x < width + edge) & (source_y > -edge) & (source_y < height + edge)
            sampled = torch.where(near, sampled, sampled.new_tensor(outside)[:, None, None])
        means = F.avg_pool2d(sampled, samples).clamp_(0, 1)
        result[top - box.y0 : bottom - box.y0] = means.permute(1, 2, 0)
    return result


def _positions(start: int, stop: int, samples: int, device: torch.device) -> torch.Tensor:
    """`samples` evenly spread positions in each pixel."""
    return start + (torch.arange((stop - start) * samples, device=device, dtype=torch.float32) + 0.5) / samples

"""Latent upscale: A1111's six modes."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ..sampling.menus import LATENT_MODES
from .image_sizes import SizeError, TargetSize


def upscale_latent(samples: torch.Tensor, target: TargetSize, mode: str) -> torch.Tensor:
    """Enlarge latents to the target and cut them to it.

    Args:
        samples: `(B, C, h, w)` or `(B, C, T, h, w)` of any value range; the frames of a clip are resized alike.
        target: from `target_size` for the same source size.
        mode: a key of `menus.LATENT_MODES`.

    Returns:
        `(B, C, [T,] H, W)` with `(W, H) == target.latent_size`, same dtype.

    Raises:
        SizeError: the latent is not of the size that the target was worked out for.
        KeyError: unknown mode.
    """
    check_latent_size(samples, target)
    interpolation, antialias = LATENT_MODES[mode]
    frames = samples.movedim(2, 1).flatten(0, 1) if samples.ndim == 5 else samples
    size = (target.up_height // target.cell, target.up_width // target.cell)
    up = F.interpolate(frames, size=size, mode=interpolation, antialias=antialias)
    if samples.ndim == 5:
        up = up.unflatten(0, (samples.shape[0], samples.shape[2])).movedim(1, 2)
    return crop_latent(up, target)


def crop_latent(samples: torch.Tensor, target: TargetSize) -> torch.Tensor:
    """Cut the whole cells off that the target asks for; works on anything whose last two axes are cells."""
    x0, y0, x1, y1 = target.crop_window(samples.shape[-1], samples.shape[-2])
    return samples[..., y0:y1, x0:x1].contiguous()


def check_latent_size(samples: torch.Tensor, target: TargetSize) -> None:
    """Refuse a latent of another size than the target was worked out for (SizeError)."""
    width, height = samples.shape[-1], samples.shape[-2]
    expected = (target.source_width // target.cell, target.source_height // target.cell)
    if (width, height) != expected:
        raise SizeError(
            f"the target was worked out for a first pass of {target.source_width}x{target.source_height} pixels "
            f"({expected[0]}x{expected[1]} latent cells of {target.cell}), but the latent has {width}x{height} cells. "
            "Give Target Size the width and height of the first pass, or connect its latent and the VAE."
        )

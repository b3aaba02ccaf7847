"""Pixel upscaling between the passes, and of pictures on their own."""

from __future__ import annotations

from typing import Any

import torch

from ..hires.errors import InputError
from ..hires.sizes import TargetSize, image_size
from ..upscale_models import TileSettings, upscale_to
from .codec import check_target, decode, encode
from .latents import Latent
from .memory import HostRuntime
from .upscalers import as_upscaler


def upscale_latent_as_pixels(
    latent: Latent, vae: Any, upscaler: Any, target: TargetSize, tiles: TileSettings, vae_tile: int
) -> tuple[Latent, torch.Tensor]:
    """Decode, upscale to the exact size, encode, crop.

    Returns:
        The LATENT of the target's size, and the pictures `(B, H, W, C)` that it holds, 0 to 1, also of that size;
        the frames of a clip follow one another.

    Raises:
        InputError: of the latent, the VAE, the upscaler or the target; see the functions this calls.
    """
    check_target(vae, latent, target)
    chosen = as_upscaler(upscaler)
    decoded = decode(vae, latent, vae_tile)
    frames = decoded.flatten(0, -4)
    large = upscale_to(frames, chosen, target.up_width, target.up_height, tiles, HostRuntime())
    out = encode(vae, large.unflatten(0, decoded.shape[:-3]), latent, target, vae_tile)
    x0, y0, x1, y1 = (
        cells * target.cell
        for cells in target.crop_window(target.up_width // target.cell, target.up_height // target.cell)
    )
    return out, large[:, y0:y1, x0:x1].contiguous()


def upscale_image(
    image: torch.Tensor, upscaler: Any, resize: float | tuple[int, int], crop: bool, tiles: TileSettings
) -> torch.Tensor:
    """Bring pictures to an exact size with an upscaler, without a diffusion model.

    Args:
        image: `(B, H, W, C)`, 0 to 1; grey, RGB, both with or without alpha.
        upscaler: see `as_upscaler`.
        resize: a factor for both sides, or the width and height to reach.
        crop: with a width and height: cut off what is too much around the centre. Without it the whole picture is
            kept, and one side can come out larger than asked.
        tiles: for models.

    Raises:
        InputError: of the image, the size or the upscaler.
    """
    if not isinstance(image, torch.Tensor) or image.ndim != 4 or 0 in image.shape:
        found = tuple(image.shape) if isinstance(image, torch.Tensor) else type(image).__name__
        raise InputError(f"expected pictures of shape (batch, height, width, channels), found {found}.", "image")
    plan = image_size(image.shape[2], image.shape[1], resize, crop)
    large = upscale_to(image, as_upscaler(upscaler), plan.up_width, plan.up_height, tiles, HostRuntime())
    x, y = (plan.up_width - plan.width) // 2, (plan.up_height - plan.height) // 2
    return large[:, y : y + plan.height, x : x + plan.width].contiguous()

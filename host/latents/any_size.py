"""Pictures of any size, with or without transparency, through a VAE that knows whole cells and colours only."""

from __future__ import annotations

from typing import Any

import comfy.model_management
import torch
import torch.nn.functional as F

from ...hires import memory
from ...hires.errors import InputError
from ...hires.images.checks import check_image
from ..memory import check_memory
from .codec import cancellable, cell_of, decode, fit_to_vae
from .latents import Latent
from .posterior import encode_posterior, has_posterior
from .tiled_vae import encode_picture


def encode_any_size(vae: Any, image: torch.Tensor) -> Latent:
    """Encode every picture on its own; its last row and column are repeated up to whole latent cells.

    `image`: `(B, H, W, C)`, 0 to 1; grey becomes RGB, transparency is left out.

    Raises:
        InputError: see `check_image`.
    """
    check_image(image)
    colours = image[..., :3] if image.shape[-1] > 2 else image[..., :1].expand(-1, -1, -1, 3)
    cell = cell_of(vae)
    beyond = (0, -image.shape[2] % cell, 0, -image.shape[1] % cell)
    width, height = image.shape[2] + beyond[1], image.shape[1] + beyond[3]
    cells = (width // cell, height // cell)
    # a copy of one picture, and all latents, one by one and then together
    needed = memory.pictures((width, height)) + 2 * memory.pictures(cells, len(image), vae.latent_channels)
    check_memory(f"{len(image)} pictures of {image.shape[2]}x{image.shape[1]} pixels become latents", needed, "image")
    encoded = []
    for picture in colours:
        padded = F.pad(picture.movedim(-1, 0), beyond, mode="replicate").movedim(0, -1)
        with cancellable(vae):
            encoded.append(encode_picture(vae, padded[None].contiguous()))
        comfy.model_management.throw_exception_if_processing_interrupted()
    return {"samples": torch.cat(encoded)}


def encode_any_size_as_a1111(vae: Any, image: torch.Tensor, generator: torch.Generator | None) -> Latent:
    """Do what `encode_any_size` does, with A1111's numbers: what fills no whole latent cell is seen, but not kept.

    The random part of every picture is drawn from `generator`, on the CPU; None takes the mean. A VAE without a
    distribution encodes as in `encode_any_size`. Raises InputError.
    """
    check_image(image)
    if not has_posterior(vae):
        return encode_any_size(vae, image)
    colours = image[..., :3] if image.shape[-1] > 2 else image[..., :1].expand(-1, -1, -1, 3)
    cell = cell_of(vae)
    if min(image.shape[1:3]) < cell:
        raise InputError(
            f"the pictures have {image.shape[2]}x{image.shape[1]} pixels, less than one latent cell of {cell}. Enlarge "
            "them first.",
            "image",
        )
    cells = image.shape[2] // cell, image.shape[1] // cell
    needed = memory.pictures((image.shape[2], image.shape[1])) + 2 * memory.pictures(
        cells, len(image), vae.latent_channels
    )
    check_memory(f"{len(image)} pictures of {image.shape[2]}x{image.shape[1]} pixels become latents", needed, "image")
    encoded = []
    for picture in colours:
        with cancellable(vae):
            encoded.append(encode_posterior(vae, picture[None], generator))
        comfy.model_management.throw_exception_if_processing_interrupted()
    return {"samples": torch.cat(encoded)}


def decode_to_size(vae: Any, latent: Latent, image: torch.Tensor) -> torch.Tensor:
    """Undo `encode_any_size`, whether the latent was sampled in between or not.

    `image`, the pictures that it was made from, gives size and transparency: the result is `(B, H, W, 3)`, or 4
    channels if they are transparent, 0 to 1.

    Raises:
        InputError: the latent holds other pictures than that; see also `decode`.
    """
    check_image(image)
    batch, height, width, channels = image.shape
    cell = cell_of(vae)
    samples = fit_to_vae(vae, latent)
    large = samples.shape[-1] * cell, samples.shape[-2] * cell
    needed = memory.pictures(large, len(samples)) + memory.pictures(
        (width, height), batch, 4 if channels in (2, 4) else 3
    )
    check_memory(f"{len(samples)} latents become pictures of {large[0]}x{large[1]} pixels", needed, "latent")
    frames = decode(vae, latent).flatten(0, -4)
    expected = (batch, height + -height % cell, width + -width % cell)
    if frames.shape[:3] != expected:
        raise InputError(
            f"{frames.shape[0]} pictures of {frames.shape[2]}x{frames.shape[1]} pixels do not belong to "
            f"{batch} of {width}x{height}, which take {expected[2]}x{expected[1]}. "
            "Connect the pictures that the latent was encoded from.",
            "image",
        )
    colours = frames[:, :height, :width]
    if channels in (2, 4):
        colours = torch.cat([colours, image[..., -1:].to(colours)], dim=-1)
    return colours.contiguous()

"""Pixel upscaling between the passes."""

from __future__ import annotations

from typing import Any

import torch

from ...hires.errors import InputError
from ...hires.images.checks import check_image
from ...hires.images.resample import from_8_bit, to_8_bit
from ...hires.plan.between_passes import PixelUpscaleRequest
from ...hires.plan.upscale import Numbers, UpscalePlan
from ...hires.sizes.image_sizes import Size, TargetSize
from ...upscale_models import Upscaler, draw_as_if_loading, resize_pictures, upscale_to
from ..ending import StageLeftError, may_be_left
from ..latents.codec import cell_of, check_target, check_tile, decode, encode, encode_as_a1111
from ..latents.latents import Latent, finite_samples_of, samples_of
from ..latents.posterior import posterior_generator
from ..memory import check_memory
from .pictures import becomes
from .runtime import HostRuntime


def upscale_latent_as_pixels(
    latent: Latent,
    vae: Any,
    request: PixelUpscaleRequest[Upscaler],
    vae_tile: int,
    noise: Any = None,
    image: torch.Tensor | None = None,
) -> tuple[Latent, torch.Tensor | None]:
    """Decode, upscale to the exact size, encode, crop.

    Args:
        latent: the result of the first pass.
        vae_tile: see `decode`.
        noise: with A1111's numbers: the NOISE object of the passes, whose seeds also decide the random part of the
            encoding; None takes the mean.
        image: `(B, H, W, C)`, 0 to 1: take these pictures, one for every picture of `latent`, instead of decoding.
            With A1111's numbers they may have any size, and values up to 63 of 255 get one level darker, as there.

    Returns:
        The LATENT of the target's size, and the pictures `(B, H, W, C)` that it holds, 0 to 1, also of that size;
        the frames of a clip follow one another.
        Of a run that ends early: `latent`, and the pictures if they were given.

    Raises:
        InputError: of the latent, the VAE, the upscaler, the image or the target; see the functions this calls.
    """
    try:
        with may_be_left():
            return _enlarged(latent, vae, request, vae_tile, noise, image)
    except StageLeftError:
        return latent, image


def _enlarged(
    latent: Latent,
    vae: Any,
    request: PixelUpscaleRequest[Upscaler],
    vae_tile: int,
    noise: Any,
    image: torch.Tensor | None,
) -> tuple[Latent, torch.Tensor]:
    target = request.target
    check_target(vae, latent, target)
    samples = samples_of(latent)
    check_tile(vae, vae_tile)
    _plan_with_room(request, target.source, samples.shape[0])
    if image is None:
        decoded = decode(vae, latent, vae_tile)
    else:
        decoded = _in_place_of_decoded(image, vae, latent, target, request.numbers)
    frames = decoded.flatten(0, -4)
    plan = _plan_with_room(request, (frames.shape[2], frames.shape[1]), len(frames))
    upscaler, runtime = request.upscaler, HostRuntime()
    if request.numbers == "A1111":
        large = from_8_bit(resize_pictures(to_8_bit(frames), upscaler, *plan.up, request.tiles, runtime))
        large = large.to(runtime.output_device)
        generator = posterior_generator(noise, latent)
        if generator is not None:
            draw_as_if_loading(generator, upscaler, plan.source, plan.up, len(frames))
        out = encode_as_a1111(vae, large.unflatten(0, decoded.shape[:-3]), latent, target, generator, vae_tile)
    else:
        large = upscale_to(frames, upscaler, *plan.up, request.tiles, runtime)
        out = encode(vae, large.unflatten(0, decoded.shape[:-3]), latent, target, vae_tile)
    cells = target.crop_window(plan.up[0] // target.cell, plan.up[1] // target.cell)
    x0, y0, x1, y1 = (side * target.cell for side in cells)
    return out, large[:, y0:y1, x0:x1].contiguous()


def _plan_with_room(request: PixelUpscaleRequest[Upscaler], source: Size, count: int) -> UpscalePlan[Upscaler]:
    """Plan, and refuse (InputError) pictures that the way through pixels leaves no room for."""
    plan = request.plan(source, count)
    check_memory(becomes(count, source, plan.up), plan.needed, "target")
    return plan


def _in_place_of_decoded(
    image: torch.Tensor, vae: Any, latent: Latent, target: TargetSize, numbers: Numbers
) -> torch.Tensor:
    """Bring given pictures into the form of decoded ones, `(B, [T,] H, W, C)`."""
    check_image(image, "image")
    samples = finite_samples_of(latent)
    batch = samples.shape[0]
    if image.shape[0] % batch or (samples.ndim == 4 and image.shape[0] != batch):
        raise InputError(
            f"there are {image.shape[0]} pictures for a latent of {batch}. Connect a latent with one for each: "
            "encode these pictures, or set the batch size of the empty latent.",
            "image",
        )
    if numbers == "A1111":
        # A1111 takes its way through -1..1, which float32 does not survive unharmed
        image = (image.to(torch.float32).mul(2).sub(1).add(1) / 2).clamp(0, 1)
    elif (image.shape[2] // cell_of(vae), image.shape[1] // cell_of(vae)) != samples.shape[:-3:-1]:
        raise InputError(
            f"the pictures have {image.shape[2]}x{image.shape[1]} pixels, but the target was worked out for "
            f"{target.source_width}x{target.source_height}. Give Target Size the width and height of the pictures.",
            "image",
        )
    image = image[..., :3] if image.shape[-1] > 2 else image[..., :1].expand(-1, -1, -1, 3)
    return image if samples.ndim == 4 else image.unflatten(0, (batch, -1))

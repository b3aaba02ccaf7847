"""Pixel upscaling between the passes, and of pictures on their own."""

from __future__ import annotations

from typing import Any, Literal

import torch

from ...hires import memory
from ...hires.errors import InputError
from ...hires.images.resample import check_image, from_8_bit, to_8_bit
from ...hires.sizes.image_sizes import ImageSize, TargetSize, image_size
from ...hires.tiles.boxes import Box
from ...upscale_models import (
    TileSettings,
    Upscaler,
    draw_as_if_loading,
    enlarged_size,
    extras_size,
    is_none,
    resize_pictures,
    runs_as_a1111,
    upscale_extras,
    upscale_to,
)
from ..latents.codec import cell_of, check_target, check_tile, decode, encode, encode_as_a1111
from ..latents.latents import Latent, finite_samples_of, samples_of
from ..latents.posterior import posterior_generator
from ..memory import check_memory
from .runtime import HostRuntime
from .upscalers import as_upscaler

Numbers = Literal["exact", "A1111"]

NUMBERS: tuple[Numbers, ...] = ("exact", "A1111")
""""exact": float precision and the size asked for. "A1111": its 8 bits, its sizes, its tiles and its random draw."""


def upscale_latent_as_pixels(
    latent: Latent,
    vae: Any,
    upscaler: Any,
    target: TargetSize,
    tiles: TileSettings,
    vae_tile: int,
    numbers: Numbers = "exact",
    noise: Any = None,
    image: torch.Tensor | None = None,
) -> tuple[Latent, torch.Tensor]:
    """Decode, upscale to the exact size, encode, crop.

    Args:
        latent: the result of the first pass.
        vae: decodes and encodes.
        upscaler: see `as_upscaler`.
        target: the size to reach.
        tiles: for models.
        vae_tile: see `decode`.
        numbers: see `NUMBERS`.
        noise: with A1111's numbers: the NOISE object of the passes, whose seeds also decide the random part of the
            encoding; None takes the mean.
        image: `(B, H, W, C)`, 0 to 1: take these pictures, one for every picture of `latent`, instead of decoding.
            With A1111's numbers they may have any size, and values up to 63 of 255 get one level darker, as there.

    Returns:
        The LATENT of the target's size, and the pictures `(B, H, W, C)` that it holds, 0 to 1, also of that size;
        the frames of a clip follow one another.

    Raises:
        InputError: of the latent, the VAE, the upscaler, the image or the target; see the functions this calls.
    """
    check_target(vae, latent, target)
    chosen = as_upscaler(upscaler)
    width, height = target.up_width, target.up_height
    samples = samples_of(latent)
    check_tile(vae, vae_tile)
    _check_room_between(chosen, target, (target.source_width, target.source_height), samples.shape[0], numbers)
    if image is None:
        decoded = decode(vae, latent, vae_tile)
    else:
        decoded = _in_place_of_decoded(image, vae, latent, target, numbers)
    frames = decoded.flatten(0, -4)
    _check_room_between(chosen, target, (frames.shape[2], frames.shape[1]), len(frames), numbers)
    if numbers == "A1111":
        runtime = HostRuntime()
        large = from_8_bit(resize_pictures(to_8_bit(frames), chosen, width, height, tiles, runtime))
        large = large.to(runtime.output_device)
        generator = posterior_generator(noise, latent)
        if generator is not None:
            draw_as_if_loading(generator, chosen, (frames.shape[2], frames.shape[1]), (width, height), len(frames))
        out = encode_as_a1111(vae, large.unflatten(0, decoded.shape[:-3]), latent, target, generator, vae_tile)
    else:
        large = upscale_to(frames, chosen, width, height, tiles, HostRuntime())
        out = encode(vae, large.unflatten(0, decoded.shape[:-3]), latent, target, vae_tile)
    x0, y0, x1, y1 = (cells * target.cell for cells in target.crop_window(width // target.cell, height // target.cell))
    return out, large[:, y0:y1, x0:x1].contiguous()


def upscale_image(
    image: torch.Tensor,
    upscaler: Any,
    resize: float | tuple[int, int],
    crop: bool,
    tiles: TileSettings,
    second: Any = None,
    visibility: float = 0.0,
    max_side: int = 0,
    numbers: Numbers = "exact",
) -> torch.Tensor:
    """Bring pictures to an exact size with one or two upscalers, without a diffusion model.

    Args:
        image: `(B, H, W, C)`, 0 to 1; grey, RGB, both with or without alpha.
        upscaler: see `as_upscaler`.
        resize: a factor for both sides, or the width and height to reach.
        crop: with a width and height: cut off what is too much around the centre. Without it the whole picture is
            kept, and one side can come out larger than asked.
        tiles: for models.
        second: another upscaler for the same pictures, or None; A1111's "None" is none.
        visibility: 0 to 1: how much of the second's result is laid over the first's.
        max_side: with a factor: longest side of the result in pixels; 0 for no limit.
        numbers: see `NUMBERS`. With A1111's, sizes are whole 8 pixels, see `upscale_models.extras`.

    Raises:
        InputError: of the image, the size or the upscalers, or there is no room for such large results.
    """
    if not isinstance(image, torch.Tensor):
        raise InputError(f"expected pictures, found {type(image).__name__}.", "image")
    _check_pictures(image)
    first = as_upscaler(upscaler)
    other = None if second is None or not visibility > 0 else as_upscaler(second)
    if other is not None and is_none(other):
        other = None
    size = image.shape[2], image.shape[1]
    decides = "upscaling_resize_w" if isinstance(resize, tuple) else "upscaling_resize"
    if numbers == "A1111":
        runtime = HostRuntime()
        plan = extras_size(size, resize, crop, max_side)
        if not is_none(first):
            large = enlarged_size(size, plan)
            runs = [run for one in (first, other) if one for run in runs_as_a1111(one, size, plan.factor)]
            needed = memory.enlarged_as_a1111(large, plan.canvas or large, len(image), runs)
            check_memory(_becomes(image, large), needed, decides)
        pictures = upscale_extras(to_8_bit(image), plan, first, other, visibility, tiles, runtime)
        return from_8_bit(pictures).to(runtime.output_device)
    if max_side and not isinstance(resize, tuple):
        resize = min(resize, max_side / max(size))
    target = image_size(*size, resize, crop)
    needed = memory.enlarged((target.width, target.height), len(image), image.shape[-1], 1 if other is None else 2)
    check_memory(_becomes(image, (target.width, target.height)), needed, decides)
    large = _exactly(image, first, target, tiles)
    if other is None:
        return large
    return large.lerp_(_exactly(image, other, target, tiles), min(visibility, 1.0))


def _becomes(image: torch.Tensor, size: tuple[int, int]) -> str:
    count, height, width = image.shape[:3]
    pictures = f"{count} pictures of " if count > 1 else ""
    return f"{pictures}{width}x{height} pixels would become {size[0]}x{size[1]}"


def _check_room_between(
    upscaler: Upscaler, target: TargetSize, source: tuple[int, int], count: int, numbers: Numbers
) -> None:
    """Refuse (InputError) pictures of the size `source` that the way through pixels leaves no room for."""
    up, is_a1111 = (target.up_width, target.up_height), numbers == "A1111"
    runs = runs_as_a1111(upscaler, source, max(up[0] / source[0], up[1] / source[1])) if is_a1111 else []
    needed = memory.between_passes(up, target.size, count, is_a1111, runs)
    pictures = f"{count} pictures of " if count > 1 else ""
    check_memory(f"{pictures}{source[0]}x{source[1]} pixels would become {up[0]}x{up[1]}", needed, "target")


def _exactly(image: torch.Tensor, upscaler: Upscaler, plan: ImageSize, tiles: TileSettings) -> torch.Tensor:
    x, y = (plan.up_width - plan.width) // 2, (plan.up_height - plan.height) // 2
    window = Box(x, y, x + plan.width, y + plan.height)
    return upscale_to(image, upscaler, plan.up_width, plan.up_height, tiles, HostRuntime(), window)


def _in_place_of_decoded(
    image: torch.Tensor, vae: Any, latent: Latent, target: TargetSize, numbers: Numbers
) -> torch.Tensor:
    """Bring given pictures into the form of decoded ones, `(B, [T,] H, W, C)`."""
    _check_pictures(image)
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


def _check_pictures(image: torch.Tensor) -> None:
    try:
        check_image(image)
        if image.shape[-1] > 4:
            raise InputError(f"an image has 1 to 4 channels, but this one has {image.shape[-1]}.")
    except InputError as error:
        raise InputError(str(error), "image") from error

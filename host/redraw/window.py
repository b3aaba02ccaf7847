"""One window of a picture, redrawn: whatever is to be done before or after a window belongs here."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ...hires.errors import InputError
from ...hires.sizes.regions import Cond
from ...hires.tiles.boxes import Box
from ..latents.any_size import decode_to_size, encode_any_size
from ..memory import is_out_of_memory
from ..sampling.noise import PlacedNoise
from ..sampling.passes import OnStep, sample_second
from ..sampling.renoising import renoise
from .request import RedrawRequest


def draw_window(request: RedrawRequest, box: Box, pixels: torch.Tensor, on_step: OnStep) -> torch.Tensor:
    """Redraw a window, which depends on nothing but its pixels and its place.

    Args:
        box: the window's place in the picture; it begins at a latent cell.
        pixels: `(h, w, C)`, 0 to 1, of the box.
        on_step: see `sample_second`.

    Returns:
        `(h, w, 3)` float32, 0 to 1, or 4 channels with the transparency that `pixels` has.

    Raises:
        InputError: see the functions this calls; or there is no memory for the window.
    """
    try:
        return _drawn(request, box, pixels[None], on_step)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise InputError(
            f"there is no memory for a window of {box.width}x{box.height} pixels. Set tile_size to about "
            f"{max(64, max(box.width, box.height) * 3 // 4 // 64 * 64)}.",
            "tile_size",
        ) from error


def _drawn(request: RedrawRequest, box: Box, image: torch.Tensor, on_step: OnStep) -> torch.Tensor:
    noise, sigmas = PlacedNoise.of(request.noise, request.place(box)), request.sigmas
    positive, negative = _prompts(request, image)
    latent = encode_any_size(request.vae, image)
    noised = renoise(request.model, request.values, latent, noise, sigmas)
    sampled = sample_second(
        noised,
        sigmas.sigmas,
        on_step,
        request.hooks,
        model=request.model,
        positive=positive,
        negative=negative,
        noise=noise,
        cfg=request.cfg,
        sampler_name=request.values.sampler_name,
        settings=request.values.settings,
    )
    return decode_to_size(request.vae, sampled, image)[0].float().cpu()


def _prompts(request: RedrawRequest, image: torch.Tensor) -> tuple[Cond, Cond]:
    """The prompts of a window, which a ControlNet sees itself."""
    if request.control_net is None or request.control_strength == 0:
        return request.positive, request.negative
    colours = image[..., :3] if image.shape[-1] > 2 else image[..., :1].expand(-1, -1, -1, 3)
    beyond = (0, -image.shape[2] % request.cell, 0, -image.shape[1] % request.cell)
    hint = F.pad(colours.movedim(-1, 1), beyond, mode="replicate")
    control = request.control_net.copy().set_cond_hint(hint, request.control_strength, (0.0, 1.0), vae=request.vae)
    both = {"control": control, "control_apply_to_uncond": False}
    positive, negative = (
        [[text, {**extra, **both}] for text, extra in one] for one in (request.positive, request.negative)
    )
    return positive, negative

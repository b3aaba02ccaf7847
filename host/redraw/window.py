"""One window of a picture, redrawn: whatever is to be done before or after a window belongs here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import comfy.model_management
import torch
import torch.nn.functional as F

from ...hires.errors import InputError
from ...hires.sizes.image_sizes import Size
from ...hires.sizes.regions import Cond
from ...hires.tiles.boxes import Box
from ..latents.any_size import decode_to_size, encode_any_size
from ..memory import is_out_of_memory
from ..sampling.noise import PlacedNoise
from ..sampling.passes import OnStep, sample_second
from ..sampling.renoising import renoise
from ..tiles.canvas import TileRequest, windows_of, with_smaller_windows
from ..tiles.errors import TiledModelError
from ..tiles.planned import planned_model
from ..tiles.tiled_model import tiled_model
from .request import Part, RedrawRequest

log = logging.getLogger("hires-fix")

OnSmaller = Callable[[int], None]
"""Hears that from now on a window is sampled in tiles of up to so many pixels."""

Made = TypeVar("Made")


def no_smaller(size: int) -> None:
    """For whoever draws for others, who have another memory, and may note for a restart how a window was drawn.

    Raises:
        InputError: always.
    """
    raise InputError(f"memory ran out, and it would have to be sampled in tiles of {size} pixels")


def draw_window(
    request: RedrawRequest,
    box: Box,
    size: Size,
    pixels: torch.Tensor,
    on_step: OnStep,
    tiles: int = 0,
    on_smaller: OnSmaller = lambda _: None,
) -> torch.Tensor:
    """Redraw a window, which depends on nothing but its pixels and its place, and on whether there is memory for it.

    Where memory runs out, all models leave it first. Then the window's sampling begins again in smaller tiles that are
    put together at every step, see `tiled_model`, and in smaller ones again. Noise, VAE and what the window is faded
    into stay as they are.

    Args:
        box: the window's place in the picture; it begins at a latent cell.
        size: width and height of the picture.
        pixels: `(h, w, C)`, 0 to 1, of the box.
        on_step: see `sample_second`; it begins again with the sampling.
        tiles: of so many pixels the sampling begins in; 0: in one piece.

    Returns:
        `(h, w, 3)` float32, 0 to 1, or 4 channels with the transparency that `pixels` has.

    Raises:
        InputError: see the functions this calls; or there is no memory for the window.
    """
    part, image = request.part(box, size), pixels[None]
    try:
        latent = _with_room(lambda: encode_any_size(request.vae, image))
        sampled = _sampled(request, part, image, latent, on_step, tiles, on_smaller)
        return _with_room(lambda: decode_to_size(request.vae, sampled, image))[0].float().cpu()
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise _too_large(box) from error


def _too_large(box: Box) -> InputError:
    return InputError(
        f"there is no memory for a window of {box.width}x{box.height} pixels. Set tile_size to about "
        f"{max(64, max(box.width, box.height) * 3 // 4 // 64 * 64)}.",
        "tile_size",
    )


def _sampled(
    request: RedrawRequest, part: Part, image: torch.Tensor, latent: Any, on_step: OnStep, tiles: int, told: OnSmaller
) -> Any:
    noise, sigmas = PlacedNoise.of(request.noise, part.cells), request.sigmas
    positive, negative = _prompts(request, part, image)
    shares = request.shares(part)
    noised = renoise(request.model, request.values, latent, noise, sigmas)

    def sample() -> Any:
        model = request.model
        if asked.size:
            model = tiled_model(model, asked)
        if shares is not None and request.plan is not None:
            model = planned_model(model, request.plan.cut(part.window, part.whole))
        return sample_second(
            noised,
            sigmas.sigmas,
            on_step,
            request.hooks,
            model=model,
            positive=positive,
            negative=negative,
            noise=noise,
            cfg=request.cfg,
            sampler_name=request.values.sampler_name,
            settings=request.values.settings,
        )

    asked = TileRequest(tiles, -1, "soft", at_once=1, is_fixed=True)
    while True:
        try:
            return _with_room(sample)
        except TiledModelError as error:
            if not asked.size:
                raise
            raise InputError(f"{_too_large(part.window)} In tiles: {error}", "tile_size") from error
        except Exception as error:
            network = request.model.model
            windows = windows_of(network, latent["samples"].shape, asked if asked.size else _in_one_piece(part))
            smaller = with_smaller_windows(network, windows, asked) if is_out_of_memory(error) else None
            if smaller is None:
                raise
        # outside the except block, where the failed call's tensors are still alive
        asked = smaller
        told(asked.size)
        comfy.model_management.soft_empty_cache()
        log.warning(
            "Out of memory: Tiled Redraw samples the window of %dx%d pixels at %d, %d again in tiles of up to %d.",
            *part.size, part.window.x0, part.window.y0, asked.size,
        )  # fmt: skip


def _in_one_piece(part: Part) -> TileRequest:
    return TileRequest(max(part.size), 0, "soft", at_once=1)


def _with_room(make: Callable[[], Made]) -> Made:
    """Make something; where memory runs out, once more with all models out of it."""
    try:
        return make()
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    log.warning("Out of memory: Tiled Redraw takes all models out of it and tries again.")
    comfy.model_management.unload_all_models()
    comfy.model_management.soft_empty_cache()
    return make()


def _prompts(request: RedrawRequest, part: Part, image: torch.Tensor) -> tuple[Cond, Cond]:
    """The prompts of a window, which a ControlNet sees itself, beside those that the prompts bring."""
    positive, negative = request.prompts(part)
    if request.control_net is None or request.control_strength == 0:
        return positive, negative
    colours = image[..., :3] if image.shape[-1] > 2 else image[..., :1].expand(-1, -1, -1, 3)
    beyond = (0, part.size[0] - image.shape[2], 0, part.size[1] - image.shape[1])
    hint = F.pad(colours.movedim(-1, 1), beyond, mode="replicate")
    chains: dict[int, Any] = {}

    def behind(before: Any) -> Any:
        # the same for the same: the host then runs both prompts in one call
        if id(before) not in chains:
            control = request.control_net.copy()
            chains[id(before)] = control.set_cond_hint(hint, request.control_strength, (0.0, 1.0), vae=request.vae)
            control.set_previous_controlnet(before)
        return chains[id(before)]

    def held(cond: Cond, other: Any = None) -> Cond:
        return [
            [text, {**extra, "control": behind(extra.get("control") or other), "control_apply_to_uncond": False}]
            for text, extra in cond
        ]

    # what the host would do itself if the negative prompt had none
    both = (extra.get("control") for _, extra in positive if extra.get("control_apply_to_uncond"))
    return held(positive), held(negative, next(filter(None, both), None))

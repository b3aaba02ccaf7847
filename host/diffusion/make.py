"""The upscaler that a MODEL is, by its kind."""

from __future__ import annotations

from typing import Any

import comfy.model_base

from ...hires.errors import InputError
from ...hires.sampling.same import second_pass_values
from ...hires.sizes.regions import Cond
from ...upscale_models import Upscaler
from ..redraw.request import RedrawRequest
from ..sampling.noise import HostNoise
from ..tiles.canvas import TileRequest
from ..tiles.tiled_model import request_of
from .part import DiffusionUpscaler
from .redraw import RedrawUpscaler
from .sd_x4 import X4Numbers, X4Upscaler, is_sd_x4


def diffusion_upscaler(
    model: Any,
    vae: Any,
    positive: Cond,
    negative: Cond,
    asked: X4Numbers,
    denoising_strength: float,
    factor: float,
    origin: str,
    before: Upscaler | None,
    control_net: Any,
    control_strength: float,
) -> DiffusionUpscaler:
    """Make the upscaler. `asked`: the numbers that both kinds have, and those of SD x4.

    Raises:
        InputError: something that cannot be used, by the name of its input.
    """
    if request_of(model) is not None:
        raise InputError(
            "the model comes from Tiled Model, and this node cuts pictures itself. Connect the model before it, and "
            "set tile_size and overlap here.",
            "model",
        )
    if isinstance(model.model, comfy.model_base.SeedVR2):
        raise InputError("this is SeedVR2, which needs no prompt. Take SeedVR2 Upscaler.", "model")
    for name, cond in (("positive", positive), ("negative", negative)):
        _check_fits(name, cond, model)
    if is_sd_x4(model):
        if control_net is not None:
            raise InputError(
                "the SD x4 upscaler sees the picture itself, and there are no ControlNets for it. Disconnect it.",
                "control_net",
            )
        return X4Upscaler.of(model, vae, positive, negative, asked, origin, before)
    values = second_pass_values(None, asked.steps, 0, asked.sampler_name, asked.scheduler, None)
    tiles = TileRequest(asked.tile_size, asked.overlap, "soft", at_once=1)
    request = RedrawRequest(
        model, vae, positive, negative, HostNoise(asked.seed), values, denoising_strength, asked.cfg, tiles,
        control_net, control_strength,
    )  # fmt: skip
    return RedrawUpscaler.of(request, factor, origin, before)


def _check_fits(name: str, cond: Cond, model: Any) -> None:
    """Refuse a prompt that is none, or another family's."""
    if not cond:
        raise InputError("there is no prompt in it. Connect a text encoder, an empty text will do.", name)
    expected = model.model.model_config.unet_config.get("context_dim")
    found = {text.shape[-1] for text, _ in cond if hasattr(text, "shape")}
    if isinstance(expected, int) and found - {expected}:
        raise InputError(
            f"the prompt was encoded for another model: it is {max(found - {expected})} wide, this model takes "
            f"{expected}. Encode it with the CLIP of the model's own checkpoint.",
            name,
        )

"""Stable Diffusion x4 Upscaler: a network that sees the small picture itself, and draws one four times as large."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import comfy.model_base
import torch

from ...hires.errors import InputError
from ...hires.graph.passthrough import DIFFUSION_UPSCALER
from ...hires.sizes.diffusion import X4_SCALE, x4_windows
from ...hires.sizes.regions import Cond
from ...hires.tiles.boxes import Box
from ...upscale_models import OnPart, Upscaler
from ..latents.codec import cell_of, cell_of_model, decode
from ..redraw.request import LAID_OVER, PLACED
from ..sampling.job import job_of
from ..sampling.noise import PlacedNoise
from ..sampling.passes import OF_A_PICTURE, sample_base
from ..sampling.sigmas import Scheduling
from ..tiles.canvas import TileRequest
from ..tiles.tiled_model import tiled_model
from .part import DiffusionUpscaler, noise_of

_AUGMENTATION = -10
"""Added to the seed for the noise in the small picture, by the host."""


@dataclass(frozen=True)
class X4Numbers:
    """What the node asks people for."""

    seed: int
    steps: int
    cfg: float
    sampler_name: str
    scheduler: str
    noise_augmentation: float
    """0 to 1: noise in the picture that the network sees, of which it is told."""

    tile_size: int
    overlap: int
    """Of what the network sees at once, in pixels of the result; 0: a part, -1: a third."""


@dataclass(frozen=True, eq=False, kw_only=True)
class X4Upscaler(DiffusionUpscaler):
    """Draws parts of a picture in noise alone.

    Whole pictures up to `X4_PART` are what core's SD_4XUpscale_Conditioning, KSampler and VAE Decode make of them, bit
    by bit with the host's samplers. Larger ones come part after part, so that memory does not grow with them, and have
    the noise of their place. Within a part, tiles that were asked for, or that memory asks for, are put together at
    every step as Tiled Model does: drawn in noise alone, they would not agree if each were sampled by itself.
    """

    model: Any
    vae: Any
    positive: Cond
    negative: Cond
    asked: X4Numbers
    is_fixed: bool = False
    """See `TileRequest`."""

    name = DIFFUSION_UPSCALER

    @classmethod
    def of(
        cls,
        model: Any,
        vae: Any,
        positive: Cond,
        negative: Cond,
        asked: X4Numbers,
        origin: str,
        before: Upscaler | None,
    ) -> X4Upscaler:
        """Check what can be known before a picture comes.

        Raises:
            InputError: the VAE is another's, a prompt has what belongs to one picture, or a number cannot be used.
        """
        cell, channels = cell_of(vae), vae.latent_channels
        if (cell, channels) != (X4_SCALE, 4):
            raise InputError(
                f"the VAE has cells of {cell} pixels and {channels} channels, the SD x4 upscaler takes 4 and 4. "
                "Connect the VAE of its own checkpoint.",
                "vae",
            )
        for name, cond in (("positive", positive), ("negative", negative)):
            _check_prompt(name, cond)
        windows = x4_windows(asked.tile_size, asked.overlap)
        settings = job_of(model, positive, negative, None, asked.cfg, asked.sampler_name).settings
        Scheduling(model, asked.sampler_name, asked.scheduler, settings).first_pass(asked.steps)
        return cls(
            origin=origin,
            before=before,
            windows=windows,
            model=model,
            vae=vae,
            positive=positive,
            negative=negative,
            asked=asked,
        )

    @property
    def numbers(self) -> dict[str, Any]:
        """See `DiffusionUpscaler`."""
        return vars(self.asked)

    @property
    def drawn_with(self) -> tuple[Any, list[Any]]:
        """See `DiffusionUpscaler`."""
        return self.model, [self.positive, self.negative]

    def without_smaller_parts(self) -> X4Upscaler:
        """See `PlacedUpscaler`."""
        return replace(self, is_fixed=True)

    def draw(self, pixels: torch.Tensor, place: Box, on_part: OnPart) -> torch.Tensor:
        """See `DiffusionUpscaler`."""
        asked, whole = self.asked, self.size_of(place)

        def on_step(index: int, denoised: torch.Tensor, latent: torch.Tensor, total: int) -> None:
            on_part((index + 1) / (total + 1))  # decoding counts as a step

        noise, model = noise_of(asked.seed, place, whole), self.model
        if isinstance(noise, PlacedNoise) and asked.noise_augmentation > 0:
            model = _with_placed_augmentation(model, asked.seed, place)
        model = tiled_model(model, self._tiles)
        seen = {"concat_image": pixels[None] * 2.0 - 1.0, "noise_augmentation": asked.noise_augmentation}
        positive, negative = ([[text, {**extra, **seen}] for text, extra in cond]
                              for cond in (self.positive, self.negative))  # fmt: skip
        job = job_of(model, positive, negative, noise, asked.cfg, asked.sampler_name)
        empty = {"samples": torch.zeros(1, self.vae.latent_channels, place.height, place.width)}
        drawn = sample_base(job, empty, asked.steps, asked.scheduler, on_step=on_step)
        return decode(self.vae, drawn)[0].movedim(-1, 0)

    @property
    def _tiles(self) -> TileRequest:
        """Of what the network sees, in pixels of the result."""
        cell, (tile, shared) = cell_of_model(self.model.model), self.windows.inside
        return TileRequest(
            (tile or self.windows.tile) * cell, max(-1, shared * cell), "soft", at_once=1, is_fixed=self.is_fixed
        )


def is_sd_x4(model: Any) -> bool:
    """Whether a MODEL is the SD x4 upscaler."""
    return isinstance(model.model, comfy.model_base.SD_X4Upscaler)


def _check_prompt(name: str, cond: Cond) -> None:
    words = {**{key: OF_A_PICTURE[key] for key in PLACED}, **LAID_OVER}
    held = [words[key] for _, extra in cond for key in words if extra.get(key) is not None]
    if held:
        advice = "Connect the prompt as it was before that node"
        if any(extra.get("concat_image") is not None for _, extra in cond):
            advice += ": SD_4XUpscale_Conditioning is not needed here, each window gets its own picture"
        raise InputError(
            f"the prompt has {' and '.join(dict.fromkeys(held))}, which belongs to one whole picture. {advice}.", name
        )


class _PlacedAugmentation(torch.nn.Module):
    """The host's noise in the small picture, drawn place by place."""

    def __init__(self, host: Any, noise: torch.Tensor) -> None:
        super().__init__()
        self.max_noise_level = host.max_noise_level
        self._add, self._noise = host.q_sample, noise

    def forward(self, image: torch.Tensor, noise_level: torch.Tensor, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self._add(image, noise_level, noise=self._noise.to(image)), noise_level


def _with_placed_augmentation(model: Any, seed: int, place: Box) -> Any:
    shape = torch.empty(1, 3, place.height, place.width)
    noise = PlacedNoise(seed + _AUGMENTATION, "CPU", place).generate_noise({"samples": shape})
    own = model.clone()
    own.add_object_patch("noise_augmentor", _PlacedAugmentation(model.get_model_object("noise_augmentor"), noise))
    return own

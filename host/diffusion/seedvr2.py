"""SeedVR2 as an upscaler: restores pictures at the size they have, on core's own nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import comfy.ldm.seedvr.vae
import comfy.model_base
import torch
import torch.nn.functional as F

from ...hires.errors import InputError
from ...hires.graph.passthrough import SEEDVR2
from ...hires.sizes.diffusion import SEEDVR2_GRID as GRID
from ...hires.sizes.diffusion import seedvr2_windows
from ...hires.tiles.boxes import Box
from ...upscale_models import OnPart
from ..ending import check_stage
from ..latents.codec import cancellable, cell_of
from ..node_classes import node_class
from ..sampling.job import job_of
from ..sampling.passes import sample_base
from .part import DiffusionUpscaler, noise_of

ColourFix = Literal["lab", "wavelet", "adain", "none"]
COLOUR_FIXES: tuple[ColourFix, ...] = ("lab", "wavelet", "adain", "none")

_VAE_TILES = {"tile_size": 512, "overlap": 64, "temporal_size": 64, "temporal_overlap": 8}
_SAMPLER, _SCHEDULER, _STEPS, _CFG = "euler", "simple", 1, 1.0
"""As in the host's template: the model is distilled to one step."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SeedVR2Upscaler(DiffusionUpscaler):
    """Restores windows one by one, so that a batch of stills is never taken for a clip."""

    model: Any
    vae: Any
    seed: int
    colour_fix: ColourFix
    strength: float
    """0 to 1: how much is seen of what the model made, over the picture as it was resized."""

    name = SEEDVR2

    @classmethod
    def of(
        cls, model: Any, vae: Any, seed: int, colour_fix: ColourFix, strength: float, tile_size: int, overlap: int,
        origin: str,
    ) -> SeedVR2Upscaler:  # fmt: skip
        """Check what can be known before a picture comes. Raises InputError."""
        if not isinstance(model.model, comfy.model_base.SeedVR2):
            raise InputError(
                f"the model is of the kind {type(model.model).__name__}, not SeedVR2. Load a SeedVR2 model with Load "
                "Diffusion Model; for any other take Diffusion Upscaler.",
                "model",
            )
        cell = cell_of(vae)
        if not isinstance(vae.first_stage_model, comfy.ldm.seedvr.vae.VideoAutoencoderKLWrapper):
            raise InputError(
                f"this is not SeedVR2's VAE (cells of {cell} pixels, {vae.latent_channels} channels). Load "
                "ema_vae_fp16.safetensors of SeedVR2 with Load VAE.",
                "vae",
            )
        return cls(
            origin=origin,
            before=None,
            windows=seedvr2_windows(tile_size, overlap),
            model=model,
            vae=vae,
            seed=seed,
            colour_fix=colour_fix,
            strength=strength,
        )

    @property
    def numbers(self) -> dict[str, Any]:
        """See `DiffusionUpscaler`."""
        return {"seed": self.seed, "colour_fix": self.colour_fix, "strength": self.strength}

    @property
    def drawn_with(self) -> tuple[Any, list[Any]]:
        """See `DiffusionUpscaler`."""
        return self.model, []

    def draw(self, pixels: torch.Tensor, place: Box, on_part: OnPart) -> torch.Tensor:
        """See `DiffusionUpscaler`."""
        image = whole_grid(pixels.movedim(0, -1)[None])
        padded = _node("SeedVR2Preprocess", resized_images=image)
        with cancellable(self.vae):
            latent = _node("VAEEncodeTiled", pixels=padded, vae=self.vae, **_VAE_TILES)
        on_part(1 / 3)
        positive, negative = _node("SeedVR2Conditioning", model=self.model, vae_conditioning=latent)
        noise = noise_of(self.seed, _cells(place), _cells(Box(0, 0, *self.size_of(place)))[2:])
        job = job_of(self.model, positive, negative, noise, _CFG, _SAMPLER)
        drawn = sample_base(job, latent, _STEPS, _SCHEDULER, on_step=lambda *_: on_part(2 / 3))
        with cancellable(self.vae):
            decoded = _node("VAEDecodeTiled", samples=drawn, vae=self.vae, **_VAE_TILES)
        check_stage()
        made = _node(
            "SeedVR2PostProcessing",
            images=decoded,
            original_resized_images=image,
            color_correction_method=self.colour_fix,
        )
        restored = made[0, : place.height, : place.width].movedim(-1, 0).float().cpu()
        return torch.lerp(pixels, restored, self.strength)


def whole_grid(image: torch.Tensor) -> torch.Tensor:
    """Repeat the last row and column of `(B, H, W, C)` up to whole `SEEDVR2_GRID` pixels."""
    beyond = (0, -image.shape[2] % GRID, 0, -image.shape[1] % GRID)
    return F.pad(image.movedim(-1, 1), beyond, mode="replicate").movedim(1, -1)


def _cells(box: Box) -> Box:
    """A box in latent cells, of whole grids."""
    cell = GRID // 2
    return Box(box.x0 // cell, box.y0 // cell, -(-box.x1 // GRID) * 2, -(-box.y1 // GRID) * 2)


def _node(kind: str, **given: Any) -> Any:
    """Call one of core's nodes. Returns its output, or a tuple of several."""
    found = node_class(kind)
    if found is None:
        raise InputError(f"this ComfyUI has no node {kind}. Update ComfyUI: SeedVR2 came with version 0.30.")
    function = getattr(found, "FUNCTION", "execute")
    outputs = found.execute(**given).args if function == "EXECUTE_NORMALIZED" else getattr(found(), function)(**given)
    return outputs if len(outputs) > 1 else outputs[0]

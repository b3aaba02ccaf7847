"""NOISE objects: the same ones that core's SamplerCustomAdvanced takes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass, replace
from typing import Any

import comfy.sample
import torch

from ...hires.errors import InputError
from ...hires.sampling.noise import GENERATORS, SEEDS, Generator, ImageNoise, Source, Variation
from ..latents.latents import samples_of

COMFYUI = "ComfyUI"
"""Name of the host's own noise: one CPU generator for the whole batch."""


@dataclass(frozen=True)
class PerImageNoise:
    """A1111's noise: image i of a batch is drawn from a generator with seed `seed + i`."""

    seed: int
    source: Source
    variation: Variation

    def generate_noise(self, latent: dict[str, Any]) -> torch.Tensor:
        """Return float32 unit noise of the latent's shape, the first draw of fresh generators."""
        return self._images(latent).draw(samples_of(latent).shape[1:])

    def step_noise(self, latent: dict[str, Any]) -> Callable[[Any, Any], torch.Tensor]:
        """Return a k-diffusion noise sampler: the draws that follow the start noise, `(B, C, [T,] h, w)` each."""
        images, shape = self._images(latent), samples_of(latent).shape[1:]
        images.draw(shape)
        return lambda sigma, sigma_next: images.draw(shape).to(sigma.device)

    def image_seeds(self, latent: dict[str, Any]) -> list[int]:
        """Seeds of the images, for noise that does not come from their generators (Brownian trees)."""
        return self._images(latent).seeds

    def generator(self, seed: int) -> Generator:
        """Return a fresh generator of this source."""
        return GENERATORS[self.source](seed)

    def _images(self, latent: dict[str, Any]) -> ImageNoise:
        indices = latent.get("batch_index") or range(samples_of(latent).shape[0])
        return ImageNoise(self.source, self.seed, list(indices), self.variation)


@dataclass(frozen=True)
class HostNoise:
    """ComfyUI's noise, bit for bit that of KSampler and RandomNoise."""

    seed: int

    def generate_noise(self, latent: dict[str, Any]) -> torch.Tensor:
        """Return float32 unit noise of the latent's shape."""
        noise = comfy.sample.prepare_noise(samples_of(latent), self.seed, latent.get("batch_index"))
        assert isinstance(noise, torch.Tensor)  # `samples_of` takes no nested ones
        return noise


def make_noise(seed: int, source: str, variation: Variation) -> PerImageNoise | HostNoise:
    """Return a NOISE object for a seed; `source` is "GPU", "CPU" or "ComfyUI", which knows no variation."""
    if source != COMFYUI:
        return PerImageNoise(seed, source, variation)  # type: ignore[arg-type]
    if variation != Variation():
        raise InputError("ComfyUI's own noise has no variation seed, seed resize or ENSD; choose CPU or GPU.", "source")
    return HostNoise(seed)


def shifted(noise: Any, by: int) -> Any:
    """Return a NOISE object, the pack's or another's, with a seed that is larger by so much.

    Raises:
        InputError: it has no seed.
    """
    if by == 0:
        return noise
    seed = getattr(noise, "seed", None)
    if not isinstance(seed, int):
        raise InputError(
            f"{type(noise).__name__} has no seed that could be counted up from one batch of tiles to the next. Connect "
            "Seed and Noise or core's RandomNoise.",
            "noise",
        )
    if is_dataclass(noise):
        return replace(noise, seed=(seed + by) % SEEDS)  # type: ignore[type-var]
    other = copy.copy(noise)
    other.seed = (seed + by) % SEEDS
    return other
